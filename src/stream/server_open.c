/*
 * Making servers.
 */
#include "base/given.h"
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "net/listen.h"
#include "stream/server.h"

/* Records the absolute path and the identity of a Unix socket's file, so that it can be removed
 * after a change of the working directory. */
static int remember_file(eddy_server *s, const char *path)
{
    if (path[0] == '@' || s->options.no_cleanup_socket)
        return 0;
    s->path = eddyi_sys_absolute_path(path);
    return s->path ? eddyi_sys_file_identity(path, &s->device, &s->inode) : -ENOMEM;
}

static int listen_unix(eddy_server *s)
{
    const eddy_server_options *o = &s->options;
    int rc;

    s->fds = eddyi_alloc(sizeof *s->fds);
    rc = s->fds ? eddyi_listen_unix(o->path, o->backlog, o->mode, s->fds)
                : eddy_raise(-ENOMEM, NULL);
    if (rc < 0)
        return rc;
    s->n_listeners = 1;
    rc = remember_file(s, o->path);
    return rc < 0 ? eddy_raise(rc, "listen on %s", o->path) : 0;
}

/* Takes the socket of the options. Makes it listen if it does not yet, as asyncio does. */
static int take_socket(eddy_server *s)
{
    int fd = eddyi_fd_given(s->options.sock), rc = eddyi_socket_check(fd, true);

    if (rc < 0)
        return rc;
    rc = eddyi_sys_listen(fd, s->options.backlog);
    if (rc == 0)
        rc = eddyi_sys_set_nonblocking(fd);
    s->fds = rc < 0 ? NULL : eddyi_alloc(sizeof *s->fds);
    if (!s->fds)
        return eddy_raise(rc < 0 ? rc : -ENOMEM, "listen on descriptor %d", fd);
    s->fds[0] = fd;
    s->n_listeners = 1;
    return 0;
}

/* Frees a server that could not be opened, and closes all its descriptors but the caller's own
 * socket. */
static void give_up(eddy_server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (s->listeners)
            eddyi_io_release(&s->listeners[i].claim);
        if (!s->options.sock)
            eddyi_sys_close(s->fds[i]);
    }
    s->n_listeners = 0;
    if (s->path)
        eddyi_sys_unlink_socket(s->path);
    eddyi_server_unref(s);
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
    s = eddyi_server_new(loop, options, start);
    if (!s)
        return eddy_raise(-ENOMEM, NULL);
    rc = options->sock != 0 ? take_socket(s)
         : options->path    ? listen_unix(s)
                            : eddyi_listen_tcp(&s->options, &s->fds, &s->n_listeners);
    if (rc == 0)
        rc = eddyi_server_claim(s);
    if (rc < 0) {
        give_up(s);
        return rc;
    }
    s->n_open = s->n_listeners;
    s->refs += (unsigned)s->n_listeners;
    if (!options->no_start)
        (void)eddy_server_start_serving(s);
    *options->ret_server = s;
    return 0;
}
