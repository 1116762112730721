/*
 * The part of the one door (sys.h) that needs liburing: its functions that enter the kernel or
 * allocate. The rest of liburing only writes to shared memory and is called directly.
 */
#ifndef EDDYI_SYS_URING_H
#define EDDYI_SYS_URING_H

#include "base/sys.h"

#include <liburing.h>
#include <sys/mman.h>

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_MAKE_MEM_DEFINED
#define VALGRIND_MAKE_MEM_DEFINED(p, size) ((void)(p), (void)(size))
#endif

static inline int eddyi_sys_uring_init(struct io_uring *ring, unsigned entries,
                                       struct io_uring_params *p)
{
    int f = eddyi_fault("io_uring_setup");

    return f < 0 ? f : io_uring_queue_init_params(entries, ring, p);
}

/* Ends everything in flight, without completions. */
static inline void eddyi_sys_uring_exit(struct io_uring *ring)
{
    io_uring_queue_exit(ring);
}

/* Cancels everything in flight, and returns when the kernel has released it. For the ring's own
 * thread. */
static inline void eddyi_sys_uring_cancel_all(struct io_uring *ring)
{
    struct io_uring_sync_cancel_reg all = {.flags =
                                               IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
                                           .timeout = {.tv_sec = -1, .tv_nsec = -1}};

    io_uring_register_sync_cancel(ring, &all);
}

/* Starts a ring that was made disabled, with this thread as the one that submits. */
static inline int eddyi_sys_uring_enable(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_register");

    /* By number: the shared liburing 2.3 does not export io_uring_enable_rings(). */
    return f < 0
               ? f
               : io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static inline int eddyi_sys_uring_probe(struct io_uring *ring, struct io_uring_probe *p, unsigned n)
{
    int f = eddyi_fault("io_uring_register");

    return f < 0 ? f : io_uring_register_probe(ring, p, n);
}

static inline int eddyi_sys_uring_dontfork(struct io_uring *ring)
{
    int f = eddyi_fault("madvise");

    return f < 0 ? f : io_uring_ring_dontfork(ring);
}

/*
 * Called in a child of fork() for a ring that eddyi_sys_uring_dontfork() left behind: maps zeroed
 * memory, which is an empty ring, where the parent's is. Async-signal-safe.
 */
static inline void eddyi_sys_uring_blank(struct io_uring *ring)
{
    enum { BLANK = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE };

    mmap(ring->sq.ring_ptr, ring->sq.ring_sz, PROT_READ | PROT_WRITE, BLANK, -1, 0);
    if (ring->cq.ring_ptr != ring->sq.ring_ptr)
        mmap(ring->cq.ring_ptr, ring->cq.ring_sz, PROT_READ | PROT_WRITE, BLANK, -1, 0);
    mmap(ring->sq.sqes, ring->sq.ring_entries * sizeof *ring->sq.sqes, PROT_READ | PROT_WRITE,
         BLANK, -1, 0);
}

/* Checks that the kernel lets this process enter the ring. Does nothing else. */
static inline int eddyi_sys_uring_probe_enter(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_enter");

    return f < 0 ? f : io_uring_enter((unsigned)ring->ring_fd, 0, 0, 0, NULL);
}

static inline int eddyi_sys_uring_submit(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_enter");

    return f < 0 ? f : io_uring_submit(ring);
}

/* Submits, and has the kernel post the completions so far. */
static inline int eddyi_sys_uring_look(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_enter");

    return f < 0 ? f : io_uring_submit_and_get_events(ring);
}

/* Submits, and waits for the first completion at most @timeout nanoseconds, < 0: for ever. */
static inline int eddyi_sys_uring_wait(struct io_uring *ring, int64_t timeout)
{
    struct __kernel_timespec ts = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    struct io_uring_cqe *cqe;
    int f = eddyi_fault("io_uring_enter");

    if (f < 0)
        return f;
    if (eddyi_any_withheld())
        return io_uring_submit_and_get_events(ring);
    if (timeout < 0)
        return io_uring_submit_and_wait(ring, 1);
    return io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);
}

/*
 * Returns the result of a completion. An injected error after which the caller tries again must not
 * replace a success, because bytes would disappear; then there is no fault.
 */
static inline int eddyi_sys_uring_result(const struct io_uring_cqe *cqe)
{
    int f = eddyi_fault("cqe");
    bool passing = f == -EINTR || f == -EAGAIN;

    return f < 0 && !(passing && cqe->res >= 0) ? f : cqe->res;
}

/* Tells valgrind, which sees only system calls, that the kernel has written here. */
static inline void eddyi_sys_uring_wrote(const void *p, size_t size)
{
    VALGRIND_MAKE_MEM_DEFINED(p, size);
}

#endif
