/*
 * The system calls of sys.h that are longer than one line. Calls that cannot fail in a way that a
 * caller could act on (unmap, close) return nothing and do not ask eddyi_fault().
 */
#include "base/sys.h"

#include "base/kernel.h"
#include "base/unguarded.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

char *eddyi_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = eddyi_alloc(size);

    return copy ? memcpy(copy, s, size) : NULL;
}

int eddyi_sys_map(size_t size, bool stack, void **ret)
{
    int f = eddyi_fault("mmap");
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (stack ? MAP_STACK : 0);
    void *p;

    if (f < 0)
        return f;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return -errno;
    eddyi_ledger(+1);
    *ret = p;
    return 0;
}

void eddyi_sys_unmap(void *p, size_t size)
{
    eddyi_ledger(-1);
    /* Unmapping the middle of a merged mapping splits it, and so can fail at vm.max_map_count. Then
     * the address space is lost, but the memory is not. */
    if (munmap(p, size) < 0)
        madvise(p, size, MADV_DONTNEED);
}

int eddyi_sys_protect_none(void *p, size_t size)
{
    int f = eddyi_fault("mprotect");

    return f < 0 ? f : (int)eddyi_sys_result(mprotect(p, size, PROT_NONE));
}

int eddyi_sys_guard_install(void *p, size_t size)
{
    int f = eddyi_fault("guard_install");

    return f < 0 ? f : (int)eddyi_sys_result(madvise(p, size, EDDYI_MADV_GUARD_INSTALL));
}

int eddyi_sys_advise(void *p, size_t size, int advice)
{
    int f = eddyi_fault("madvise");

    return f < 0 ? f : (int)eddyi_sys_result(madvise(p, size, advice));
}

int eddyi_sys_resident(void *p, size_t size, unsigned char *ret)
{
    int f = eddyi_fault("mincore");

    return f < 0 ? f : (int)eddyi_sys_result(mincore(p, size, ret));
}

int eddyi_sys_eventfd(void)
{
    int f = eddyi_fault("eventfd");

    return f < 0 ? f : (int)eddyi_sys_result(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

int eddyi_sys_eventfd_signal(int fd)
{
    int saved = errno, rc = eddyi_fault("eventfd_signal");
    uint64_t one = 1;
    ssize_t n;

    if (rc < 0)
        return rc;
    do
        n = write(fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    /* EAGAIN: the counter is full, so the descriptor is readable, which is all that matters. */
    if (n < 0 && errno != EAGAIN)
        rc = -errno;
    errno = saved; /* errno belongs to the code that the signal handler interrupted */
    return rc;
}

int eddyi_sys_eventfd_drain(int fd)
{
    int f = eddyi_fault("eventfd_drain");
    uint64_t count;
    ssize_t n;

    if (f < 0)
        return f;
    do
        n = read(fd, &count, sizeof(count));
    while (n < 0 && errno == EINTR);
    return n < 0 && errno != EAGAIN ? -errno : 0;
}

void eddyi_sys_close(int fd)
{
    /* Not again after EINTR: Linux has closed it by then, and the number may be in use again. */
    close(fd);
}

int eddyi_sys_sigaction(int signo, const struct sigaction *act, struct sigaction *ret_old)
{
    int f = eddyi_fault("sigaction");

    return f < 0 ? f : (int)eddyi_sys_result(sigaction(signo, act, ret_old));
}

int eddyi_sys_sigaltstack(const stack_t *stack, stack_t *ret_old)
{
    int f = eddyi_fault("sigaltstack");

    return f < 0 ? f : (int)eddyi_sys_result(sigaltstack(stack, ret_old));
}

long eddyi_sys_pid(void)
{
    return getpid();
}

long eddyi_sys_tid(void)
{
    return gettid();
}

bool eddyi_sys_is_main_thread(void)
{
    return getpid() == gettid();
}

static int64_t now_of(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

EDDYI_DIRECT EDDYI_UNGUARDED int64_t eddyi_sys_now(void)
{
    return now_of(CLOCK_MONOTONIC);
}

int64_t eddyi_sys_now_coarse(void)
{
    return now_of(CLOCK_MONOTONIC_COARSE);
}
