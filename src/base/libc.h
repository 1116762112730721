/*
 * The parts of glibc that eddy uses and other C libraries, or older glibcs, lack.
 *
 * cmake/libc.cmake tries each of them with the compiler, and defines EDDYI_LACKS_NAME for one that
 * is missing. Here it is made up for under its own name, so that its callers read the same
 * everywhere. A system call without a wrapper gets one; where there is nothing to call, a comment
 * says what is lost. With a recent glibc this header only includes others.
 */
#ifndef EDDYI_LIBC_H
#define EDDYI_LIBC_H

#ifdef EDDYI_LACKS_STATX
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int statx(int dir, const char *path, int flags, unsigned mask, struct statx *ret)
{
    return (int)syscall(SYS_statx, dir, path, flags, mask, ret);
}
#endif

#ifdef EDDYI_LACKS_PREADV2
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define RWF_NOWAIT 0x8

/* The kernel takes offsets in halves, of which 64-bit CPUs ignore the upper one. */
static inline ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    return syscall(SYS_preadv2, fd, iov, (long)n, (long)offset, (long)((int64_t)offset >> 32),
                   flags);
}

static inline ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    return syscall(SYS_pwritev2, fd, iov, (long)n, (long)offset, (long)((int64_t)offset >> 32),
                   flags);
}
#endif

#ifdef EDDYI_LACKS_CLOSE_RANGE
#include <sys/syscall.h>
#include <unistd.h>

static inline int close_range(unsigned first, unsigned last, int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}
#endif

#ifdef EDDYI_LACKS_EPOLL_PWAIT2
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int epoll_pwait2(int epfd, struct epoll_event *events, int n,
                               const struct timespec *timeout, const sigset_t *mask)
{
    const int64_t kernels[2] = {timeout->tv_sec, timeout->tv_nsec};

    return (int)syscall(SYS_epoll_pwait2, epfd, events, n, kernels, mask, (size_t)_NSIG / 8);
}
#endif

/* pidfd_open(2) and pidfd_send_signal(2). */
#ifdef EDDYI_LACKS_PIDFD
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int pidfd_send_signal(int pidfd, int signo, siginfo_t *info, unsigned flags)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, info, flags);
}
#else
#include <sys/pidfd.h>
#endif

/* strerrordesc_np(3) and sigdescr_np(3): the language of the texts may be the locale's. */
#ifdef EDDYI_LACKS_DESCRIPTIONS
#include <stddef.h>
#include <string.h>

static inline const char *strerrordesc_np(int error)
{
    const char *text = strerror(error);

    return strcmp(text, strerror(0)) == 0 ? NULL : text; /* musl's text for unknown errors */
}

static inline const char *sigdescr_np(int signo)
{
    return strsignal(signo);
}
#endif

/* Nothing tells that the process has one thread. Task numbers and handles are then always changed
 * with atomic operations, which cost some 5 ns. */
#ifdef EDDYI_LACKS_SINGLE_THREADED
enum { __libc_single_threaded = 0 };
#else
#include <sys/single_threaded.h>
#endif

/* A mutex that is taken sends its waiter to sleep at once. */
#ifdef EDDYI_LACKS_ADAPTIVE_MUTEX
#include <pthread.h>

enum { PTHREAD_MUTEX_ADAPTIVE_NP = PTHREAD_MUTEX_DEFAULT };
#endif

/* getaddrinfo(3) does not encode international names. */
#ifdef EDDYI_LACKS_IDN
#define AI_IDN 0
#define AI_CANONIDN 0
#endif

/* on_exit(3), for one function: the status that exit() was called with is lost, it is 1. */
#ifdef EDDYI_LACKS_ON_EXIT
#include <stdlib.h>

static void (*eddyi_on_exit_fn)(int status, void *arg);
static void *eddyi_on_exit_arg;

static inline void eddyi_on_exit_call(void)
{
    eddyi_on_exit_fn(EXIT_FAILURE, eddyi_on_exit_arg);
}

static inline int on_exit(void (*fn)(int status, void *arg), void *arg)
{
    eddyi_on_exit_fn = fn;
    eddyi_on_exit_arg = arg;
    return atexit(eddyi_on_exit_call);
}
#endif

#endif
