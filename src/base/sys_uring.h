/*
 * The part of the one door (sys.h) that needs liburing: what of it enters the kernel or allocates.
 * The rest of liburing only writes to shared memory and is used as it is.
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

/* Ends all that is in flight, without completions. */
static inline void eddyi_sys_uring_exit(struct io_uring *ring)
{
    io_uring_queue_exit(ring);
}

/* Cancels all that is in flight, and returns when the kernel has let go of it. For the ring's own
 * thread. */
static inline void eddyi_sys_uring_cancel_all(struct io_uring *ring)
{
    struct io_uring_sync_cancel_reg all = {.flags =
                                               IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
                                           .timeout = {.tv_sec = -1, .tv_nsec = -1}};

    io_uring_register_sync_cancel(ring, &all);
}

/* Lets a ring that was made disabled start, and this thread be the one that submits to it. */
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
 * In a child of fork(), for a ring that eddyi_sys_uring_dontfork() left behind: puts memory of
 * zeroes, a ring with nothing in it, where the parent's is. Async-signal-safe.
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

/* Whether the kernel lets this process enter the ring at all; it does nothing there. */
static inline int eddyi_sys_uring_knock(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_enter");

    return f < 0 ? f : io_uring_enter((unsigned)ring->ring_fd, 0, 0, 0, NULL);
}

static inline int eddyi_sys_uring_submit(struct io_uring *ring)
{
    int f = eddyi_fault("io_uring_enter");

    return f < 0 ? f : io_uring_submit(ring);
}

/* Submits, and has the kernel post what is done by now. */
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
    if (eddyi_held_any())
        return io_uring_submit_and_get_events(ring);
    if (timeout < 0)
        return io_uring_submit_and_wait(ring, 1);
    return io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);
}

/*
 * The result that a completion carries. Errors after which one tries again take nothing; in place
 * of a success they would make bytes disappear, so then there is no fault.
 */
static inline int eddyi_sys_uring_result(const struct io_uring_cqe *cqe)
{
    int f = eddyi_fault("cqe");
    bool passing = f == -EINTR || f == -EAGAIN;

    return f < 0 && !(passing && cqe->res >= 0) ? f : cqe->res;
}

/* The kernel has written here; valgrind, which sees system calls only, cannot know. */
static inline void eddyi_sys_uring_wrote(const void *p, size_t size)
{
    VALGRIND_MAKE_MEM_DEFINED(p, size);
}

#endif
