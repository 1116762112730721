/*
 * Accepting with a callback. Completions only note the connections; a ready item gives them to the
 * program, and submits the operation again.
 *
 *     with the backend -> item queued -> giving -> with the backend …, or pausing
 *
 * While the backend has a multishot operation, connections may come in any of these states.
 */
#include "io/accept.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/operation.h"
#include "io/io.h"

/* The most connections that one turn accepts by further calls, as asyncio's backlog; and the pause
 * after an error of the machine, in nanoseconds, as asyncio's. */
enum { AT_ONCE = 100 };
static const int64_t PAUSE = 1000000000;

struct eddy_acceptor {
    struct eddyi_io_op accept;
    struct eddyi_io_claim claim;
    struct eddyi_ready ready; /* gives the connections and the error to the program */
    struct eddyi_timer pause;
    struct eddyi_io *io;
    eddy_loop *loop; /* held */
    int fd;
    eddy_accept_fn *fn;
    void *arg;
    int *came; /* n_came connections that the program has not received */
    size_t n_came, room;
    int error;    /* < 0: to be told after them */
    bool giving;  /* the program's function runs */
    bool closed;  /* freed when no operation is with the backend, and the function has returned */
    bool stopped; /* after an error that does not go away */
};

bool eddyi_accept_failed_for_peer(int rc)
{
    switch (rc) {
    case -ECONNABORTED:
    case -EPROTO:
    case -EPERM:
    case -ENETDOWN:
    case -ENOPROTOOPT:
    case -EHOSTDOWN:
    case -ENONET:
    case -EHOSTUNREACH:
    case -EOPNOTSUPP:
    case -ENETUNREACH:
    case -EINTR:
        return true;
    default:
        return false;
    }
}

static void free_if_unused(eddy_acceptor *a)
{
    if (!a->closed || a->giving || a->accept.io)
        return;
    eddyi_loop_release(a->loop);
    eddyi_free(a->came);
    eddyi_free(a);
}

static void want_to_give(eddy_acceptor *a)
{
    if (eddyi_list_empty(&a->ready.link) && !a->giving)
        eddyi_loop_ready(a->loop, &a->ready);
}

static int add(eddy_acceptor *a, int fd)
{
    size_t room = a->room ? 2 * a->room : 16;
    int *came;

    if (a->n_came == a->room) {
        came = eddyi_realloc(a->came, room * sizeof *came);
        if (!came)
            return -ENOMEM;
        a->came = came;
        a->room = room;
    }
    a->came[a->n_came++] = fd;
    return 0;
}

/* Notes a result of accepting. An error of a single connection is ignored. */
static void note(eddy_acceptor *a, int result)
{
    int rc = result < 0 ? result : add(a, result);

    if (result >= 0 && rc < 0)
        eddyi_sys_close(result);
    if (rc < 0 && !eddyi_accept_failed_for_peer(rc))
        a->error = rc;
}

static void accept_done(struct eddyi_io_op *o)
{
    eddy_acceptor *a = eddyi_container(o, eddy_acceptor, accept);
    int result = (int)o->op.result;

    if (a->closed) {
        if (result >= 0)
            eddyi_sys_close(result);
        if (!o->op.more)
            free_if_unused(a);
        return;
    }
    note(a, result);
    want_to_give(a);
}

static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

static void submit(eddy_acceptor *a)
{
    int rc;

    if (a->accept.io || a->closed || a->stopped || a->pause.node.place)
        return;
    rc = eddyi_io_submit(a->io, &a->accept);
    if (rc == 0)
        return;
    a->error = rc;
    want_to_give(a);
}

static void pause_is_over(struct eddyi_ready *r)
{
    submit(eddyi_container(r, eddy_acceptor, pause.ready));
}

/* Tells the program the error, and goes on after a while if it may go away. */
static void give_error(eddy_acceptor *a)
{
    int error = a->error;

    a->error = 0;
    a->stopped = !is_shortage(error) ||
                 (!a->pause.node.place && eddyi_timer_start_after(a->loop, &a->pause, PAUSE) < 0);
    a->fn(a->arg, error);
}

static void give_all(eddy_acceptor *a)
{
    for (size_t i = 0; i < a->n_came && !a->closed; i++) {
        int fd = a->came[i];

        a->came[i] = -1;
        a->fn(a->arg, fd);
    }
    if (!a->closed)
        a->n_came = 0;
}

/* Accepts the connections that wait behind the first one, since the operation takes one at a
 * time. */
static void take_more(eddy_acceptor *a)
{
    for (int i = 0; i < AT_ONCE && !a->closed && !a->accept.io && a->error == 0; i++) {
        int fd = eddyi_sys_accept_nonblocking(a->fd);

        if (fd == -EAGAIN)
            return;
        note(a, fd);
        give_all(a);
    }
}

/* Ends the giving, also when a C++ exception has left the program's function. */
static void gave(eddy_acceptor **given)
{
    eddy_acceptor *a = *given;

    eddyi_cleaned_up = &a->ready;
    a->giving = false;
    if (a->closed)
        free_if_unused(a);
    else if (a->n_came > 0 || a->error < 0)
        want_to_give(a);
    else
        submit(a);
}

static void give(struct eddyi_ready *r)
{
    EDDY_CLEANUP(gave) eddy_acceptor *a = eddyi_container(r, eddy_acceptor, ready);
    bool first = a->n_came > 0;

    a->giving = true;
    give_all(a);
    if (first && !a->loop->closed)
        take_more(a);
    if (!a->closed && a->error < 0)
        give_error(a);
}

static void lost(struct eddyi_io_claim *c)
{
    eddy_acceptor *a = eddyi_container(c, eddy_acceptor, claim);

    eddyi_timer_stop(a->loop, &a->pause);
    a->error = -ECANCELED;
    want_to_give(a);
}

static int begin(eddy_acceptor *a)
{
    int rc = eddyi_sys_set_nonblocking(a->fd);

    if (rc >= 0)
        rc = eddyi_io_claim(a->io, &a->claim, a->fd, EDDYI_READS);
    if (rc < 0)
        return rc;
    rc = eddyi_io_submit(a->io, &a->accept);
    if (rc < 0)
        eddyi_io_release(&a->claim);
    return rc;
}

static eddy_acceptor *acceptor_new(eddy_loop *loop, struct eddyi_io *io, int fd, eddy_accept_fn *fn,
                                   void *arg)
{
    eddy_acceptor *a = eddyi_zalloc(sizeof *a);

    if (!a)
        return NULL;
    a->loop = eddyi_loop_hold(loop);
    a->io = io;
    a->fd = fd;
    a->fn = fn;
    a->arg = arg;
    a->claim.lost = lost;
    a->accept.done = accept_done;
    a->accept.op.kind = EDDYI_OP_ACCEPT;
    a->accept.op.fd = fd;
    a->accept.op.accept.multishot = true;
    eddyi_ready_init(&a->ready, give);
    eddyi_ready_init(&a->pause.ready, pause_is_over);
    return a;
}

int eddy_loop_accept(eddy_loop *loop, int fd, eddy_accept_fn *fn, void *arg, eddy_acceptor **ret)
{
    struct eddyi_io *io;
    eddy_acceptor *a;
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (!fn || !ret)
        return eddy_raise(-EINVAL, "accept: there is no %s",
                          fn ? "place for the result" : "callback");
    io = eddyi_io_of(loop);
    rc = !io ? -ENOMEM : fd < 0 ? -EBADF : eddyi_io_claimed(io, fd, EDDYI_READS) ? -EBUSY : 0;
    a = rc == 0 ? acceptor_new(loop, io, fd, fn, arg) : NULL;
    if (rc == 0)
        rc = a ? begin(a) : -ENOMEM;
    if (rc < 0) {
        if (a) {
            a->closed = true;
            free_if_unused(a);
        }
        return eddy_raise(rc, "accept on descriptor %d", fd);
    }
    *ret = a;
    return 0;
}

void eddy_acceptor_close(eddy_acceptor *a)
{
    if (!a || a->closed || eddyi_loop_forked(a->loop))
        return;
    a->closed = true;
    eddyi_io_release(&a->claim);
    eddyi_ready_cancel(&a->ready);
    eddyi_timer_stop(a->loop, &a->pause);
    for (size_t i = 0; i < a->n_came; i++) {
        if (a->came[i] >= 0)
            eddyi_sys_close(a->came[i]);
    }
    a->n_came = 0;
    if (!eddyi_io_withdraw(&a->accept))
        free_if_unused(a);
}
