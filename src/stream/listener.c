/*
 * Accepting connections, also when resources are short.
 *
 * Errors of a single connection are ignored. When descriptors or memory are short, the server
 * reports it, once a second at most, and tries again when one of its own connections has ended, or
 * after a tenth of a second: so it neither stops nor spins.
 */
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "stream/server.h"

#include <netinet/in.h>

static const int64_t RETRY = 100000000, REPORT_AGAIN = 1000000000; /* nanoseconds */

static void submit(struct eddyi_listener *l);

/* Returns whether @s may have one more connection. */
static bool has_room(const eddy_server *s)
{
    return s->options.max_connections == 0 || s->n_connections < s->options.max_connections;
}

static void report(eddy_server *s, int rc, const char *message)
{
    int64_t now = eddyi_loop_now(s->loop);

    if (s->reported != 0 && now - s->reported < REPORT_AGAIN)
        return;
    s->reported = now;
    eddy_raise(rc, "accept");
    eddy_loop_call_exception_handler(
        s->loop, &(eddy_exception_context){.message = message, .exception = eddy_error()});
}

/* Stops accepting, and tries again later. */
static void pause_accepting(eddy_server *s, int rc)
{
    report(s, rc, "a server cannot accept connections for now; it will try again");
    s->short_of_something = true;
    eddyi_timer_stop(s->loop, &s->retry);
    if (eddyi_timer_start_after(s->loop, &s->retry, RETRY) < 0)
        eddyi_loop_ready(s->loop, &s->retry.ready);
}

/* Returns whether @rc is an error of the accepted connection, not of the server (accept(2)). */
static bool is_of_the_peer(int rc)
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

static bool is_not_listening(int rc)
{
    return rc == -EBADF || rc == -EINVAL || rc == -ENOTSOCK;
}

/* Starts to serve the connection on @fd, and closes @fd if that fails. */
static int start(eddy_server *s, int fd)
{
    eddy_carrier *c;
    int rc = eddyi_accepted_carrier_new(s->loop, fd, &c);

    if (rc == 0)
        return s->start(s, c);
    eddyi_sys_close(fd);
    return rc;
}

/* Handles one result of accepting. Returns whether to go on at once. */
static bool took(struct eddyi_listener *l, int rc)
{
    eddy_server *s = l->server;

    if (rc >= 0) {
        rc = start(s, rc);
        if (rc < 0)
            pause_accepting(s, rc);
        return rc >= 0;
    }
    if (is_of_the_peer(rc))
        return true;
    if (is_not_listening(rc)) {
        s->reported = 0;
        report(s, rc, "a server's socket does not listen any more");
    } else {
        pause_accepting(s, rc);
    }
    return false;
}

/* Closes the socket; its address is free afterwards. */
static void close_socket(struct eddyi_listener *l)
{
    eddy_server *s = l->server;

    eddyi_io_release(&l->claim);
    eddyi_io_close(s->io, l->fd);
    l->fd = -1;
    s->n_open--;
    eddyi_server_wake(s);
}

/* Accepts the first connection and those queued behind it, at most the backlog (rule 167). */
static void take_all(struct eddyi_listener *l, int rc)
{
    eddy_server *s = l->server;
    int left = s->options.backlog;

    /* -ECANCELED: the operation was cancelled because resources were short. */
    while (rc != -ECANCELED && took(l, rc)) {
        if (s->state != EDDYI_SERVING || eddyi_loop_forked(s->loop) || !has_room(s) || left-- <= 0)
            break;
        rc = eddyi_sys_accept_nonblocking(l->fd);
        if (rc == -EAGAIN)
            break;
    }
    if (!is_not_listening(rc) && !s->short_of_something)
        eddyi_server_accept(s);
}

static void accept_done(struct eddyi_io_op *o)
{
    struct eddyi_listener *l = eddyi_container(o, struct eddyi_listener, accept);
    eddy_server *s = l->server;
    int rc = (int)o->op.result;

    if (s->state == EDDYI_CLOSED || s->loop->closed) {
        if (rc >= 0)
            eddyi_sys_close(rc);
        if (!o->op.more && l->fd >= 0)
            close_socket(l);
        if (!o->op.more)
            eddyi_server_unref(s);
        return;
    }
    s->refs++;
    if (!o->op.more)
        take_all(l, rc);
    else if (!took(l, rc))
        eddyi_io_cancel(o);
    eddyi_server_unref(s);
}

static void submit(struct eddyi_listener *l)
{
    int rc;

    l->accept.done = accept_done;
    l->accept.op.kind = EDDYI_OP_ACCEPT;
    l->accept.op.fd = l->fd;
    l->accept.op.accept.addr = NULL;
    l->accept.op.accept.addrlen = NULL;
    l->accept.op.accept.multishot = l->server->options.max_connections == 0;
    rc = eddyi_io_submit(l->server->io, &l->accept);
    if (rc < 0)
        pause_accepting(l->server, rc);
}

void eddyi_server_accept(eddy_server *s)
{
    if (s->short_of_something) {
        eddyi_timer_stop(s->loop, &s->retry);
        s->short_of_something = false;
    }
    if (s->state != EDDYI_SERVING || s->loop->closed || !has_room(s))
        return;
    for (size_t i = 0; i < s->n_listeners && !s->short_of_something; i++) {
        if (!s->listeners[i].accept.io)
            submit(&s->listeners[i]);
    }
}

void eddyi_listener_close(struct eddyi_listener *l)
{
    bool with_backend = eddyi_io_withdraw(&l->accept);

    if (l->fd < 0)
        return;
    close_socket(l);
    if (!with_backend)
        eddyi_server_unref(l->server);
}

void eddyi_listener_lost(struct eddyi_io_claim *c)
{
    struct eddyi_listener *l = eddyi_container(c, struct eddyi_listener, claim);

    if (l->accept.io)
        return;
    close_socket(l);
    eddyi_server_unref(l->server);
}
