/*
 * Callbacks for readiness: add_reader, add_writer and their removal.
 *
 * A watch is a poll operation that is re-armed after each call of its callback: level-triggered, at
 * most one call per turn. It is in one place at a time, and freed only when it is in none:
 *
 *     with the backend -> on the ready queue -> calling -> with the backend …
 */
#include "base/sys.h"
#include "contextvars/contextvars.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "io/io.h"

#include <poll.h>
#include <stdio.h>

struct watch {
    struct eddyi_io_claim claim;
    struct eddyi_io_op poll;
    struct eddyi_ready ready;
    eddy_loop *loop;
    eddy_callback_fn *fn;
    void *arg;
    struct eddyi_var_scope vars;
    bool calling;
    bool removed;
};

static void watch_lost(struct eddyi_io_claim *c);

static struct watch *watch_of(struct eddyi_io_claim *c)
{
    return c && c->lost == watch_lost ? eddyi_container(c, struct watch, claim) : NULL;
}

static void watch_free(struct watch *w)
{
    eddyi_vars_fini(&w->vars);
    eddyi_free(w);
}

static void watch_remove(struct watch *w)
{
    eddyi_io_release(&w->claim);
    eddyi_ready_cancel(&w->ready);
    w->removed = true;
    if (!eddyi_io_withdraw(&w->poll) && !w->calling)
        watch_free(w);
}

static void watch_lost(struct eddyi_io_claim *c)
{
    watch_remove(watch_of(c));
}

/* Reports that the watch cannot go on, most likely because its descriptor was closed, and removes
 * it. Its callback would never hear of that. */
static void watch_fail(struct watch *w, int rc)
{
    const char *what = w->claim.direction == EDDYI_READS ? "add_reader" : "add_writer";
    eddy_loop *loop = w->loop;
    char message[80];

    snprintf(message, sizeof message, "%s: descriptor %d can no longer be watched", what,
             w->claim.fd);
    watch_remove(w);
    eddy_raise(rc, "%s", message);
    eddy_loop_call_exception_handler(
        loop, &(eddy_exception_context){.message = message, .exception = eddy_error()});
}

/* Queues the callback. For one descriptor the reader is called before the writer (rule 3),
 * whichever the kernel names first. */
static void watch_due(struct watch *w)
{
    struct watch *writer = watch_of(eddyi_io_claimed(w->claim.io, w->claim.fd, EDDYI_WRITES));

    if (writer && writer != w && !eddyi_list_empty(&writer->ready.link))
        eddyi_list_append(&writer->ready.link, &w->ready.link);
    else
        eddyi_loop_ready(w->loop, &w->ready);
}

static void watch_polled(struct eddyi_io_op *o)
{
    struct watch *w = eddyi_container(o, struct watch, poll);

    if (w->removed)
        watch_free(w);
    else if (o->op.result < 0)
        watch_fail(w, (int)o->op.result);
    else
        watch_due(w);
}

/*
 * Returns true if the callback was called for an error alone and that error is still there: a
 * message on the error queue, which only recvmsg(2) with MSG_ERRQUEUE takes.
 */
static bool error_stays(const struct watch *w)
{
    const struct eddyi_op *op = &w->poll.op;

    return op->result == POLLERR && eddyi_sys_events(op->fd, op->events) == POLLERR;
}

/* Ends the call of a callback, also when a C++ exception has left it. */
static void watch_ran(struct watch **ran)
{
    struct watch *w = *ran;
    int rc;

    eddyi_vars_current = NULL;
    eddyi_cleaned_up = &w->ready;
    w->calling = false;
    if (w->removed) {
        watch_free(w);
        return;
    }
    w->poll.in_vain = error_stays(w) ? w->poll.in_vain + 1 : 0;
    rc = eddyi_io_submit(w->claim.io, &w->poll);
    if (rc < 0)
        watch_fail(w, rc);
}

static void watch_run(struct eddyi_ready *r)
{
    EDDY_CLEANUP(watch_ran) struct watch *w = eddyi_container(r, struct watch, ready);

    w->calling = true;
    eddyi_vars_current = &w->vars;
    w->fn(w->arg);
}

static struct watch *watch_new(eddy_loop *loop, int fd, unsigned events, eddy_callback_fn *fn,
                               void *arg)
{
    struct watch *w = eddyi_zalloc(sizeof *w);

    if (!w)
        return NULL;
    w->loop = loop;
    w->fn = fn;
    w->arg = arg;
    w->claim.lost = watch_lost;
    w->poll.done = watch_polled;
    w->poll.op.kind = EDDYI_OP_POLL;
    w->poll.op.fd = fd;
    w->poll.op.events = events;
    eddyi_ready_init(&w->ready, watch_run);
    eddyi_vars_init(&w->vars, NULL);
    return w;
}

/* Installs @w in place of @before, the present watch, if there is one. */
static int watch_install(struct eddyi_io *io, struct watch *w, struct watch *before, int fd,
                         enum eddyi_direction direction)
{
    int rc;

    if (before)
        watch_remove(before);
    rc = eddyi_io_claim(io, &w->claim, fd, direction);
    return rc < 0 ? rc : eddyi_io_submit(io, &w->poll);
}

static int add(eddy_loop *loop, int fd, enum eddyi_direction direction, eddy_callback_fn *fn,
               void *arg)
{
    struct eddyi_io *io = eddyi_io_of(loop);
    struct eddyi_io_claim *claimed;
    struct watch *w;
    int rc = eddyi_sys_watchable(fd);

    if (rc < 0)
        return rc;
    if (!io)
        return -ENOMEM;
    claimed = eddyi_io_claimed(io, fd, direction);
    if (claimed && !watch_of(claimed))
        return -EBUSY;
    w = watch_new(loop, fd, direction == EDDYI_READS ? POLLIN : POLLOUT, fn, arg);
    if (!w)
        return -ENOMEM;
    rc = watch_install(io, w, watch_of(claimed), fd, direction);
    if (rc < 0)
        watch_remove(w);
    return rc;
}

static int checked_add(eddy_loop *loop, int fd, enum eddyi_direction direction,
                       eddy_callback_fn *fn, void *arg)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    rc = fn ? add(loop, fd, direction, fn, arg) : -EINVAL;
    if (rc < 0)
        return eddy_raise(rc, "%s: descriptor %d",
                          direction == EDDYI_READS ? "add_reader" : "add_writer", fd);
    return 0;
}

static bool checked_remove(eddy_loop *loop, int fd, enum eddyi_direction direction)
{
    struct eddyi_io *io = eddyi_loop_check(loop) < 0 ? NULL : eddyi_io_of(loop);
    struct watch *w = io ? watch_of(eddyi_io_claimed(io, fd, direction)) : NULL;

    if (w)
        watch_remove(w);
    return w != NULL;
}

int eddy_loop_add_reader(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg)
{
    return checked_add(loop, fd, EDDYI_READS, fn, arg);
}

int eddy_loop_add_writer(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg)
{
    return checked_add(loop, fd, EDDYI_WRITES, fn, arg);
}

bool eddy_loop_remove_reader(eddy_loop *loop, int fd)
{
    return checked_remove(loop, fd, EDDYI_READS);
}

bool eddy_loop_remove_writer(eddy_loop *loop, int fd)
{
    return checked_remove(loop, fd, EDDYI_WRITES);
}
