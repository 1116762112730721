/*
 * The backend on epoll(7): an operation waits until its descriptor is ready, then makes the call.
 * epoll_table.h has the waiting operations and their registrations.
 *
 * For an adopted descriptor the backend remembers what the edges said: a direction is ready until a
 * call would block, or until a stream gives or takes less than was asked for. After a hang-up, and
 * after urgent data, a short transfer does not mean empty: no further edge would come.
 */
#include "backend/backend.h"
#include "backend/epoll_table.h"
#include "backend/pool.h"
#include "base/sys.h"
#include "base/unguarded.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum { N_EVENTS = 256 /* to begin with */, WAKER = -1 };

/* Operations that rely on an earlier registration are armed after this many to twice as many looks.
 * A look under load takes some 100 us. */
enum { PATIENCE = 128 };

/* After a look that found nothing, this many sleeps need no look before them. */
enum { SKIPPED_LOOKS = 16 };

/* op->state */
enum { NEW, WAITING, IN_POOL, DONE };

struct epoll {
    struct eddyi_backend backend;
    struct eddyi_table table;
    int wakefd;
    unsigned looks;
    unsigned looks_to_skip;     /* this many more sleeps need no look before them */
    struct eddyi_pool pool;     /* for files, which are never waited for */
    struct eddyi_list done;     /* operations with a result, to be delivered by the next wait */
    struct epoll_event *events; /* owned; of the latest look */
    int events_size;
};

static struct epoll *of(struct eddyi_backend *b)
{
    return eddyi_container(b, struct epoll, backend);
}

static void epoll_backend_close(struct eddyi_backend *b)
{
    struct epoll *e = of(b);

    eddyi_pool_fini(&e->pool); /* its threads may be about to write to the waker */
    if (e->table.epfd >= 0)
        eddyi_sys_close(e->table.epfd);
    if (e->wakefd >= 0)
        eddyi_sys_close(e->wakefd);
    eddyi_table_fini(&e->table);
    eddyi_free(e->events);
    eddyi_free(e);
}

/*
 * Makes room for @n events; a look without room may have found more. If memory is short, the rest
 * comes with the next look.
 */
static int grow_events(struct epoll *e, int n)
{
    struct epoll_event *events = eddyi_realloc(e->events, (size_t)n * sizeof *events);

    if (!events)
        return -ENOMEM;
    e->events = events;
    e->events_size = n;
    return 0;
}

/* Opens the set and the waker. The waker is never read: each write is an edge of its own, and its
 * counter cannot overflow in a lifetime. */
static int open_descriptors(struct epoll *e)
{
    int rc = grow_events(e, N_EVENTS);

    if (rc < 0)
        return rc;
    e->table.epfd = eddyi_sys_epoll_create();
    if (e->table.epfd < 0)
        return e->table.epfd;
    e->wakefd = eddyi_sys_eventfd();
    if (e->wakefd < 0)
        return e->wakefd;
    return eddyi_sys_epoll_ctl(e->table.epfd, EPOLL_CTL_ADD, e->wakefd, EPOLLIN | EPOLLET,
                               (uint64_t)WAKER);
}

static int epoll_backend_open(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
    struct epoll *e = eddyi_zalloc(sizeof *e);
    int rc;

    if (!e)
        return -ENOMEM;
    e->backend.ops = &eddyi_backend_epoll;
    eddyi_table_init(&e->table);
    e->wakefd = -1;
    eddyi_list_init(&e->done);
    eddyi_pool_init(&e->pool, &e->backend);
    rc = open_descriptors(e);
    if (rc < 0) {
        snprintf(reason, reason_size, "epoll: %s", strerror(-rc));
        epoll_backend_close(&e->backend);
        return rc;
    }
    *ret = &e->backend;
    return 0;
}

/* Queues an operation for delivery. */
static void finish(struct epoll *e, struct eddyi_op *op, int64_t result)
{
    if (op->state == WAITING)
        eddyi_table_leave(&e->table, op);
    op->result = result;
    op->state = DONE;
    eddyi_list_append(&e->done, &op->link);
}

/* Makes the call of an operation. Returns -EAGAIN if it has to wait after all. */
static int64_t attempt(struct eddyi_op *op)
{
    switch (op->kind) {
    case EDDYI_OP_RECV:
        return eddyi_sys_recv(op->fd, op->io.buf, op->io.size);
    case EDDYI_OP_SEND:
        return eddyi_sys_send(op->fd, op->io.buf, op->io.size);
    case EDDYI_OP_ACCEPT:
        return op->accept.multishot ? eddyi_sys_accept_nonblocking(op->fd)
                                    : eddyi_sys_accept(op->fd, op->accept.addr, op->accept.addrlen);
    case EDDYI_OP_CONNECT:
        return eddyi_sys_connect_result(op->fd);
    case EDDYI_OP_RECVMSG:
        return eddyi_sys_recvmsg(op->fd, op->message.msg, op->message.flags);
    case EDDYI_OP_SENDMSG:
        return eddyi_sys_sendmsg(op->fd, op->message.msg, op->message.flags);
    case EDDYI_OP_READ:
        return eddyi_sys_ready_readv(op->fd, op->rw.iov, op->rw.n);
    case EDDYI_OP_WRITE:
        return eddyi_sys_ready_writev(op->fd, op->rw.iov, op->rw.n);
    default:
        return -EAGAIN;
    }
}

/* Returns the outcome of an operation after @events. poll(2) and epoll(7) number their events
 * alike. */
static int64_t outcome(struct eddyi_op *op, unsigned events)
{
    unsigned poll_events = events & (op->events | POLLERR | POLLHUP);

    if (op->kind != EDDYI_OP_POLL)
        return attempt(op);
    return poll_events ? (int64_t)poll_events : -EAGAIN;
}

/* Events that have just been reported are as good as poll(2). */
static int64_t poll_adopted(struct eddyi_op *op, unsigned events)
{
    return events ? outcome(op, events) : eddyi_sys_events(op->fd, op->events);
}

/* Makes the call on an adopted descriptor, after @events or (0) without one, and learns about its
 * readiness. */
__attribute__((always_inline)) static inline int64_t
attempt_adopted(struct eddyi_slot *s, struct eddyi_op *op, unsigned events)
{
    int d = eddyi_op_wants(op, EDDYI_READS) ? EDDYI_READS : EDDYI_WRITES;
    int64_t n = op->kind == EDDYI_OP_POLL ? poll_adopted(op, events) : attempt(op);
    bool transfer = op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_SEND;
    bool fell_short = transfer && s->stream && n > 0 && (size_t)n < op->io.size &&
                      !(d == EDDYI_READS && s->ending) && !eddyi_short_any();

    if (n == -EAGAIN || fell_short)
        s->ready[d] = false;
    if (n == -EAGAIN && eddyi_op_wants(op, EDDYI_WRITES))
        s->ready[EDDYI_WRITES] = false;
    return n;
}

/* Starts an operation on an adopted descriptor, which is in the table, without asking the kernel
 * what is known already. */
static void start_adopted(struct epoll *e, struct eddyi_op *op)
{
    struct eddyi_slot *s = &e->table.slots[op->fd];
    bool ready = false;
    int64_t n;

    for (int d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        if (eddyi_op_wants(op, d) && (op->tried || op->kind == EDDYI_OP_CONNECT))
            s->ready[d] = false;
        ready = ready || (eddyi_op_wants(op, d) && s->ready[d]);
    }
    n = ready ? attempt_adopted(s, op, 0) : -EAGAIN;
    if (n != -EAGAIN)
        finish(e, op, n);
}

static int wait_for(struct epoll *e, struct eddyi_op *op)
{
    int rc = eddyi_table_enter(&e->table, op);

    if (rc < 0)
        return rc;
    op->state = WAITING;
    if (e->table.slots[op->fd].adopted) {
        start_adopted(e, op);
        return 0;
    }
    rc = eddyi_table_expect(&e->table, op);
    if (rc < 0) {
        eddyi_table_leave(&e->table, op);
        op->state = NEW;
    }
    return rc;
}

static bool is_read_or_write(const struct eddyi_op *op)
{
    return op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;
}

static int give_to_pool(struct epoll *e, struct eddyi_op *op)
{
    op->state = IN_POOL;
    op->in_kernel = false;
    eddyi_op_note_caller(op);
    return eddyi_pool_submit(&e->pool, op);
}

static int epoll_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct epoll *e = of(b);
    int rc;

    /*
     * An operation with an offset is on a file. A file's readiness for some event says nothing
     * about its data.
     */
    if (eddyi_op_is_of_files(op) ||
        (is_read_or_write(op) && (op->rw.offset >= 0 || eddyi_sys_is_file(op->fd))))
        return give_to_pool(e, op);
    op->state = NEW;
    op->in_kernel = false;
    if (op->fd < 0)
        return -EBADF;
    if (op->kind == EDDYI_OP_CONNECT) {
        rc = eddyi_sys_connect(op->fd, op->connect.addr, op->connect.addrlen);
        /* EALREADY: an earlier attempt is under way, and its outcome is that of both. */
        if (rc != -EINPROGRESS && rc != -EALREADY) {
            finish(e, op, rc);
            return 0;
        }
    }
    rc = wait_for(e, op);
    if (rc == -EPERM && is_read_or_write(op))
        return give_to_pool(e, op);
    /* A file that cannot be waited for: the call itself reports what is wrong. */
    if (rc == -EPERM && op->kind != EDDYI_OP_POLL) {
        finish(e, op, attempt(op));
        return 0;
    }
    return rc;
}

/* Cancels an operation. Its registration stays; if it fires, no operation is waiting. */
static void epoll_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct epoll *e = of(b);

    if (op->state == WAITING || (op->state == IN_POOL && eddyi_pool_withdraw(&e->pool, op)))
        finish(e, op, -ECANCELED);
}

/*
 * Re-arms the registration for operations that still wait after an event. If the number now belongs
 * to a file, the call itself reports what is wrong.
 */
static void rearm(struct epoll *e, int fd, unsigned mode)
{
    int rc = eddyi_table_arm(&e->table, fd, mode);

    for (int d = EDDYI_READS; rc < 0 && d <= EDDYI_WRITES; d++) {
        struct eddyi_op *op = e->table.slots[fd].op[d];

        if (op)
            finish(e, op, rc == -EPERM && op->kind != EDDYI_OP_POLL ? attempt(op) : rc);
    }
}

/* Arms the operations that relied on earlier registrations. */
static void arm_all(struct epoll *e, struct eddyi_list *unarmed)
{
    while (!eddyi_list_empty(unarmed))
        rearm(e, eddyi_container(unarmed->next, struct eddyi_op, link)->fd, EPOLLET);
}

static const unsigned concerns[] = {[EDDYI_READS] =
                                        EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP,
                                    [EDDYI_WRITES] = EPOLLOUT | EPOLLERR | EPOLLHUP};

static void handle_adopted(struct epoll *e, struct eddyi_slot *s, unsigned events)
{
    for (int d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        struct eddyi_op *op = s->op[d];
        int64_t result;

        if (!(events & concerns[d]))
            continue;
        s->ready[d] = true;
        result = op ? attempt_adopted(s, op, events) : -EAGAIN;
        if (result != -EAGAIN)
            finish(e, op, result);
    }
}

/*
 * Makes the calls that the events concern. Returns true if one of them was made in vain and is to
 * wait for the next edge. There is no edge when the queue of another socket gets room, for which a
 * message may be waiting.
 */
static bool try_those_waiting(struct epoll *e, struct eddyi_slot *s, unsigned events)
{
    bool in_vain = false;

    for (int d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        struct eddyi_op *op = events & concerns[d] ? s->op[d] : NULL;
        int64_t result;

        if (!op)
            continue;
        result = outcome(op, events);
        if (__builtin_expect(result == -EAGAIN, false)) {
            op->in_vain = op->kind == EDDYI_OP_SENDMSG;
            if (!op->in_vain) {
                in_vain = true;
                continue;
            }
        }
        finish(e, op, result);
    }
    return in_vain;
}

static void handle(struct epoll *e, const struct epoll_event *ev)
{
    int fd = (int)(uint32_t)ev->data.u64;
    struct eddyi_slot *s = &e->table.slots[fd];
    bool in_vain;

    if (s->generation != ev->data.u64 >> 32) {
        e->table.n_stale++;
        return;
    }
    if (ev->events & (EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP))
        s->ending = true;
    if (s->adopted) {
        handle_adopted(e, s, ev->events);
        return;
    }
    if (!s->op[EDDYI_READS] && !s->op[EDDYI_WRITES]) {
        /* Otherwise it would go on firing, perhaps for the rest of the file's life in another
         * process. */
        if (!s->registered || (s->edge && eddyi_table_forget(&e->table, fd) < 0))
            e->table.n_stale++;
        return;
    }
    in_vain = try_those_waiting(e, s, ev->events);
    /* An error state that the call does not report (EPOLLERR for a message on the error queue) does
     * not go away by itself: armed again, it would fire at once, for ever. So from the second time
     * on only a change counts. */
    if ((s->op[EDDYI_READS] || s->op[EDDYI_WRITES]) && !s->edge)
        rearm(e, fd, in_vain ? EPOLLET : EPOLLONESHOT);
}

/* Completes the operations that are done by now; those done meanwhile wait for the next time. */
EDDYI_UNGUARDED static void deliver(struct epoll *e)
{
    struct eddyi_list batch;
    struct eddyi_list *l;

    eddyi_list_init(&batch);
    eddyi_list_move_all(&batch, &e->done);
    while ((l = eddyi_list_pop(&batch))) {
        struct eddyi_op *op = eddyi_container(l, struct eddyi_op, link);

        if (eddyi_is_withheld(op))
            eddyi_list_append(&e->done, &op->link);
        else
            op->complete(op);
    }
}

/* Waits for events. All operations must be armed before it sleeps; under load there are events
 * without that. */
static int look(struct epoll *e, int64_t timeout)
{
    struct eddyi_table *t = &e->table;
    int n;

    if (++e->looks % PATIENCE == 0) {
        arm_all(e, &t->overdue);
        eddyi_list_move_all(&t->overdue, &t->unarmed);
    }
    if (timeout != 0 && eddyi_table_has_unarmed(t)) {
        if (e->looks_to_skip > 0) {
            e->looks_to_skip--;
        } else {
            n = eddyi_sys_epoll_wait(t->epfd, e->events, e->events_size, 0);
            if (n != 0)
                return n;
            e->looks_to_skip = SKIPPED_LOOKS;
        }
        arm_all(e, &t->overdue);
        arm_all(e, &t->unarmed);
    }
    if (timeout == 0 || !eddyi_list_empty(&e->done))
        return eddyi_sys_epoll_wait(t->epfd, e->events, e->events_size, 0);
    eddyi_backend_before_wait(&e->backend);
    n = eddyi_sys_epoll_wait(t->epfd, e->events, e->events_size, timeout);
    eddyi_backend_after_wait(&e->backend);
    return n;
}

static int epoll_backend_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct epoll *e = of(b);
    int n = 0;

    eddyi_pool_take(&e->pool, &e->done);
    if (!eddyi_list_empty(&e->done))
        timeout = 0;
    /* A look without waiting operations is skipped. A wake-up stays in the kernel for the next wait
     * that sleeps. */
    if (timeout != 0 || e->table.n_waiting > 0)
        n = look(e, timeout);
    /* EINTR: a signal handler may have left work for the loop. */
    if (n < 0 && n != -EINTR) {
        eddyi_pool_settle(&e->pool, &e->done);
        deliver(e);
        return n;
    }
    for (int i = 0; i < n; i++) {
        if (e->events[i].data.u64 != (uint64_t)WAKER)
            handle(e, &e->events[i]);
    }
    if (n == e->events_size)
        (void)grow_events(e, 2 * n);
    if (eddyi_table_is_stale(&e->table))
        (void)eddyi_table_renew(&e->table, e->wakefd, (uint64_t)WAKER);
    eddyi_pool_take(&e->pool, &e->done);
    deliver(e);
    return 0;
}

static int epoll_adopt(struct eddyi_backend *b, int fd)
{
    return eddyi_table_adopt(&of(b)->table, fd);
}

/* An edge that the bytes of the read have caused is not reported any more: the kernel looks again
 * before it reports one. */
static void epoll_emptied(struct eddyi_backend *b, int fd, bool short_read)
{
    struct eddyi_table *t = &of(b)->table;
    struct eddyi_slot *s = (size_t)fd < t->n_slots ? &t->slots[fd] : NULL;

    if (s && (!short_read || (s->stream && !s->ending && !eddyi_short_any())))
        s->ready[EDDYI_READS] = false;
}

static void epoll_forget(struct eddyi_backend *b, int fd)
{
    eddyi_table_disown(&of(b)->table, fd);
}

static void epoll_wake(struct eddyi_backend *b)
{
    eddyi_sys_eventfd_signal(of(b)->wakefd);
}

static int64_t epoll_now(struct eddyi_backend *b)
{
    return eddyi_sys_now();
}

/* Closes the descriptors in a forked child. A call under way, if a signal handler forked, finds no
 * set. */
static void epoll_forked(struct eddyi_backend *b)
{
    struct epoll *e = of(b);

    eddyi_sys_close(e->table.epfd);
    eddyi_sys_close(e->wakefd);
    e->table.epfd = e->wakefd = -1;
    eddyi_pool_forked(&e->pool);
}

const struct eddyi_backend_ops eddyi_backend_epoll = {
    .name = "epoll",
    .open = epoll_backend_open,
    .close = epoll_backend_close,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .adopt = epoll_adopt,
    .forget = epoll_forget,
    .emptied = epoll_emptied,
    .wait = epoll_backend_wait,
    .wake = epoll_wake,
    .now = epoll_now,
    .forked = epoll_forked,
};
