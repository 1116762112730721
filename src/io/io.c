#include "io/io.h"

#include "base/assert.h"
#include "base/fd_table.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

/* The first pause of an operation, and how often it doubles at most. */
enum { PAUSE = 1000000 /* nanoseconds */, DOUBLINGS = 6 };

static void end(struct eddyi_io_op *o, int64_t result)
{
    EDDYI_ASSERT(o->io);
    o->op.result = result;
    o->pausing = false;
    eddyi_list_remove(&o->link);
    o->io = NULL;
    o->done(o);
}

static struct eddyi_io_op *any_pausing(const struct eddyi_io *io)
{
    EDDYI_LIST_EACH(l, &io->ops) {
        struct eddyi_io_op *o = eddyi_container(l, struct eddyi_io_op, link);

        if (o->pausing)
            return o;
    }
    return NULL;
}

/*
 * Cancels the operations in flight and waits until the backend has released them. Tasks see
 * -ECANCELED. If waiting fails, the backend gives all of them up by the second failure.
 */
static void end_operations(struct eddyi_io *io)
{
    struct eddyi_backend *b = io->part.loop->backend;
    struct eddyi_io_op *pausing;
    int failures = 0;

    while ((pausing = any_pausing(io))) {
        eddyi_timer_stop(io->part.loop, &pausing->pause);
        end(pausing, -ECANCELED);
    }
    EDDYI_LIST_EACH(l, &io->ops)
        eddyi_io_cancel(eddyi_container(l, struct eddyi_io_op, link));
    while (!eddyi_list_empty(&io->ops) && failures < 3)
        failures += b->ops->wait(b, -1) < 0;
}

static void close_io(struct eddyi_loop_part *p)
{
    struct eddyi_io *io = eddyi_container(p, struct eddyi_io, part);

    while (!eddyi_list_empty(&io->claims)) {
        struct eddyi_io_claim *c = eddyi_container(io->claims.next, struct eddyi_io_claim, link);

        eddyi_io_release(c);
        if (c->lost)
            c->lost(c);
    }
    end_operations(io);
    eddyi_free(io->slots);
    eddyi_free(io);
}

static void init_io(struct eddyi_loop_part *p)
{
    struct eddyi_io *io = eddyi_container(p, struct eddyi_io, part);

    eddyi_list_init(&io->ops);
    eddyi_list_init(&io->claims);
}

struct eddyi_io *eddyi_io_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {
        .size = sizeof(struct eddyi_io), .init = init_io, .close = close_io};

    return eddyi_loop_part(loop, &kind);
}

struct eddyi_io_claim *eddyi_io_claimed(const struct eddyi_io *io, int fd,
                                        enum eddyi_direction direction)
{
    return (size_t)fd < io->n_slots ? io->slots[fd].claim[direction] : NULL;
}

static int grow(struct eddyi_io *io, int fd)
{
    void *slots;
    int rc = eddyi_fd_table_grow(io->slots, &io->n_slots, sizeof io->slots[0], fd, &slots);

    if (rc == 0)
        io->slots = slots;
    return rc;
}

EDDYI_DIRECT int eddyi_io_claim(struct eddyi_io *io, struct eddyi_io_claim *c, int fd,
                                enum eddyi_direction direction)
{
    int rc = (size_t)fd < io->n_slots ? 0 : grow(io, fd);

    if (rc < 0)
        return rc;
    if (io->slots[fd].claim[direction])
        return -EBUSY;
    c->io = io;
    c->fd = fd;
    c->direction = direction;
    io->slots[fd].claim[direction] = c;
    eddyi_list_append(&io->claims, &c->link);
    return 0;
}

void eddyi_io_release(struct eddyi_io_claim *c)
{
    if (!c->io)
        return;
    EDDYI_ASSERT(c->io->slots[c->fd].claim[c->direction] == c);
    c->io->slots[c->fd].claim[c->direction] = NULL;
    c->io = NULL;
    eddyi_list_remove(&c->link);
}

int eddyi_io_adopt(struct eddyi_io *io, int fd)
{
    struct eddyi_backend *b = io->part.loop->backend;

    return b->ops->adopt ? b->ops->adopt(b, fd) : 0;
}

void eddyi_io_close(struct eddyi_io *io, int fd)
{
    struct eddyi_backend *b = io->part.loop->backend;

    if (b->ops->forget)
        b->ops->forget(b, fd);
    eddyi_sys_close(fd);
}

static bool has_ended(struct eddyi_io_op *o);

static void on_complete(struct eddyi_op *op)
{
    struct eddyi_io_op *o = eddyi_container(op, struct eddyi_io_op, op);

    /* Another completion has forked: in the child, the rest is the parent's. */
    if (eddyi_loop_forked(o->io->part.loop))
        return;
    if (op->more) {
        o->done(o);
        return;
    }
    EDDYI_ASSERT(!op->in_kernel && "the kernel still has the operation's memory");
    eddyi_list_remove(&o->link);
    if (__builtin_expect(op->in_vain || o->in_vain > 0, false) && !has_ended(o))
        return;
    o->io = NULL;
    o->done(o);
}

static void pause_is_over(struct eddyi_ready *r)
{
    struct eddyi_io_op *o = eddyi_container(r, struct eddyi_io_op, pause.ready);
    struct eddyi_io *io = o->io;
    int rc;

    eddyi_list_remove(&o->link);
    o->io = NULL;
    rc = eddyi_io_submit(io, o);
    o->pausing = false;
    if (rc < 0)
        end(o, rc);
}

static void pause_is_cancelled(struct eddyi_ready *r)
{
    end(eddyi_container(r, struct eddyi_io_op, pause.ready), -ECANCELED);
}

/* Starts a pause before the operation. Returns false if there is none: the operation has just
 * paused, or there is no memory for a timer. */
EDDY_COLD static bool begin_pause(struct eddyi_io *io, struct eddyi_io_op *o)
{
    unsigned doublings = o->in_vain - 2 < DOUBLINGS ? o->in_vain - 2 : DOUBLINGS;
    eddy_loop *loop = io->part.loop;

    if (o->pausing || eddyi_op_is_of_files(&o->op))
        return false;
    o->pause.node.place = 0;
    eddyi_ready_init(&o->pause.ready, pause_is_over);
    if (eddyi_timer_start_after(loop, &o->pause, (int64_t)PAUSE << doublings) < 0)
        return false;
    o->pausing = true;
    o->io = io;
    eddyi_list_append(&io->ops, &o->link);
    return true;
}

static inline int hand_over(struct eddyi_io *io, struct eddyi_io_op *o)
{
    struct eddyi_backend *b = io->part.loop->backend;
    int rc;

    EDDYI_ASSERT(!o->io && "an operation is submitted once");
    o->op.complete = on_complete;
    o->op.more = o->op.in_vain = false;
    rc = b->ops->submit(b, &o->op);
    if (rc < 0)
        return rc;
    o->io = io;
    eddyi_list_append(&io->ops, &o->link);
    return 0;
}

/* Slow path of submit(): the call was made in vain before. */
EDDY_COLD static int submit_slow(struct eddyi_io *io, struct eddyi_io_op *o)
{
    return begin_pause(io, o) ? 0 : hand_over(io, o);
}

/* Submits an operation on a loop that is not closed. */
static inline int submit(struct eddyi_io *io, struct eddyi_io_op *o)
{
    return o->in_vain >= 2 ? submit_slow(io, o) : hand_over(io, o);
}

EDDYI_DIRECT int eddyi_io_submit(struct eddyi_io *io, struct eddyi_io_op *o)
{
    /* Closing cancels the operations in flight once and waits for them, so none may follow. */
    return io->part.loop->closed ? -ECANCELED : submit(io, o);
}

/* Returns false if the backend woke the operation in vain and the operation has begun again. */
EDDY_COLD static bool has_ended(struct eddyi_io_op *o)
{
    struct eddyi_io *io = o->io;
    int rc;

    if (!o->op.in_vain) {
        if (o->op.result >= 0 && o->op.kind != EDDYI_OP_POLL)
            o->in_vain = 0;
        return true;
    }
    o->in_vain++;
    o->io = NULL;
    rc = eddyi_io_submit(io, o);
    if (rc < 0)
        o->op.result = rc;
    return rc < 0;
}

/* Cancels a pause. Like the backend's cancel(), it does not end the operation itself. */
static void cancel_pause(struct eddyi_io_op *o)
{
    eddy_loop *loop = o->io->part.loop;

    if (o->pause.ready.run == pause_is_cancelled)
        return;
    eddyi_timer_stop(loop, &o->pause);
    eddyi_ready_init(&o->pause.ready, pause_is_cancelled);
    eddyi_loop_ready(loop, &o->pause.ready);
}

bool eddyi_io_cancel(struct eddyi_io_op *o)
{
    struct eddyi_backend *b = o->io ? o->io->part.loop->backend : NULL;

    if (b && o->pausing)
        cancel_pause(o);
    else if (b)
        b->ops->cancel(b, &o->op);
    return b != NULL;
}

bool eddyi_io_withdraw(struct eddyi_io_op *o)
{
    struct eddyi_backend *b = o->io ? o->io->part.loop->backend : NULL;

    if (!b || o->pausing || !b->ops->withdraw)
        return eddyi_io_cancel(o);
    b->ops->withdraw(b, &o->op);
    return true;
}

/* Calls of tasks. */

static void call_done(struct eddyi_io_op *o)
{
    struct eddyi_io_call *c = eddyi_container(o, struct eddyi_io_call, o);

    eddyi_wait_fetch(c, sizeof *c);
    eddyi_wait_over(&c->wait);
}

/*
 * Frees the descriptor for the next call at once (rule 165), although the backend may not release
 * the operation before its next wait(): it processes the cancellation before any later operation.
 */
static bool io_call_cancel(struct eddyi_wait *w)
{
    struct eddyi_io_call *c = eddyi_container(w, struct eddyi_io_call, wait);

    if (c->shielded)
        return false;
    eddyi_io_release(&c->claim);
    return eddyi_io_cancel(&c->o);
}

int eddyi_io_begin_shared(struct eddyi_io_call *c, int fd)
{
    eddy_task *t = eddyi_task_current();

    if (!t)
        return eddyi_raise_no_task();
    c->loop = t->future.loop;
    c->io = NULL;
    c->fd = fd;
    c->what = NULL;
    c->claim.io = NULL;
    c->claim.lost = NULL;
    c->o.in_vain = 0;
    c->o.pausing = false;
    c->shared = true;
    c->shielded = false;
    return 0;
}

EDDY_COLD static int raise_no_descriptor(int fd)
{
    return eddy_raise(-EBADF, "%d is no descriptor", fd);
}

EDDYI_DIRECT int eddyi_io_begin(struct eddyi_io_call *c, int fd, enum eddyi_direction direction)
{
    int rc = eddyi_io_begin_shared(c, fd);

    if (rc < 0)
        return rc;
    c->direction = direction;
    c->shared = false;
    /* A task that cleans up while its loop closes may make calls, but cannot wait. */
    if (c->loop->closed)
        return fd < 0 ? raise_no_descriptor(fd) : 0;
    c->io = eddyi_io_of(c->loop);
    if (!c->io)
        return eddy_raise(-ENOMEM, NULL);
    if ((size_t)fd >= c->io->n_slots) /* the descriptor is free */
        return fd < 0 ? raise_no_descriptor(fd) : 0;
    if (c->io->slots[fd].claim[direction])
        return eddy_raise(-EBUSY, "descriptor %d is already waited for by another task or by %s",
                          fd, direction == EDDYI_READS ? "add_reader" : "add_writer");
    return 0;
}

/* Claims the descriptor for the rest of the call and submits the operation. The loop is not
 * closed. */
static int start(struct eddyi_io_call *c)
{
    struct eddyi_io *io = c->io ? c->io : eddyi_io_of(c->loop);
    int rc = io ? 0 : -ENOMEM;

    if (rc == 0 && !c->shared && !c->claim.io)
        rc = eddyi_io_claim(io, &c->claim, c->fd, c->direction);
    c->o.op.fd = c->fd;
    c->o.op.tried = c->o.op.waits = true;
    c->o.done = call_done;
    return rc < 0 ? rc : submit(io, &c->o);
}

/* Returns the name of an operation in reports. */
static const char *name_of(enum eddyi_op_kind kind)
{
    static const char *const names[] = {
        [EDDYI_OP_POLL] = "poll",         [EDDYI_OP_RECV] = "recv",
        [EDDYI_OP_SEND] = "send",         [EDDYI_OP_ACCEPT] = "accept",
        [EDDYI_OP_CONNECT] = "connect",   [EDDYI_OP_RECVMSG] = "recvmsg",
        [EDDYI_OP_SENDMSG] = "sendmsg",   [EDDYI_OP_READ] = "read",
        [EDDYI_OP_WRITE] = "write",       [EDDYI_OP_OPEN] = "open",
        [EDDYI_OP_CLOSE] = "close",       [EDDYI_OP_STAT] = "stat",
        [EDDYI_OP_FSYNC] = "fsync",       [EDDYI_OP_RENAME] = "rename",
        [EDDYI_OP_UNLINK] = "unlink",     [EDDYI_OP_MKDIR] = "mkdir",
        [EDDYI_OP_SENDFILE] = "sendfile", [EDDYI_OP_CALL] = "a call in a thread",
    };

    return names[kind];
}

EDDYI_DIRECT int64_t eddyi_io_wait(struct eddyi_io_call *c)
{
    int rc = eddyi_wait_init(&c->wait, io_call_cancel);

    c->wait.what = c->what ? c->what : name_of(c->o.op.kind);
    c->wait.on_fd = !eddyi_op_is_of_files(&c->o.op);
    c->wait.fd = c->fd;
    c->o.io = NULL;
    /* The result if the loop is closed; a thread may store another one soon. */
    c->o.op.result = -ECANCELED;
    if (rc == 0 && !c->loop->closed)
        rc = start(c);
    c->submitted = rc == 0;
    if (rc < 0)
        return rc;
    eddyi_wait_park(&c->wait);
    /* The loop closes: the operation was cancelled, not the task. */
    if (c->o.op.result == -ECANCELED && !c->wait.cancelled)
        return eddy_raise(-ECANCELED, NULL);
    return eddyi_wait_finish_with(&c->wait, c->o.op.result);
}

EDDYI_DIRECT void eddyi_io_end(struct eddyi_io_call *c)
{
    eddyi_io_release(&c->claim);
}

EDDYI_DIRECT bool eddyi_io_is_drained(const struct eddyi_io_call *c)
{
    return c->io && (size_t)c->fd < c->io->n_slots &&
           c->io->slots[c->fd].drained_in == c->loop->schedule.turns;
}

void eddyi_io_note_drained(struct eddyi_io_call *c)
{
    if (c->io && !c->loop->closed && (size_t)c->fd < c->io->n_slots && !eddyi_short_any())
        c->io->slots[c->fd].drained_in = c->loop->schedule.turns;
}
