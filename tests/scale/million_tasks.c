/*
 * million-tasks [N]: that many tasks sleep at once, are counted in memory, and are cancelled and
 * joined.
 *
 * Not one of the tests that run each time: it takes gigabytes. Prints lines as they do.
 */
#define _GNU_SOURCE
#include "eddy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t n_tasks = 1000000;
static size_t n_started, n_cancelled;
static int failures;

static void expect(bool met, const char *promise)
{
    printf("%s %s\n", met ? "ok" : "not ok", promise);
    failures += !met;
}

/* A line of /proc/self/status, in bytes. */
static double memory(const char *key)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[200];
    double kib = 0;

    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtod(line + strlen(key), NULL);
    }
    fclose(f);
    return kib * 1024;
}

eddy_async(sleeper)
{
    int rc;

    n_started++;
    rc = eddy_sleep(3600);
    n_cancelled += rc == -ECANCELED;
    return rc;
}

eddy_async(amain, (eddy_task **, tasks))
{
    size_t created = 0;
    double resident;

    while (created < n_tasks && (tasks[created] = eddy_create_task(sleeper())) != NULL)
        created++;
    expect(created == n_tasks, "all tasks are created");
    eddy_try(eddy_sleep(0));
    expect(n_started == n_tasks, "all of them run and sleep at once");

    /* Page tables count as well: they are what a small address space per task saves. */
    resident = memory("VmRSS:") + memory("VmPTE:");
    printf("# %zu tasks, %.2f GiB with page tables, %.0f bytes each\n", created,
           resident / (1 << 30), resident / (double)n_tasks);
    expect(resident / (double)n_tasks < 4.9 * (1 << 30) / 1e6,
           "they fit into 4.9 GiB for a million");

    for (size_t i = 0; i < created; i++)
        eddy_task_cancel(tasks[i], NULL);
    for (size_t i = 0; i < created; i++) {
        if (eddy_await(tasks[i]) != -ECANCELED)
            return eddy_raise(EDDY_EUSER, "task %zu did not end as cancelled", i);
    }
    expect(n_cancelled == n_tasks, "all are cancelled and joined");
    return 0;
}

static bool kernel_has_guards(void)
{
    /* MADV_GUARD_INSTALL of Linux 6.13, which older headers do not name */
    const int guard_install = 102;
    long page = sysconf(_SC_PAGESIZE);
    void *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has = p != MAP_FAILED && madvise(p, (size_t)page, guard_install) == 0;

    if (p != MAP_FAILED)
        munmap(p, (size_t)page);
    return has;
}

/* The library says on standard error, which went to @fd, when it has to make stacks without
 * guards. */
static void expect_guards(int fd)
{
    char said[4096];
    ssize_t n = pread(fd, said, sizeof said - 1, 0);

    said[n > 0 ? n : 0] = '\0';
    if (*said)
        printf("# %s", said);
    if (kernel_has_guards())
        expect(!strstr(said, "no guard pages"), "every stack has its guard");
    else
        puts("ok every stack has its guard # skip this kernel has no MADV_GUARD_INSTALL");
}

int main(int argc, char **argv)
{
    eddy_task **tasks;
    int said = memfd_create("stderr", MFD_CLOEXEC);
    int status;

    if (argc > 1)
        n_tasks = strtoul(argv[1], NULL, 10);
    tasks = calloc(n_tasks, sizeof(eddy_task *));
    if (!tasks || n_tasks == 0) {
        fprintf(stderr, "usage: million-tasks [N]\n");
        return 2;
    }
    dup2(said, STDERR_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    status = eddy_run(amain(tasks));
    expect(status == 0, "the run ends well");
    expect_guards(said);
    free(tasks);
    return failures ? 1 : 0;
}
