/*
 * Faults: which call fails, and with which error. See fault.h.
 *
 * eddyi_fault() runs in any thread and in signal handlers, so all state here is atomic. Plans are
 * made before the calls that they concern; a plan's name is stored last, and read first.
 */
#include "base/fault.h"

#ifdef EDDY_FAULTS

#include "base/sys.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The errors of each call. The first errors are lasting ones. @passing errors are gone at the next
 * try: for ever after, they would only make a loop that tries again spin. EAGAIN is not among them:
 * a descriptor that is not ready becomes ready some day, but an invented EAGAIN does not end.
 * Torture does not count a call without errors.
 */
static const struct call_errors {
    const char *call;
    int lasting[4];
    int passing[2];
} call_errors[] = {
    {"malloc", {ENOMEM}, {0}},
    {"realloc", {ENOMEM}, {0}},
    {"mmap", {ENOMEM}, {0}},
    {"mprotect", {ENOMEM}, {0}},
    {"madvise", {ENOMEM, EINVAL}, {0}},
    {"mincore", {ENOMEM}, {EAGAIN}},
    {"guard_install", {ENOMEM, EINVAL}, {0}},
    {"eventfd", {EMFILE, ENFILE, ENOMEM}, {0}},
    {"eventfd_signal", {0}, {0}},
    {"eventfd_drain", {0}, {0}},
    {"sigaction", {0}, {0}},
    {"sigaltstack", {ENOMEM}, {0}},
    {"epoll_create1", {EMFILE, ENFILE, ENOMEM}, {0}},
    {"epoll_ctl", {ENOMEM, ENOSPC}, {0}},
    {"epoll_wait", {0}, {EINTR}},
    {"epoll_pwait2", {ENOSYS, EPERM}, {EINTR}},
    {"io_uring_setup", {ENOMEM, EPERM, ENOSYS, EMFILE}, {0}},
    {"io_uring_register", {EINVAL, ENOMEM}, {0}},
    {"io_uring_enter", {0}, {EINTR, EAGAIN}},
    {"cqe", {ENOMEM, EIO}, {EINTR}},
    {"pthread_create", {EAGAIN}, {0}},
    {"futex_wait", {0}, {EINTR}},
    {"fork", {EAGAIN, ENOMEM}, {0}},
    {"clone", {EAGAIN, ENOMEM}, {0}},
    {"execve", {ENOENT, EACCES, E2BIG, ENOMEM}, {0}},
    {"close_range", {ENOSYS}, {0}},
    {"pidfd_open", {ENOSYS, EPERM, EMFILE}, {0}},
    {"pidfd_send_signal", {ENOSYS, EPERM}, {0}},
    {"socketpair", {EMFILE, ENFILE, ENOMEM}, {0}},
    {"pipe2", {EMFILE, ENFILE}, {0}},
    {"open_null", {EMFILE, ENFILE, EACCES}, {0}},
    {"poll", {0}, {EINTR}},
    {"sendmsg", {EPIPE, ENOBUFS, ENOMEM}, {EINTR}},
    {"recvmsg", {ECONNRESET, ENOMEM}, {EINTR}},
    {"map_file", {ENOENT, EACCES, EMFILE, ENOMEM}, {0}},
    {"ares", {ENOMEM}, {0}},
    {"read_file", {EMFILE, EACCES, ENOMEM, EIO}, {0}},
    {"write_all", {EIO, EPIPE, ENOSPC}, {0}},
    {"read", {EIO, ENOMEM}, {EINTR}},
    {"fcntl", {EBADF}, {0}},
    {"stat", {ENOENT, EACCES}, {0}},
    {"shutdown", {ENOTCONN}, {0}},
    {"getpeername", {ENOTCONN}, {0}},
    {"getsockname", {ENOBUFS}, {0}},
    {"recv", {ECONNRESET, ENOMEM}, {EINTR}},
    {"send", {ECONNRESET, EPIPE, ENOBUFS}, {EINTR}},
    {"accept4", {EMFILE, ENFILE, ENOMEM}, {ECONNABORTED, EINTR}},
    {"connect", {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL}, {0}},
    {"socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM}, {0}},
    {"bind", {EADDRINUSE, EACCES, ENOMEM}, {0}},
    {"listen", {EADDRINUSE, ENOMEM}, {0}},
    {"setsockopt", {ENOMEM, ENOPROTOOPT}, {0}},
    {"if_nametoindex", {ENODEV, EMFILE}, {0}},
    {"getservbyname", {ENOENT}, {0}},
    {"getaddrinfo", {EMFILE, ENOMEM}, {0}},
    {"recvfrom", {ECONNREFUSED, ENOMEM}, {EINTR}},
    {"sendto", {ECONNREFUSED, ENOBUFS, EPERM}, {EINTR}},
    {"recvmmsg", {ECONNREFUSED, ENOMEM}, {EINTR}},
    {"sendmmsg", {ECONNREFUSED, ENOBUFS, EPERM}, {EINTR}},
    {"getpwnam", {EMFILE, ENOMEM, EIO}, {0}},
    {"getgrnam", {EMFILE, ENOMEM, EIO}, {0}},
    {"chmod", {EACCES, ENOENT, EROFS}, {0}},
    {"unlink", {EACCES, EROFS, EBUSY}, {0}},
    {"preadv2", {EIO, ENOMEM}, {EINTR}},
    {"preadv2_nowait", {EOPNOTSUPP, EIO}, {EAGAIN}},
    {"pwritev2", {ENOSPC, EIO, EDQUOT, EFBIG}, {EINTR}},
    {"openat", {EMFILE, EACCES, ENOMEM, ENOENT}, {EINTR}},
    {"openat2", {EMFILE, EACCES, ENOENT}, {EAGAIN}},
    {"fstatfs", {EIO}, {0}},
    {"cachestat", {ENOSYS, EPERM}, {0}},
    {"close_file", {EIO, ENOSPC, EDQUOT}, {0}},
    {"statx", {EACCES, ENOMEM}, {0}},
    {"fsync", {EIO, ENOSPC}, {0}},
    {"renameat", {EACCES, EXDEV, ENOSPC}, {0}},
    {"unlinkat", {EACCES, EBUSY}, {0}},
    {"mkdirat", {EACCES, ENOSPC}, {0}},
    {"readlinkat", {EACCES, EIO}, {0}},
    {"fchown", {EPERM, EROFS}, {0}},
    {"fchmod", {EPERM, EROFS}, {0}},
    {"getxattr", {EACCES, EIO}, {0}},
    {"fsetxattr", {EPERM, ENOSPC}, {0}},
    {"mkostemp", {EMFILE, EACCES, ENOSPC}, {0}},
    {"getdents64", {EIO, ENOMEM}, {0}},
    {"setfsuid", {EPERM}, {0}},
    {"ftruncate", {EIO, EFBIG, ENOSPC}, {0}},
    {"sendfile", {EINVAL, EIO, EPIPE, ENOMEM}, {EINTR}},
    {"copy_file_range", {EXDEV, EIO, ENOSPC}, {0}},
    {"SSL_CTX_new", {ENOMEM}, {0}},
    {"SSL_new", {ENOMEM}, {0}},
    {"getsockopt", {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH}, {0}},
};

static const struct call_errors *errors_of(const char *call)
{
    static const struct call_errors others = {"", {ENOMEM}, {0}};

    for (size_t i = 0; i < COUNT(call_errors); i++) {
        if (strcmp(call_errors[i].call, call) == 0)
            return &call_errors[i];
    }
    return &others;
}

/* The plans for named calls. */
static struct plan {
    _Atomic(const char *) call;
    atomic_int error;
    atomic_ulong countdown; /* fails at 1; 0: fails always */
} plans[8];
static atomic_ulong plan_hits;

static void plan_add(const char *call, unsigned long nth, int error)
{
    for (size_t i = 0; i < COUNT(plans); i++) {
        if (atomic_load(&plans[i].call))
            continue;
        atomic_store(&plans[i].error, error);
        atomic_store(&plans[i].countdown, nth);
        atomic_store(&plans[i].call, call);
        return;
    }
    abort(); /* more plans than any test needs */
}

void eddyi_fault_only(const char *call, int error)
{
    plan_add(call, 0, error);
}

void eddyi_fault_nth(const char *call, unsigned long nth, int error)
{
    plan_add(call, nth, error);
}

void eddyi_fault_clear(void)
{
    for (size_t i = 0; i < COUNT(plans); i++)
        atomic_store(&plans[i].call, NULL);
    atomic_store(&plan_hits, 0);
}

unsigned long eddyi_fault_hits(void)
{
    return atomic_load(&plan_hits);
}

/* Returns true if the plan, which is for this call, applies now. */
static bool plan_strikes(struct plan *p)
{
    unsigned long left = atomic_load(&p->countdown);

    if (left == 0)
        return true;
    while (!atomic_compare_exchange_weak(&p->countdown, &left,
                                         left == 1 ? (unsigned long)-1 : left - 1)) {
    }
    return left == 1;
}

static int planned(const char *call)
{
    for (size_t i = 0; i < COUNT(plans); i++) {
        const char *name = atomic_load(&plans[i].call);

        if (name && strcmp(name, call) == 0 && plan_strikes(&plans[i])) {
            atomic_fetch_add(&plan_hits, 1);
            return atomic_load(&plans[i].error);
        }
    }
    return 0;
}

static _Atomic(struct eddyi_torture *) torture;

void eddyi_torture_start(struct eddyi_torture *t)
{
    atomic_store(&torture, t);
}

void eddyi_torture_stop(void)
{
    atomic_store(&torture, NULL);
}

/* The places of this thread's latest calls, eight bits each. */
static _Thread_local uint32_t trail;

static uint32_t follow_trail(const void *place)
{
    uint32_t hash = (uint32_t)(uintptr_t)place * 2654435761u;

    trail = trail << 8 ^ hash >> 8;
    return trail ^ hash;
}

static int tortured(const char *call, const void *place)
{
    struct eddyi_torture *t = atomic_load(&torture);
    const struct call_errors *e;
    int choice[COUNT(e->lasting) + COUNT(e->passing)];
    const char *none = NULL;
    unsigned choices = 0;
    unsigned long n;

    if (!t)
        return 0;
    e = errors_of(call);
    for (size_t i = 0; i < COUNT(e->lasting) && e->lasting[i]; i++)
        choice[choices++] = e->lasting[i];
    for (size_t i = 0; i < COUNT(e->passing) && e->passing[i] && !t->ever_after; i++)
        choice[choices++] = e->passing[i];
    if (choices == 0)
        return 0;
    n = atomic_fetch_add(&t->calls, 1) + 1;
    if (e->lasting[0])
        atomic_fetch_add(&t->lasting, 1);
    if (t->sites && n <= t->sites_size)
        t->sites[n - 1] = follow_trail(place);
    if (t->nth == 0 || n < t->nth || (n > t->nth && !t->ever_after))
        return 0;
    atomic_compare_exchange_strong(&t->struck, &none, call);
    return choice[(t->seed + n) % choices];
}

int eddyi_fault(const char *call)
{
    int error = planned(call);

    return -(error ? error : tortured(call, __builtin_return_address(0)));
}

/* The ledger. */
static atomic_long ledger_live;
static atomic_ulong ledger_made;

void eddyi_ledger(int change)
{
    atomic_fetch_add(&ledger_live, change);
    if (change > 0)
        atomic_fetch_add(&ledger_made, 1);
}

long eddyi_ledger_live(void)
{
    return atomic_load(&ledger_live);
}

unsigned long eddyi_ledger_made(void)
{
    return atomic_load(&ledger_made);
}

#else

typedef int eddyi_fault_unused; /* a source file may not be empty */

#endif
