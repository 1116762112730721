/*
 * The calls of sys.h that wait, and those that test whether waiting is possible.
 */
#include "base/libc.h"
#include "base/sys.h"
#include "base/unguarded.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>

int eddyi_sys_epoll_create(void)
{
    int f = eddyi_fault("epoll_create1");

    return f < 0 ? f : (int)eddyi_sys_result(epoll_create1(EPOLL_CLOEXEC));
}

int eddyi_sys_epoll_ctl(int epfd, int op, int fd, unsigned events, uint64_t data)
{
    struct epoll_event ev = {.events = events, .data.u64 = data};
    int f = eddyi_fault("epoll_ctl");

    return f < 0 ? f : (int)eddyi_sys_result(epoll_ctl(epfd, op, fd, &ev));
}

static struct timespec timespec_of(int64_t nanoseconds)
{
    return (struct timespec){.tv_sec = nanoseconds / 1000000000,
                             .tv_nsec = nanoseconds % 1000000000};
}

/* Converts to milliseconds for the older calls, rounded up: a timer must not be early, nor spin for
 * the last fraction (rule 7). */
static int milliseconds_of(int64_t nanoseconds)
{
    int64_t ms = nanoseconds / 1000000 + (nanoseconds % 1000000 > 0);

    return nanoseconds < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms;
}

EDDYI_DIRECT EDDYI_UNGUARDED int eddyi_sys_epoll_wait(int epfd, struct epoll_event *events,
                                                      int n_events, int64_t timeout)
{
    static atomic_bool no_pwait2;
    int f = eddyi_fault("epoll_wait");

    if (f < 0)
        return f;
    /* Only a wait with a limit needs epoll_pwait2 (Linux 5.11), for its nanoseconds. Filters older
     * than that call may answer EPERM. */
    if (timeout > 0 && !atomic_load_explicit(&no_pwait2, memory_order_relaxed)) {
        struct timespec ts = timespec_of(timeout);
        int n = eddyi_fault("epoll_pwait2");

        if (n == 0)
            n = (int)eddyi_sys_result(epoll_pwait2(epfd, events, n_events, &ts, NULL));

        if (n != -ENOSYS && n != -EPERM)
            return n;
        atomic_store_explicit(&no_pwait2, true, memory_order_relaxed);
    }
    return (int)eddyi_sys_result(epoll_wait(epfd, events, n_events, milliseconds_of(timeout)));
}

/* Asks epoll itself, which refuses files without readiness. */
static int ask_epoll(int fd)
{
    int epfd = eddyi_sys_epoll_create();
    int rc;

    if (epfd < 0)
        return epfd;
    rc = eddyi_sys_epoll_ctl(epfd, EPOLL_CTL_ADD, fd, 0, 0);
    eddyi_sys_close(epfd);
    return rc;
}

int eddyi_sys_is_open(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
}

static bool is_file(const struct stat *st)
{
    return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISBLK(st->st_mode);
}

bool eddyi_sys_is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && is_file(&st);
}

int eddyi_sys_watchable(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode) ? 0 : ask_epoll(fd);
}

int eddyi_sys_pollable(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (is_file(&st))
        return -EPERM;
    return S_ISCHR(st.st_mode) ? ask_epoll(fd)
                               : 0; /* a terminal can be waited for, /dev/null cannot */
}

bool eddyi_sys_is_device(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

int eddyi_sys_events(int fd, unsigned events)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    int n = poll(&p, 1, 0);

    return n < 0 ? -errno : n == 0 ? -EAGAIN : p.revents & POLLNVAL ? -EBADF : p.revents;
}

void eddyi_sys_nap(int fd, int64_t timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, milliseconds_of(timeout));
}
