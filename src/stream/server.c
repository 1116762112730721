/*
 * The public calls of a server.
 */
#include "stream/server.h"

#include "base/refs.h"
#include "base/sys.h"
#include "eddy/timeout.h"
#include "loop/loop.h"
#include "stream/reader.h"
#include "sync/wait_queue.h"
#include "task/task.h"

#include <netinet/in.h>

void eddyi_server_unref(eddy_server *s)
{
    if (!eddyi_refs_drop(&s->refs))
        return;
    eddyi_timer_stop(s->loop, &s->retry);
    eddy_context_unref(s->context);
    if (s->options.tls)
        ((struct eddyi_tls_context_base *)(void *)s->options.tls)->ops->unref(s->options.tls);
    eddyi_free(s->listeners);
    eddyi_free(s->fds);
    eddyi_free(s->path);
    eddyi_loop_release(s->loop);
    eddyi_free(s);
}

void eddyi_server_wake(eddy_server *s)
{
    eddyi_wait_queue_wake_all(&s->waiters);
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

/* Removes the file of a Unix socket, if it is still the server's (rule 170). */
static void remove_file(eddy_server *s)
{
    uint64_t device, inode;

    if (s->path && eddyi_sys_file_identity(s->path, &device, &inode) == 0 && device == s->device &&
        inode == s->inode)
        eddyi_sys_unlink_socket(s->path);
}

/* Wakes the handlers that wait for a next request: there will be none. */
static void end_idle_connections(eddy_server *s)
{
    EDDYI_LIST_EACH(l, &s->connections) {
        struct eddyi_connection *c = eddyi_container(l, struct eddyi_connection, link);

        if (c->between_requests)
            eddyi_reader_wake(c->between_requests);
    }
}

void eddy_server_close(eddy_server *s)
{
    if (s->state == EDDYI_CLOSED || eddyi_loop_forked(s->loop))
        return;
    s->state = EDDYI_CLOSED;
    eddyi_timer_stop(s->loop, &s->retry);
    s->refs++;
    for (size_t i = 0; i < s->n_listeners; i++)
        eddyi_listener_close(&s->listeners[i]);
    s->n_listeners = 0;
    remove_file(s);
    end_idle_connections(s);
    eddyi_server_wake(s);
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

void eddyi_server_unused(struct eddyi_ready *r)
{
    eddyi_server_unref(eddyi_container(r, struct eddy_server, unused));
}

/* Enclose a call that suspends: if the server is given back meanwhile, as a handler may do, it
 * stays in memory until the calling task has suspended once more. */
static void enter(eddy_server *s)
{
    s->refs++;
}

static void leave(eddy_server *s)
{
    if (s->given_back && s->refs == 1)
        eddyi_loop_ready(s->loop, &s->unused);
    else
        s->refs--;
}

/* Waits until @holds returns true, which it can only after a change of the server. */
static int wait_until(eddy_server *s, bool (*holds)(const eddy_server *s), const char *what)
{
    int rc = 0;

    enter(s);
    while (rc == 0 && !holds(s))
        rc = eddyi_wait_queue_wait(&s->waiters, what, NULL);
    leave(s);
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
        *ret_n = s->loop->closed ? 0 : s->n_listeners;
    return s->fds;
}

int eddy_server_port(const eddy_server *s)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;

    if (s->n_listeners == 0 || s->loop->closed ||
        eddyi_sys_sockname(s->fds[0], (struct sockaddr *)&addr, &size) < 0)
        return 0;
    if (addr.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&addr)->sin_port);
    return addr.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&addr)->sin6_port) : 0;
}

size_t eddy_server_connections(const eddy_server *s)
{
    return s->n_connections;
}

eddy_loop *eddy_server_get_loop(const eddy_server *s)
{
    return s->loop;
}
