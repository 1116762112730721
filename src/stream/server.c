/*
 * Servers: their listeners, and the public calls.
 *
 * Accepting goes on when resources are short. Errors of a single connection are ignored. When
 * descriptors or memory are short, the server reports it, once a second at most, and tries again
 * when one of its own connections has ended, or after a tenth of a second: so it neither stops nor
 * spins.
 */
#include "stream/server.h"

#include "base/refs.h"
#include "base/sys.h"
#include "carrier/fd.h"
#include "eddy/timeout.h"
#include "io/accept.h"
#include "loop/loop.h"
#include "net/address.h"
#include "stream/stream.h"
#include "sync/wait_queue.h"
#include "task/task.h"

#include <netinet/tcp.h>

static const int64_t RETRY = 100000000, REPORT_AGAIN = 1000000000; /* nanoseconds */

void eddyi_server_unref(eddy_server *s)
{
    if (!eddyi_refs_drop(&s->refs))
        return;
    eddyi_timer_stop(s->loop, &s->retry);
    eddyi_vars_fini(&s->vars);
    if (s->options.tls)
        eddyi_tls_ops_of(s->options.tls)->unref(s->options.tls);
    eddyi_free(s->listeners);
    eddyi_listening_fini(&s->on);
    eddyi_loop_release(s->loop);
    eddyi_free(s);
}

/* Listeners. */

/* Closes the socket; its address is free afterwards. */
static void close_socket(struct eddyi_listener *l)
{
    eddy_server *s = l->server;

    eddyi_io_release(&l->claim);
    eddyi_io_close(s->io, l->fd);
    l->fd = -1;
    s->n_open--;
    eddyi_wait_queue_wake_all(&s->waiters);
}

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

static bool is_not_listening(int rc)
{
    return rc == -EBADF || rc == -EINVAL || rc == -ENOTSOCK;
}

/* Starts to serve the connection on @fd, and closes @fd if that fails. */
static int begin(eddy_server *s, int fd)
{
    struct eddyi_var_scope *outside = eddyi_vars_current;
    eddy_carrier *c;
    int rc = eddyi_accepted_carrier_new(s->loop, fd, &c);

    if (rc < 0) {
        eddyi_sys_close(fd);
        return rc;
    }
    eddyi_vars_current = &s->vars;
    rc = s->start(s, c);
    eddyi_vars_current = outside;
    return rc;
}

/* Handles one result of accepting. Returns whether to go on at once. */
static bool took(struct eddyi_listener *l, int rc)
{
    eddy_server *s = l->server;

    if (rc >= 0) {
        rc = begin(s, rc);
        if (rc < 0)
            pause_accepting(s, rc);
        return rc >= 0;
    }
    if (eddyi_accept_failed_for_peer(rc))
        return true;
    if (is_not_listening(rc)) {
        s->reported = 0;
        report(s, rc, "a server's socket does not listen any more");
    } else {
        pause_accepting(s, rc);
    }
    return false;
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

void eddyi_server_accept(eddy_server *s)
{
    if (s->short_of_something) {
        eddyi_timer_stop(s->loop, &s->retry);
        s->short_of_something = false;
    }
    if (s->state != EDDYI_SERVING || s->loop->closed || !has_room(s))
        return;
    for (size_t i = 0; i < s->on.n && !s->short_of_something; i++) {
        struct eddyi_listener *l = &s->listeners[i];
        int rc = l->accept.io ? 0 : eddyi_io_submit(s->io, &l->accept);

        if (rc < 0)
            pause_accepting(s, rc);
    }
}

static void listener_close(struct eddyi_listener *l)
{
    bool with_backend = eddyi_io_withdraw(&l->accept);

    if (l->fd < 0)
        return;
    close_socket(l);
    if (!with_backend)
        eddyi_server_unref(l->server);
}

static void listener_lost(struct eddyi_io_claim *c)
{
    struct eddyi_listener *l = eddyi_container(c, struct eddyi_listener, claim);

    if (!l->accept.io)
        listener_close(l);
}

/* Makes a listener of each socket, and claims it. Connections inherit TCP_NODELAY from the
 * listening socket (rule 162). */
static int claim_all(eddy_server *s)
{
    int rc = 0;

    s->io = eddyi_io_of(s->loop);
    s->listeners = s->io ? eddyi_zalloc(s->on.n * sizeof *s->listeners) : NULL;
    if (!s->listeners)
        return eddy_raise(-ENOMEM, NULL);
    for (size_t i = 0; i < s->on.n && rc == 0; i++) {
        struct eddyi_listener *l = &s->listeners[i];

        *l = (struct eddyi_listener){
            .server = s,
            .fd = s->on.fds[i],
            .accept = {.op = {.kind = EDDYI_OP_ACCEPT,
                              .fd = s->on.fds[i],
                              .accept.multishot = s->options.max_connections == 0},
                       .done = accept_done},
            .claim.lost = listener_lost};
        rc = eddyi_io_claim(s->io, &l->claim, l->fd, EDDYI_READS);
        (void)eddyi_sys_set_option(l->fd, IPPROTO_TCP, TCP_NODELAY, 1); /* fails on a Unix socket */
    }
    return rc < 0 ? eddy_raise(rc, "a socket that should listen cannot be waited for") : 0;
}

/* The public calls. */

static void unused(struct eddyi_ready *r)
{
    eddyi_server_unref(eddyi_container(r, struct eddy_server, unused));
}

static void on_retry(struct eddyi_ready *r)
{
    eddyi_server_accept(eddyi_container(r, struct eddy_server, retry.ready));
}

/* Creates a server that is not listening yet, with one reference. NULL when memory is short. */
static eddy_server *server_new(eddy_loop *loop, const eddy_server_options *options,
                               eddyi_server_start_fn *start)
{
    eddy_server *s = eddyi_zalloc(sizeof *s);

    if (!s)
        return NULL;
    s->loop = eddyi_loop_hold(loop);
    s->refs = 1;
    s->start = start;
    s->options = *options;
    if (s->options.backlog <= 0)
        s->options.backlog = EDDYI_BACKLOG;
    if (options->tls)
        eddyi_tls_ops_of(options->tls)->ref(options->tls);
    eddyi_list_init(&s->connections);
    eddyi_ready_init(&s->retry.ready, on_retry);
    eddyi_ready_init(&s->unused, unused);
    eddyi_vars_init(&s->vars, NULL);
    return s;
}

int eddyi_server_open(eddy_loop *loop, const eddy_server_options *options,
                      eddyi_server_start_fn *start)
{
    eddy_server *s;
    int rc;

    if (!options->ret_server)
        return eddy_raise(-EINVAL, "there is no place for the server");
    if (options->sock == 0 && !options->path && (options->port < 0 || options->port > 65535))
        return eddy_raise(-EINVAL, "a server on port %d: not a port", options->port);
    s = server_new(loop, options, start);
    if (!s)
        return eddy_raise(-ENOMEM, NULL);
    rc = eddyi_listen(&s->options, &s->on);
    if (rc == 0)
        rc = claim_all(s);
    if (rc < 0) {
        for (size_t i = 0; s->listeners && i < s->on.n; i++)
            eddyi_io_release(&s->listeners[i].claim);
        eddyi_listening_undo(&s->on);
        eddyi_server_unref(s);
        return rc;
    }
    s->n_open = s->on.n;
    s->refs += (unsigned)s->on.n;
    if (!options->no_start)
        (void)eddy_server_start_serving(s);
    *options->ret_server = s;
    return 0;
}

int eddy_server_start_serving(eddy_server *s)
{
    int rc = eddyi_loop_check(s->loop);

    if (rc < 0)
        return rc;
    if (s->state == EDDYI_CLOSED)
        return eddy_raise(EDDY_ECLOSED, "the server is closed");
    s->state = EDDYI_SERVING;
    eddyi_server_accept(s);
    return 0;
}

bool eddy_server_is_serving(const eddy_server *s)
{
    return s->state == EDDYI_SERVING && !s->loop->closed;
}

void eddy_server_close(eddy_server *s)
{
    if (s->state == EDDYI_CLOSED || eddyi_loop_forked(s->loop))
        return;
    s->state = EDDYI_CLOSED;
    eddyi_timer_stop(s->loop, &s->retry);
    s->refs++;
    for (size_t i = 0; i < s->on.n; i++)
        listener_close(&s->listeners[i]);
    s->on.n = 0;
    eddyi_listening_remove_file(&s->on);
    EDDYI_LIST_EACH(l, &s->connections) {
        struct eddyi_connection *c = eddyi_container(l, struct eddyi_connection, link);

        if (c->between_requests) /* there will be no next one */
            eddyi_reader_wake(c->between_requests);
    }
    eddyi_wait_queue_wake_all(&s->waiters);
    eddyi_server_unref(s);
}

void eddy_server_free(eddy_server *s)
{
    if (!s || s->given_back || eddyi_loop_forked(s->loop))
        return;
    s->given_back = true;
    eddy_server_close(s);
    eddyi_server_unref(s);
}

/* Waits until @holds returns true, which it can only after a change of the server. A server that is
 * given back meanwhile, as a handler may do, stays in memory until the calling task has suspended
 * once more. */
static int wait_until(eddy_server *s, bool (*holds)(const eddy_server *s), const char *what)
{
    int rc = 0;

    s->refs++;
    while (rc == 0 && !holds(s))
        rc = eddyi_wait_queue_wait(&s->waiters, what, NULL);
    if (s->given_back && s->refs == 1)
        eddyi_loop_ready(s->loop, &s->unused);
    else
        s->refs--;
    return rc;
}

static bool is_closed(const eddy_server *s)
{
    return s->state == EDDYI_CLOSED;
}

static bool is_gone(const eddy_server *s)
{
    return s->state == EDDYI_CLOSED && s->n_connections == 0 && s->n_open == 0;
}

int eddy_server_wait_closed(eddy_server *s)
{
    return wait_until(s, is_gone, "a server and its connections to end");
}

int eddy_server_serve_forever(eddy_server *s)
{
    int rc = eddy_server_start_serving(s);

    if (rc < 0)
        return rc;
    if (s->forever)
        return eddy_raise(EDDY_EMISUSE, "another task serves this server forever");
    s->forever = true;
    rc = wait_until(s, is_closed, "a server to be closed");
    s->forever = false;
    if (rc == 0)
        return eddy_raise(-ECANCELED, "the server was closed");
    eddy_server_close(s);
    if (rc == -ECANCELED) {
        int ended = s->options.grace > 0 ? eddy_server_shutdown(s, s->options.grace)
                                         : eddy_server_wait_closed(s);

        if (ended == 0 || ended == -ETIMEDOUT)
            return eddy_raise(-ECANCELED, NULL);
    }
    return rc;
}

static void each_channel(eddy_server *s, void (*end)(struct eddyi_channel *t))
{
    for (struct eddyi_list *l = s->connections.next, *next; l != &s->connections; l = next) {
        next = l->next;
        end(eddyi_container(l, struct eddyi_connection, link)->channel);
    }
}

void eddy_server_close_clients(eddy_server *s)
{
    each_channel(s, eddyi_channel_close);
}

void eddy_server_abort_clients(eddy_server *s)
{
    each_channel(s, eddyi_channel_abort);
}

static int cut_all(eddy_server *s)
{
    EDDYI_LIST_EACH(l, &s->connections) {
        struct eddyi_connection *c = eddyi_container(l, struct eddyi_connection, link);

        eddyi_channel_abort(c->channel);
        if (c->task)
            eddy_task_cancel(c->task, "the server shuts down");
    }
    return eddy_server_wait_closed(s);
}

int eddy_server_shutdown(eddy_server *s, double grace)
{
    eddy_timeout tm;
    int rc, cut;

    eddy_server_close(s);
    eddy_timeout_enter(&tm, grace);
    rc = eddy_timeout_exit(&tm, eddy_server_wait_closed(s));
    if (rc != -ETIMEDOUT && rc != -ECANCELED)
        return rc;
    cut = cut_all(s);
    return cut < 0 ? cut : eddy_raise(rc, "the server's handlers were cancelled");
}

const int *eddy_server_sockets(const eddy_server *s, size_t *ret_n)
{
    if (ret_n)
        *ret_n = s->loop->closed ? 0 : s->on.n;
    return s->on.fds;
}

int eddy_server_port(const eddy_server *s)
{
    union eddyi_address addr;
    socklen_t size = sizeof addr;

    if (s->on.n == 0 || s->loop->closed || eddyi_sys_sockname(s->on.fds[0], &addr.sa, &size) < 0)
        return 0;
    return eddyi_address_port(&addr);
}

size_t eddy_server_connections(const eddy_server *s)
{
    return s->n_connections;
}

eddy_loop *eddy_server_get_loop(const eddy_server *s)
{
    return s->loop;
}
