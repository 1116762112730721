/*
 * What waits on epoll(7), by descriptor: at most one operation that reads and one that writes, and
 * how the descriptor is registered.
 *
 * A descriptor can be closed and its number used again without a word; then the kernel's
 * registration went with the old file, and nothing but a call can tell. And a registration belongs
 * to the open file, not to the number: while a duplicate of a closed descriptor lives, the old one
 * can still fire under that number. So:
 *
 *   - Mostly a registration fires once (EPOLLONESHOT), and each operation arms it anew: one
 *     epoll_ctl per wait. Arming also looks at the present state, so what became ready in between
 *     is not missed.
 *   - Each arming has a generation, which events carry; events of another generation than the
 *     present one are nobody's.
 *   - Receiving from a stream, polling for that, and accepting, keep a registration for every edge.
 *     The next one may then count on it, and arms only when the loop would otherwise sleep, or has
 *     had many turns: a busy server, whose next edge comes before that, arms nothing (230 ns each),
 *     and an operation on a number that has changed hands waits that much longer, and no more.
 *   - An adopted descriptor is registered once, for every edge of both directions, since its owner
 *     says when it goes.
 *   - A registration for every edge cannot be taken back once its descriptor is closed: while
 *     another process has the file, each of its packets wakes this one. What such stale events have
 *     in common is that no present registration accounts for them. When there have been enough of
 *     them to pay for it, the whole set is made anew, with what is waited for.
 */
#ifndef EDDYI_EPOLL_TABLE_H
#define EDDYI_EPOLL_TABLE_H

#include "backend/backend.h"
#include "base/direct.h"

#include <poll.h>

struct eddyi_slot {
    struct eddyi_op *op[2]; /* who waits to read, to write; one that polls for both is in both */
    uint32_t generation;    /* of the latest arming */
    uint32_t events;        /* what it was armed for, with EPOLLET or EPOLLONESHOT */
    bool registered;        /* by us, under this number; the kernel may have forgotten */
    bool edge;              /* armed for every edge instead of once */
    bool kept;              /* and with it, for reading */
    bool
        /* TCP: a transfer that falls short has emptied or filled it. A Unix socket stops at
         * descriptors */
        stream;
    bool ending;   /* for reading that is not so any more: a hang-up, or urgent data */
    bool adopted;  /* registered for all edges of both directions, until forgotten */
    bool ready[2]; /* of an adopted one: a call may succeed, as far as is known */
};

struct eddyi_table {
    int epfd;
    struct eddyi_slot *slots;
    size_t n_slots;
    size_t n_waiting; /* operations in it */
    size_t n_stale;   /* events since the set was made that no registration accounts for */
    /* Operations that count on a registration which was kept; those in overdue for longer. Each is
     * armed by either name. */
    struct eddyi_list unarmed, overdue;
};

void eddyi_table_init(struct eddyi_table *t);
void eddyi_table_fini(struct eddyi_table *t);

/* Whether the operation takes up that direction. */
static inline bool eddyi_op_wants(const struct eddyi_op *op, enum eddyi_direction direction)
{
    bool reads = op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_ACCEPT ||
                 op->kind == EDDYI_OP_RECVMSG || op->kind == EDDYI_OP_READ;

    if (op->kind == EDDYI_OP_POLL)
        return op->events & (direction == EDDYI_READS ? POLLIN : POLLOUT);
    return reads == (direction == EDDYI_READS);
}

/*
 * Enters an operation, which nothing will wake as yet; and takes out one that has ended. 0; -EBUSY,
 * -ENOMEM, -EBADF, or -EPERM for what cannot be waited for.
 */
EDDYI_DIRECT int eddyi_table_enter(struct eddyi_table *t, struct eddyi_op *op);
EDDYI_DIRECT void eddyi_table_leave(struct eddyi_table *t, struct eddyi_op *op);

/* Has events come for what waits on @fd: EPOLLONESHOT or EPOLLET. 0 or -errno; then what was armed
 * before still is. */
int eddyi_table_arm(struct eddyi_table *t, int fd, unsigned mode);

/* Arms for an operation that has just been entered, or leaves that for later. */
EDDYI_DIRECT int eddyi_table_expect(struct eddyi_table *t, struct eddyi_op *op);

static inline bool eddyi_table_has_unarmed(const struct eddyi_table *t)
{
    return !eddyi_list_empty(&t->unarmed) || !eddyi_list_empty(&t->overdue);
}

/*
 * Takes back a registration for every edge. 0, or -errno if the file under that number is not the
 * one that was registered.
 */
int eddyi_table_forget(struct eddyi_table *t, int fd);

/*
 * Replaces the set by one without stale registrations, in which @wakefd has @wake_data. 0 or
 * -errno; then the old one stays. Once for every so many stale events is enough: the work is what
 * the kernel takes for each that waits.
 */
int eddyi_table_renew(struct eddyi_table *t, int wakefd, uint64_t wake_data);

static inline bool eddyi_table_is_stale(const struct eddyi_table *t)
{
    return t->n_stale > t->n_waiting / 8;
}

/* As the backend's adopt() and forget(). */
int eddyi_table_adopt(struct eddyi_table *t, int fd);
void eddyi_table_disown(struct eddyi_table *t, int fd);

#endif
