/*
 * What the calls on descriptors share: operations with the backend, who has a descriptor, and a
 * task's wait.
 *
 * A loop that ever used a descriptor has a struct eddyi_io. It knows the operations that are with
 * the backend, so that closing the loop can end them while their memory is still there, and for
 * each descriptor who reads and who writes: a task in a sock_ call, or a watch. There is room for
 * one of each.
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
    uint64_t emptied; /* the latest turn in which a receive took all there was; 0: none as yet */
};

struct eddyi_io {
    struct eddyi_loop_part part;
    struct eddyi_list ops;    /* struct eddyi_io_op: with the backend */
    struct eddyi_list claims; /* struct eddyi_io_claim: in slots */
    struct eddyi_io_slot *slots;
    size_t n_slots; /* descriptors from here on are free */
};

/* The loop's; made at the first use. NULL when memory is short. */
struct eddyi_io *eddyi_io_of(eddy_loop *loop);

/* One direction of a descriptor, as long as somebody has it. */
struct eddyi_io_claim {
    struct eddyi_list link;
    struct eddyi_io *io; /* NULL: not claimed, or no longer */
    int fd;
    enum eddyi_direction direction;
    /* The loop closes; the claim has been released. NULL for those that find out by themselves. */
    void (*lost)(struct eddyi_io_claim *c);
};

/* Who has it, or NULL. */
struct eddyi_io_claim *eddyi_io_claimed(const struct eddyi_io *io, int fd,
                                        enum eddyi_direction direction);

/* Takes a direction that is free. 0, -ENOMEM, or -EBADF for a number that never was a
 * descriptor. */
EDDYI_DIRECT int eddyi_io_claim(struct eddyi_io *io, struct eddyi_io_claim *c, int fd,
                                enum eddyi_direction direction);
void eddyi_io_release(struct eddyi_io_claim *c); /* harmless if it is not claimed */

/*
 * For descriptors that eddy itself opened and will close, with the second of these: a backend may
 * then register them once, and remember what it knows of their readiness. 0 or -errno, -EPERM for a
 * file that is always ready. Closing takes operations to be over; a descriptor that was not adopted
 * is just closed.
 */
int eddyi_io_adopt(struct eddyi_io *io, int fd);
void eddyi_io_close(struct eddyi_io *io, int fd);

/*
 * An operation with the backend.
 *
 * That a descriptor is ready does not mean that a call on it succeeds: a Unix datagram socket is
 * writable while the queue of the addressee is full, and a message on the error queue makes every
 * socket "ready", for as long as nobody takes it. Whoever is woken in vain says so (in_vain), and
 * from the second time in a row on the next operation pauses before it goes to the backend, a
 * millisecond at first and 64 at most, instead of keeping a processor busy.
 */
struct eddyi_io_op {
    struct eddyi_op op;
    struct eddyi_list link;
    struct eddyi_io *io; /* NULL: it is not with the backend, nor pausing */
    void (*done)(struct eddyi_io_op *o);
    unsigned in_vain;         /* how often in a row it was ready and the call would have blocked */
    bool pausing;             /* the timer runs, or its item is queued */
    struct eddyi_timer pause; /* valid while pausing */
};

EDDYI_DIRECT int eddyi_io_submit(struct eddyi_io *io,
                                 /* 0 or -errno: then done() will not be called */
                                 struct eddyi_io_op *o);
bool eddyi_io_cancel(struct eddyi_io_op *o); /* false if it is not with the backend */

/*
 * The same, after which the descriptor may be closed at once, although the operation is not over
 * yet.
 */
bool eddyi_io_withdraw(struct eddyi_io_op *o);

/*
 * A call of a task's that may have to wait: begun, made at once if possible, else waited for any
 * number of times, and ended. On the task's stack.
 */
struct eddyi_io_call {
    struct eddyi_io_op o;
    struct eddyi_wait wait;
    struct eddyi_io_claim claim;
    eddy_loop *loop;
    struct eddyi_io *io; /* the loop's; NULL: not asked for yet, or the loop closes */
    const char *what;    /* for reports; NULL: as the kind of operation says */
    int fd;
    enum eddyi_direction direction;
    bool shared; /* others may use the descriptor at the same time */
    bool submitted;
    /* the wait is not to be cancelled: it ends something. The cancellation comes after it */
    bool shielded;
};

/*
 * 0, or as a raised error: EDDY_ENOTASK, -EBADF if @fd is negative, -EBUSY if somebody has this
 * direction of it.
 */
EDDYI_DIRECT int eddyi_io_begin(struct eddyi_io_call *c, int fd, enum eddyi_direction direction);

/* The same for what has no direction: operations on files. @fd is a directory for those with
 * paths. */
int eddyi_io_begin_shared(struct eddyi_io_call *c, int fd);

/*
 * Submits c->o.op, of which kind and arguments are set, and waits for its result, which it returns;
 * -ECANCELED, as a raised error, if the task is cancelled and nothing happened.
 */
EDDYI_DIRECT EDDY_AWAITS int64_t eddyi_io_wait(struct eddyi_io_call *c);

EDDYI_DIRECT void eddyi_io_end(struct eddyi_io_call *c);

/*
 * A receive that comes out short has taken all there was. Until the turn ends, one more try would
 * find nothing: asking the kernel costs 240 ns, so the next call waits at once. This is about a
 * number; should it be another file by now, waiting is merely a detour.
 */
EDDYI_DIRECT bool eddyi_io_is_empty(const struct eddyi_io_call *c);
void eddyi_io_emptied(struct eddyi_io_call *c);

/*
 * A datagram, for a call whose storage is the caller's, so that it can be ended from elsewhere;
 * @name goes into messages. As recvfrom(2) and sendto(2), waiting where those would; errors are
 * raised.
 */
EDDY_AWAITS int64_t eddyi_io_recvfrom(struct eddyi_io_call *c, const char *name, int fd, void *buf,
                                      size_t size, int flags, struct sockaddr *addr,
                                      socklen_t *addrlen);
EDDY_AWAITS int64_t eddyi_io_sendto(struct eddyi_io_call *c, const char *name, int fd,
                                    const void *buf, size_t size, const struct sockaddr *addr,
                                    socklen_t addrlen);

#endif
