/*
 * The backend on epoll(7): an operation waits until its descriptor is ready, then makes the call.
 *
 * A registration fires once (EPOLLONESHOT) and each operation arms it anew: one epoll_ctl per wait. Registering once,
 * edge-triggered, would save that call, but a descriptor can be closed and its number used again without a word, and
 * then nothing but a call can tell that the kernel's registration went with the old file: the operation would
 * wait for ever. Arming also looks at the present state, so what became ready in between is not missed.
 *
 * A registration belongs to the open file, not to the number: while a duplicate of a closed descriptor lives,
 * the old one can still fire under that number. Each arming has a generation, which events carry, and events
 * of another generation than the present one are nobody's.
 *
 * An adopted descriptor is registered once, edge-triggered, since its owner says when it goes. What the edges said is remembered: a
 * direction is ready until a call says it is not, or until a stream gives or takes less than it was asked to. After a hang-up, and
 * past urgent data, less than that does not mean empty: no further edge would come.
 *
 * What waits is in a table indexed by descriptor: at most one operation that reads and one that writes.
 */
#include "backend/backend.h"
#include "backend/pool.h"
#include "base/sys.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum { N_EVENTS = 256, WAKER = -1 };

enum { READ, WRITE };

/* op->state */
enum { NEW, WAITING, IN_POOL, DONE };

struct slot {
    struct eddyi_op *op[2]; /* who waits to READ, to WRITE; one that polls for both is in both */
    uint32_t generation;    /* of the latest arming */
    bool registered;        /* by us, under this number; the kernel may have forgotten */
    bool edge;              /* armed for every edge instead of once */
    bool adopted;           /* registered for all edges of both directions, until forgotten */
    bool ready[2];          /* the next three of an adopted one: a call may succeed, as far as is known */
    bool stream;            /* a transfer that falls short has emptied or filled it */
    bool ending;            /* for reading that is not so any more */
};

struct epoll {
    struct eddyi_backend backend;
    int epfd;
    int wakefd;
    struct slot *slots;
    size_t n_slots;
    size_t n_waiting;       /* operations in the table */
    struct eddyi_pool pool; /* for files, which are never waited for */
    struct eddyi_list done; /* operations with a result, to be delivered by the next wait */
    struct epoll_event events[N_EVENTS];
};

static struct epoll *of(struct eddyi_backend *b)
{
    return eddyi_container(b, struct epoll, backend);
}

static void epoll_backend_close(struct eddyi_backend *b)
{
    struct epoll *e = of(b);

    eddyi_pool_fini(&e->pool); /* its threads may be about to write to the waker */
    if (e->epfd >= 0)
        eddyi_sys_close(e->epfd);
    if (e->wakefd >= 0)
        eddyi_sys_close(e->wakefd);
    eddyi_free(e->slots);
    eddyi_free(e);
}

/* The waker is never read: each write is an edge of its own, and the counter cannot overflow in a lifetime. */
static int open_descriptors(struct epoll *e)
{
    e->epfd = eddyi_sys_epoll_create();
    if (e->epfd < 0)
        return e->epfd;
    e->wakefd = eddyi_sys_eventfd();
    if (e->wakefd < 0)
        return e->wakefd;
    return eddyi_sys_epoll_ctl(e->epfd, EPOLL_CTL_ADD, e->wakefd, EPOLLIN | EPOLLET, (uint64_t)WAKER);
}

static int epoll_backend_open(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
    struct epoll *e = eddyi_zalloc(sizeof *e);
    int rc;

    if (!e)
        return -ENOMEM;
    e->backend.ops = &eddyi_backend_epoll;
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

static int grow(struct epoll *e, int fd)
{
    size_t n = e->n_slots ? e->n_slots : 64;
    struct slot *slots;

    while (n <= (size_t)fd)
        n *= 2;
    slots = eddyi_realloc(e->slots, n * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    memset(slots + e->n_slots, 0, (n - e->n_slots) * sizeof *slots);
    e->slots = slots;
    e->n_slots = n;
    return 0;
}

/* The directions an operation takes up. */
static bool wants(const struct eddyi_op *op, int direction)
{
    switch (op->kind) {
    case EDDYI_OP_POLL:
        return op->events & (direction == READ ? POLLIN : POLLOUT);
    case EDDYI_OP_RECV:
    case EDDYI_OP_ACCEPT:
    case EDDYI_OP_RECVMSG:
    case EDDYI_OP_READ:
        return direction == READ;
    default:
        return direction == WRITE;
    }
}

static int control(struct epoll *e, int op, int fd, unsigned events, uint32_t generation)
{
    return eddyi_sys_epoll_ctl(e->epfd, op, fd, events, (uint64_t)generation << 32 | (uint32_t)fd);
}

/*
 * Makes the registration what it has to be now. The table's word on whether there is one is only a guess:
 * closing took it away (ENOENT), or it stayed with a duplicate that has got the same number again (EEXIST).
 * Where this fails, what was armed before still is.
 */
static int register_as(struct epoll *e, int fd, unsigned events)
{
    struct slot *s = &e->slots[fd];
    int rc = control(e, s->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, s->generation + 1);

    if (rc == -ENOENT)
        rc = control(e, EPOLL_CTL_ADD, fd, events, s->generation + 1);
    else if (rc == -EEXIST)
        rc = control(e, EPOLL_CTL_MOD, fd, events, s->generation + 1);
    if (rc < 0)
        return rc;
    s->generation++;
    s->registered = true;
    return 0;
}

static int arm(struct epoll *e, int fd, unsigned mode)
{
    struct slot *s = &e->slots[fd];
    int rc = register_as(e, fd, mode | (s->op[READ] ? EPOLLIN : 0) | (s->op[WRITE] ? EPOLLOUT : 0));

    if (rc == 0)
        s->edge = mode == EPOLLET;
    return rc;
}

static void leave_table(struct epoll *e, struct eddyi_op *op)
{
    struct slot *s = &e->slots[op->fd];

    for (int d = READ; d <= WRITE; d++) {
        if (s->op[d] == op)
            s->op[d] = NULL;
    }
    op->lent = false;
    e->n_waiting--;
}

/* Sets an operation down for delivery. */
static void finish(struct epoll *e, struct eddyi_op *op, int64_t result)
{
    if (op->state == WAITING)
        leave_table(e, op);
    op->result = result;
    op->state = DONE;
    eddyi_list_append(&e->done, &op->link);
}

/* Makes the call an operation stands for; -EAGAIN if it has to wait after all. */
static int64_t attempt(struct eddyi_op *op)
{
    switch (op->kind) {
    case EDDYI_OP_RECV:
        return eddyi_sys_recv(op->fd, op->io.buf, op->io.size);
    case EDDYI_OP_SEND:
        return eddyi_sys_send(op->fd, op->io.buf, op->io.size);
    case EDDYI_OP_ACCEPT:
        return eddyi_sys_accept(op->fd, op->accept.addr, op->accept.addrlen);
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

/* The events of poll(2) and epoll(7) have the same numbers. */
static int64_t outcome(struct eddyi_op *op, unsigned events)
{
    unsigned poll_events = events & (op->events | POLLERR | POLLHUP);

    if (op->kind != EDDYI_OP_POLL)
        return attempt(op);
    return poll_events ? (int64_t)poll_events : -EAGAIN;
}

static int enter_table(struct epoll *e, struct eddyi_op *op)
{
    struct slot *s;
    int rc = 0;

    /* Asked first, a number that is no descriptor cannot blow up the table. */
    if ((size_t)op->fd >= e->n_slots) {
        rc = eddyi_sys_pollable(op->fd);
        rc = rc < 0 ? rc : grow(e, op->fd);
    }
    if (rc < 0)
        return rc;
    s = &e->slots[op->fd];
    for (int d = READ; d <= WRITE; d++) {
        if (wants(op, d) && s->op[d])
            return -EBUSY;
    }
    for (int d = READ; d <= WRITE; d++) {
        if (wants(op, d))
            s->op[d] = op;
    }
    e->n_waiting++;
    op->lent = true;
    op->state = WAITING;
    return 0;
}

/* An attempt on an adopted descriptor, which teaches something about its readiness. */
static int64_t attempt_adopted(struct slot *s, struct eddyi_op *op)
{
    int d = wants(op, READ) ? READ : WRITE;
    int64_t n = op->kind == EDDYI_OP_POLL ? eddyi_sys_events(op->fd, op->events) : attempt(op);
    bool transfer = op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_SEND;
    bool fell_short = transfer && s->stream && n > 0 && (size_t)n < op->io.size &&
                      !(d == READ && s->ending) && !eddyi_short_any();

    if (n == -EAGAIN || fell_short)
        s->ready[d] = false;
    if (n == -EAGAIN && wants(op, WRITE))
        s->ready[WRITE] = false;
    return n;
}

/* The operation is in the table of an adopted descriptor: nothing is asked of the kernel that is known already. */
static void start_adopted(struct epoll *e, struct eddyi_op *op)
{
    struct slot *s = &e->slots[op->fd];
    bool ready = false;
    int64_t n;

    for (int d = READ; d <= WRITE; d++) {
        if (wants(op, d) && (op->tried || op->kind == EDDYI_OP_CONNECT))
            s->ready[d] = false;
        ready = ready || (wants(op, d) && s->ready[d]);
    }
    n = ready ? attempt_adopted(s, op) : -EAGAIN;
    if (n != -EAGAIN)
        finish(e, op, n);
}

static int wait_for(struct epoll *e, struct eddyi_op *op)
{
    int rc = enter_table(e, op);

    if (rc < 0)
        return rc;
    if (e->slots[op->fd].adopted) {
        start_adopted(e, op);
        return 0;
    }
    rc = arm(e, op->fd, EPOLLONESHOT);
    if (rc < 0) {
        leave_table(e, op);
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
    op->lent = false;
    return eddyi_pool_submit(&e->pool, op);
}

static int epoll_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct epoll *e = of(b);
    int rc;

    /* What has offsets is a file. */
    if (eddyi_op_is_of_files(op) || (is_read_or_write(op) && op->rw.offset >= 0))
        return give_to_pool(e, op);
    op->state = NEW;
    op->lent = false;
    if (op->fd < 0)
        return -EBADF;
    if (op->kind == EDDYI_OP_CONNECT) {
        rc = eddyi_sys_connect(op->fd, op->connect.addr, op->connect.addrlen);
        /* EALREADY: an earlier attempt goes on, and ends for both. */
        if (rc != -EINPROGRESS && rc != -EALREADY) {
            finish(e, op, rc);
            return 0;
        }
    }
    rc = wait_for(e, op);
    if (rc == -EPERM && is_read_or_write(op))
        return give_to_pool(e, op);
    /* A file that cannot be waited for: the call itself knows what is wrong with it. */
    if (rc == -EPERM && op->kind != EDDYI_OP_POLL) {
        finish(e, op, attempt(op));
        return 0;
    }
    return rc;
}

/* The registration stays armed; should it fire, at most once, nobody is waiting. */
static void epoll_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct epoll *e = of(b);

    if (op->state == WAITING || (op->state == IN_POOL && eddyi_pool_withdraw(&e->pool, op)))
        finish(e, op, -ECANCELED);
}

static int epoll_adopt(struct eddyi_backend *b, int fd)
{
    struct epoll *e = of(b);
    struct slot *s;
    int rc = (size_t)fd < e->n_slots ? 0 : eddyi_sys_pollable(fd);

    if (rc == 0 && (size_t)fd >= e->n_slots)
        rc = grow(e, fd);
    if (rc < 0)
        return rc;
    s = &e->slots[fd];
    if (s->op[READ] || s->op[WRITE])
        return -EBUSY;
    rc = register_as(e, fd, EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI);
    if (rc < 0)
        return rc;
    s->adopted = true;
    s->stream = eddyi_sys_is_stream(fd);
    s->ready[READ] = s->ready[WRITE] = s->ending = s->edge = false;
    return 0;
}

static void epoll_forget(struct eddyi_backend *b, int fd)
{
    struct epoll *e = of(b);
    struct slot *s = (size_t)fd < e->n_slots ? &e->slots[fd] : NULL;

    if (!s || !s->adopted)
        return;
    control(e, EPOLL_CTL_DEL, fd, 0, 0);
    s->generation++; /* what the present wait has of it is nobody's */
    s->adopted = s->registered = false;
}

/* What is left waiting after an event. */
static void rearm(struct epoll *e, int fd, unsigned mode)
{
    int rc = arm(e, fd, mode);

    for (int d = READ; rc < 0 && d <= WRITE; d++) {
        if (e->slots[fd].op[d])
            finish(e, e->slots[fd].op[d], rc);
    }
}

/* Takes back a registration for every edge, once nobody is left to hear of the next. */
static void forget(struct epoll *e, int fd)
{
    control(e, EPOLL_CTL_DEL, fd, 0, 0);
    e->slots[fd].registered = false;
    e->slots[fd].edge = false;
}

static const unsigned concerns[] = {
    [READ] = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP, [WRITE] = EPOLLOUT | EPOLLERR | EPOLLHUP};

static void handle_adopted(struct epoll *e, struct slot *s, unsigned events)
{
    if (events & (EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP))
        s->ending = true;
    for (int d = READ; d <= WRITE; d++) {
        struct eddyi_op *op = s->op[d];
        int64_t result;

        if (!(events & concerns[d]))
            continue;
        s->ready[d] = true;
        result = op ? attempt_adopted(s, op) : -EAGAIN;
        if (result != -EAGAIN)
            finish(e, op, result);
    }
}

static void handle(struct epoll *e, const struct epoll_event *ev)
{
    int fd = (int)(uint32_t)ev->data.u64;
    struct slot *s = &e->slots[fd];
    bool in_vain = false;

    if (s->generation != ev->data.u64 >> 32)
        return;
    if (s->adopted) {
        handle_adopted(e, s, ev->events);
        return;
    }
    for (int d = READ; d <= WRITE; d++) {
        struct eddyi_op *op = s->op[d];
        int64_t result = op && ev->events & concerns[d] ? outcome(op, ev->events) : -EAGAIN;

        if (result != -EAGAIN)
            finish(e, op, result);
        else if (op && ev->events & concerns[d])
            in_vain = true;
    }
    if (!s->op[READ] && !s->op[WRITE]) {
        if (s->edge)
            forget(e, fd);
        return;
    }
    /* An error state that the call does not report (EPOLLERR for a message on the error queue) does not go away by itself: armed
     * once more it would fire at once, for ever. So from the second time on only a change counts. */
    if (!s->edge)
        rearm(e, fd, in_vain ? EPOLLET : EPOLLONESHOT);
}

/* Completes what is done by now; what is done meanwhile waits for the next time. */
static void deliver(struct epoll *e)
{
    struct eddyi_list batch;
    struct eddyi_list *l;

    eddyi_list_init(&batch);
    eddyi_list_move_all(&batch, &e->done);
    while ((l = eddyi_list_pop(&batch))) {
        struct eddyi_op *op = eddyi_container(l, struct eddyi_op, link);

        if (eddyi_held(op))
            eddyi_list_append(&e->done, &op->link);
        else
            op->complete(op);
    }
}

static int epoll_backend_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct epoll *e = of(b);
    int n = 0;

    eddyi_pool_take(&e->pool, &e->done);
    if (!eddyi_list_empty(&e->done))
        timeout = 0;
    /* A look at nothing can be spared. A wake-up stays in the kernel for the next wait that sleeps. */
    if (timeout != 0 || e->n_waiting > 0)
        n = eddyi_sys_epoll_wait(e->epfd, e->events, N_EVENTS, timeout);
    /* EINTR: a signal handler may have left something for the loop to look at. */
    if (n < 0 && n != -EINTR) {
        eddyi_pool_settle(&e->pool, &e->done);
        deliver(e);
        return n;
    }
    for (int i = 0; i < n; i++) {
        if (e->events[i].data.u64 != (uint64_t)WAKER)
            handle(e, &e->events[i]);
    }
    eddyi_pool_take(&e->pool, &e->done);
    deliver(e);
    return 0;
}

static void epoll_wake(struct eddyi_backend *b)
{
    eddyi_sys_eventfd_signal(of(b)->wakefd);
}

static int64_t epoll_now(struct eddyi_backend *b)
{
    return eddyi_sys_now();
}

const struct eddyi_backend_ops eddyi_backend_epoll = {
    .name = "epoll",
    .open = epoll_backend_open,
    .close = epoll_backend_close,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .adopt = epoll_adopt,
    .forget = epoll_forget,
    .wait = epoll_backend_wait,
    .wake = epoll_wake,
    .now = epoll_now,
};
