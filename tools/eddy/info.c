/*
 * eddy info: the features of this eddy and this kernel, and the reasons for what is missing.
 */
#include "base/kernel.h"
#include "base/libc.h"
#include "base/printable.h"
#include "base/sys.h"
#include "commands.h"
#include "eddy/error.h"
#include "eddy/loop.h"
#include "eddy/version.h"
#include "target.h"
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

static void print_backend(const char *title, eddy_backend backend)
{
    eddy_loop *loop = eddy_loop_new(&(eddy_loop_options){.backend = backend});
    char why[300] = "";

    if (loop && *eddy_loop_backend_reason(loop))
        snprintf(why, sizeof why, " (not io_uring: %s)", eddy_loop_backend_reason(loop));
    if (loop)
        printf("%-18s %s%s\n", title, eddy_loop_backend_name(loop), why);
    else
        printf("%-18s no: %s\n", title, eddy_exception_message(eddy_error()));
    eddy_loop_unref(loop);
}

/* Returns true if a page that is made a guard can no longer be populated. */
static bool has_guards(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page;
    bool works;

    if (eddyi_sys_map(size, true, &page) < 0)
        return false;
    works = eddyi_sys_guard_install(page, size) == 0 &&
            eddyi_sys_advise(page, size, EDDYI_MADV_POPULATE_READ) < 0;
    eddyi_sys_unmap(page, size);
    return works;
}

static bool has_pwait2(void)
{
    struct timespec none = {0, 0};
    struct epoll_event event;
    int fd = eddyi_sys_epoll_create(), n = -1;

    if (fd >= 0) {
        n = epoll_pwait2(fd, &event, 1, &none, NULL);
        eddyi_sys_close(fd);
    }
    return n >= 0;
}

static int print_here(void)
{
    struct utsname kernel;
    const char *wanted = secure_getenv("EDDY_BACKEND");

    uname(&kernel);
    printf("%-18s %s\n", "eddy", eddy_version());
    printf("%-18s %s %s, %s\n", "kernel", kernel.sysname, kernel.release, kernel.machine);
    print_backend("backend", EDDY_BACKEND_DEFAULT);
    if (wanted && *wanted)
        printf("%-18s EDDY_BACKEND=%s\n", "environment", wanted);
    print_backend("io_uring", EDDY_BACKEND_IO_URING);
    printf("%-18s %s\n", "epoll_pwait2",
           has_pwait2() ? "yes" : "no: timers of the epoll backend are rounded up to 1 ms");
    printf("%-18s %s\n", "stack guards",
           has_guards() ? "MADV_GUARD_INSTALL: every task has one"
                        : "mprotect: only as many tasks have one as vm.max_map_count allows (Linux "
                          "6.13 has no limit)");
    return 0;
}

static struct target target; /* large, because it keeps the pages read */

static int print_process(const char *pid)
{
    char command[64], library[64];
    struct snapshot s;

    if (!target_open(&target, pid) || !target_snapshot(&target, &s))
        return 1;
    target_command(&target, command, sizeof command);
    eddyi_printable(target.blocks[0].content.library, sizeof target.blocks[0].content.library,
                    library, sizeof library);
    printf("process %d (%s): eddy %s, %zu loop%s\n", target.pid, command, library, s.n_loops,
           s.n_loops == 1 ? "" : "s");
    print_loops(&s);
    snapshot_free(&s);
    return 0;
}

int command_info(const struct options *o)
{
    return o->pid ? print_process(o->pid) : print_here();
}
