/*
 * The operations that wait on epoll(7), by descriptor: at most one that reads and one that writes,
 * and the descriptor's registration.
 *
 * A descriptor can be closed and its number used again without a word; then the kernel's
 * registration went with the old file, and only a call can tell. And a registration belongs to the
 * open file, not to the number: while a duplicate of a closed descriptor lives, the old
 * registration can still fire under that number. Therefore:
 *
 * - Usually a registration fires once (EPOLLONESHOT), and each operation arms it anew: one
 *   epoll_ctl per wait. Arming also checks the present state, so an event in between is not missed.
 * - Each arming has a generation, which its events carry; events of another generation are dropped.
 * - Receiving from a stream, polling for that, and accepting keep a registration for every edge.
 *   The next operation relies on it, and is armed only when the loop would otherwise sleep, or
 *   after many turns. A busy server, whose next edge comes before that, arms nothing (230 ns each);
 *   an operation on a number that has changed hands waits that much longer, and no more.
 * - An adopted descriptor is registered once, for every edge of both directions, since its owner
 *   says when it closes.
 * - A registration for every edge cannot be taken back once its descriptor is closed: while another
 *   process has the file, each of its packets wakes this one. No present registration accounts for
 *   such stale events. When there have been enough of them to pay for it, the whole set is made
 *   anew, with everything that is waited for.
 */
#ifndef EDDYI_EPOLL_TABLE_H
#define EDDYI_EPOLL_TABLE_H

#include "backend/backend.h"
#include "base/direct.h"

#include <poll.h>

struct eddyi_slot {
    /* the operation that waits to read, to write; one that polls for both is in both */
    struct eddyi_op *op[2];
    uint32_t generation; /* of the latest arming */
    uint32_t events;     /* the events of the arming, with EPOLLET or EPOLLONESHOT */
    bool registered;     /* by this table, under this number; the kernel may have forgotten */
    bool edge;           /* armed for every edge instead of once */
    bool kept;           /* kept for reading, for every edge */
    /* TCP: a short transfer has emptied or filled the socket. A Unix socket stops at
     * descriptors. */
    bool stream;
    bool ending;   /* for reading, @stream no longer holds: a hang-up, or urgent data */
    bool adopted;  /* registered for all edges of both directions, until forgotten */
    bool ready[2]; /* of an adopted descriptor: a call may succeed, as far as is known */
};

struct eddyi_table {
    int epfd;
    struct eddyi_slot *slots;
    size_t n_slots;
    size_t n_waiting; /* operations in the table */
    size_t n_stale;   /* events since the set was made that no registration accounts for */
    /* Operations that rely on a registration that was kept; those in @overdue for longer. Each is
     * armed through either list. */
    struct eddyi_list unarmed, overdue;
};

void eddyi_table_init(struct eddyi_table *t);
void eddyi_table_fini(struct eddyi_table *t);

/* Returns true if the operation occupies that direction. */
static inline bool eddyi_op_wants(const struct eddyi_op *op, enum eddyi_direction direction)
{
    bool reads = op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_ACCEPT ||
                 op->kind == EDDYI_OP_RECVMSG || op->kind == EDDYI_OP_READ;

    if (op->kind == EDDYI_OP_POLL)
        return op->events & (direction == EDDYI_READS ? POLLIN : POLLOUT);
    return reads == (direction == EDDYI_READS);
}

/*
 * enter() adds an operation, which nothing will wake yet; leave() removes one that has ended.
 * Returns 0, -EBUSY, -ENOMEM, -EBADF, or -EPERM for a file that cannot be waited for.
 */
EDDYI_DIRECT int eddyi_table_enter(struct eddyi_table *t, struct eddyi_op *op);
EDDYI_DIRECT void eddyi_table_leave(struct eddyi_table *t, struct eddyi_op *op);

/* Arms the registration for the operations on @fd, with EPOLLONESHOT or EPOLLET. Returns 0, or
 * -errno; then the previous arming stays. */
int eddyi_table_arm(struct eddyi_table *t, int fd, unsigned mode);

/* Arms for an operation that was just entered, or leaves that for later. */
EDDYI_DIRECT int eddyi_table_expect(struct eddyi_table *t, struct eddyi_op *op);

static inline bool eddyi_table_has_unarmed(const struct eddyi_table *t)
{
    return !eddyi_list_empty(&t->unarmed) || !eddyi_list_empty(&t->overdue);
}

/*
 * Takes back a registration for every edge. Returns 0, or -errno if the file under that number is
 * not the one that was registered.
 */
int eddyi_table_forget(struct eddyi_table *t, int fd);

/*
 * Replaces the set by one without stale registrations, in which @wakefd has @wake_data. Returns 0,
 * or -errno; then the old set stays. Once per so many stale events is enough, since the cost is the
 * kernel's time for each waiting operation.
 */
int eddyi_table_renew(struct eddyi_table *t, int wakefd, uint64_t wake_data);

static inline bool eddyi_table_is_stale(const struct eddyi_table *t)
{
    return t->n_stale > t->n_waiting / 8;
}

/* Implement the backend's adopt() and forget(). */
int eddyi_table_adopt(struct eddyi_table *t, int fd);
void eddyi_table_disown(struct eddyi_table *t, int fd);

#endif
