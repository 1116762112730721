/*
 * Helpers of the calls on descriptors: operations in flight, claims on descriptors, and a task's
 * wait.
 *
 * A loop that has ever used a descriptor has a struct eddyi_io. It lists the operations that are
 * with the backend, so that closing the loop can end them while their memory still exists. For each
 * descriptor it knows one reader and one writer: a task in a sock_ call, or a watch.
 */
#ifndef EDDYI_IO_H
#define EDDYI_IO_H

#include "backend/backend.h"
#include "base/direct.h"
#include "base/list.h"
#include "loop/loop.h"
#include "task/wait.h"

struct eddyi_io_slot {
    struct eddyi_io_claim *claim[2]; /* by direction; NULL: free */
    /* the latest turn in which a receive drained the descriptor; 0: none yet */
    uint64_t drained_in;
};

struct eddyi_io {
    struct eddyi_loop_part part;
    struct eddyi_list ops;    /* of struct eddyi_io_op: operations with the backend, or pausing */
    struct eddyi_list claims; /* of struct eddyi_io_claim: the claims in slots */
    struct eddyi_io_slot *slots;
    size_t n_slots; /* all descriptors from here on are free */
};

/* Returns the struct eddyi_io of @loop, creating it at the first use. NULL when memory is short. */
struct eddyi_io *eddyi_io_of(eddy_loop *loop);

/* The exclusive use of one direction of a descriptor. */
struct eddyi_io_claim {
    struct eddyi_list link;
    struct eddyi_io *io; /* NULL: not claimed, or released */
    int fd;
    enum eddyi_direction direction;
    /* Called when the loop closes, after the claim was released. NULL: the owner needs no call. */
    void (*lost)(struct eddyi_io_claim *c);
};

/* Returns the present claim, or NULL. */
struct eddyi_io_claim *eddyi_io_claimed(const struct eddyi_io *io, int fd,
                                        enum eddyi_direction direction);

/* Claims a direction. Returns 0, -EBUSY if it is claimed, -ENOMEM, or -EBADF for a number that was
 * never a descriptor. */
EDDYI_DIRECT int eddyi_io_claim(struct eddyi_io *io, struct eddyi_io_claim *c, int fd,
                                enum eddyi_direction direction);
void eddyi_io_release(struct eddyi_io_claim *c); /* harmless if @c is not claimed */

/*
 * Adopts a descriptor that eddy itself has opened and will close with eddyi_io_close(): a backend
 * may register it once and remember what it knows of its readiness. Returns 0 or -errno, -EPERM for
 * a file that is always ready. eddyi_io_close() needs all operations to be over; a descriptor that
 * was not adopted is only closed.
 */
int eddyi_io_adopt(struct eddyi_io *io, int fd);
void eddyi_io_close(struct eddyi_io *io, int fd);

/*
 * An operation with the backend.
 *
 * A ready descriptor does not mean that a call on it succeeds: a Unix datagram socket is writable
 * while the addressee's queue is full, and a message on the error queue makes every socket "ready"
 * until it is taken. An operation that was woken in vain is marked (in_vain). From the second time
 * in a row on, the next operation backs off before it goes to the backend, for 1 millisecond at
 * first and 64 at most, instead of spinning.
 */
struct eddyi_io_op {
    struct eddyi_op op;
    struct eddyi_list link;
    struct eddyi_io *io; /* NULL: neither with the backend nor pausing */
    void (*done)(struct eddyi_io_op *o);
    unsigned in_vain;         /* how often in a row it was ready and the call would have blocked */
    bool pausing;             /* the timer runs, or its item is queued */
    struct eddyi_timer pause; /* valid while pausing */
};

EDDYI_DIRECT int eddyi_io_submit(struct eddyi_io *io, struct eddyi_io_op *o);
bool eddyi_io_cancel(struct eddyi_io_op *o); /* false if it is not with the backend */

/*
 * Cancels an operation so that its descriptor may be closed at once, although the operation is not
 * over yet. Returns false if it is not with the backend.
 */
bool eddyi_io_withdraw(struct eddyi_io_op *o);

/*
 * A call of a task that may have to wait: it begins, tries the system call, waits any number of
 * times, and ends. Lies on the task's stack.
 */
struct eddyi_io_call {
    struct eddyi_io_op o;
    struct eddyi_wait wait;
    struct eddyi_io_claim claim;
    eddy_loop *loop;
    struct eddyi_io *io; /* the loop's; NULL: not asked for yet, or the loop closes */
    const char *what;    /* for reports; NULL: the name of the kind of operation */
    int fd;
    enum eddyi_direction direction;
    bool shared; /* other calls may use the descriptor at the same time */
    bool submitted;
    /* the wait cannot be cancelled, because it ends something: a cancellation comes after it */
    bool shielded;
};

/*
 * Begins a call. Returns 0, or raises EDDY_ENOTASK, -EBADF if @fd is negative, or -EBUSY if this
 * direction of @fd is claimed.
 */
EDDYI_DIRECT int eddyi_io_begin(struct eddyi_io_call *c, int fd, enum eddyi_direction direction);

/* Begins a call that has no direction: an operation on files. @fd is a directory for operations
 * with paths. */
int eddyi_io_begin_shared(struct eddyi_io_call *c, int fd);

/*
 * Submits c->o.op, whose kind and arguments are set, and returns its result. Raises -ECANCELED if
 * the task is cancelled and nothing happened.
 */
EDDYI_DIRECT EDDY_AWAITS int64_t eddyi_io_wait(struct eddyi_io_call *c);

EDDYI_DIRECT void eddyi_io_end(struct eddyi_io_call *c);

/*
 * Returns true if @c's descriptor was drained in this turn: a short receive has taken everything.
 * Until the turn ends another try would find nothing and cost 240 ns, so the next call waits at
 * once. The note is about a number; if it is another file by now, waiting is merely a detour.
 */
EDDYI_DIRECT bool eddyi_io_is_drained(const struct eddyi_io_call *c);
void eddyi_io_note_drained(struct eddyi_io_call *c);

/*
 * Receives or sends a datagram, as recvfrom(2) and sendto(2), waiting where those would block. @c
 * is the caller's storage, so that the call can be ended from elsewhere; @name goes into messages.
 * Errors are raised.
 */
EDDY_AWAITS int64_t eddyi_io_recvfrom(struct eddyi_io_call *c, const char *name, int fd, void *buf,
                                      size_t size, int flags, struct sockaddr *addr,
                                      socklen_t *addrlen);
EDDY_AWAITS int64_t eddyi_io_sendto(struct eddyi_io_call *c, const char *name, int fd,
                                    const void *buf, size_t size, const struct sockaddr *addr,
                                    socklen_t addrlen);

/*
 * Receive or send up to @n messages, waiting until at least one has gone. Return their number; the
 * error of a later message is the next call's. Errors are raised.
 */
EDDY_AWAITS int64_t eddyi_io_recvmmsg(struct eddyi_io_call *c, const char *name, int fd,
                                      struct mmsghdr *messages, unsigned n, int flags);
EDDY_AWAITS int64_t eddyi_io_sendmmsg(struct eddyi_io_call *c, const char *name, int fd,
                                      struct mmsghdr *messages, unsigned n);

#endif
