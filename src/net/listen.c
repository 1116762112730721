#include "net/listen.h"

#include "base/given.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "net/address.h"
#include "net/socket.h"

#include <stdio.h>
#include <string.h>

/* The sockets that are open so far. */
struct opened {
    const eddy_server_options *options;
    int *fds;
    union eddyi_address *addresses; /* as they were asked for, so that no address is opened twice */
    size_t n, room;
    int skipped; /* why the latest address was skipped, < 0; 0: none was */
    char skipped_address[EDDYI_ADDRESS_TEXT];
};

static void close_all(struct opened *o)
{
    for (size_t i = 0; i < o->n; i++)
        eddyi_sys_close(o->fds[i]);
    eddyi_free(o->fds);
    eddyi_free(o->addresses);
}

static int make_room(struct opened *o)
{
    size_t room = o->room ? 2 * o->room : 8;
    int *fds = eddyi_realloc(o->fds, room * sizeof *fds);
    union eddyi_address *addresses;

    if (!fds)
        return -ENOMEM;
    o->fds = fds;
    addresses = eddyi_realloc(o->addresses, room * sizeof *addresses);
    if (!addresses)
        return -ENOMEM;
    o->addresses = addresses;
    o->room = room;
    return 0;
}

static bool is_opened(const struct opened *o, const struct sockaddr *sa)
{
    for (size_t i = 0; i < o->n; i++)
        if (eddyi_address_equal(&o->addresses[i].sa, sa))
            return true;
    return false;
}

static int set_options(int fd, int family, const eddy_server_options *l)
{
    int rc = l->no_reuse_address ? 0 : eddyi_sys_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (rc == 0 && l->reuse_port)
        rc = eddyi_sys_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == 0 && l->keep_alive)
        rc = eddyi_sys_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (rc == 0 && family == AF_INET6)
        rc = eddyi_sys_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return rc;
}

static int listen_on(int fd, const struct addrinfo *a, const eddy_server_options *l)
{
    int rc = set_options(fd, a->ai_family, l);

    if (rc == 0)
        rc = eddyi_sys_bind(fd, a->ai_addr, a->ai_addrlen);
    return rc < 0 ? rc : eddyi_sys_listen(fd, l->backlog > 0 ? l->backlog : EDDYI_BACKLOG);
}

/* Opens one address, or skips it if this machine does not have it. */
static int open_one(struct opened *o, const struct addrinfo *a)
{
    int rc = o->n == o->room ? make_room(o) : 0, fd;
    char text[EDDYI_ADDRESS_TEXT];

    if (rc < 0)
        return eddy_raise(rc, NULL);
    eddyi_address_format(a->ai_addr, a->ai_addrlen, text, sizeof text);
    fd = rc = eddyi_sys_socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd >= 0)
        rc = listen_on(fd, a, o->options);
    if (rc == 0) {
        memcpy(&o->addresses[o->n], a->ai_addr, a->ai_addrlen);
        o->fds[o->n++] = fd;
        return 0;
    }
    if (fd >= 0)
        eddyi_sys_close(fd);
    if (rc != -EADDRNOTAVAIL && rc != -EAFNOSUPPORT && rc != -EPROTONOSUPPORT)
        return eddy_raise(rc, "listen on %s", text);
    o->skipped = rc;
    memcpy(o->skipped_address, text, sizeof text);
    return 0;
}

static int open_host(struct opened *o, const char *host)
{
    const eddy_server_options *l = o->options;
    struct addrinfo hints = {
        .ai_family = l->family, .ai_socktype = SOCK_STREAM, .ai_flags = l->flags | AI_PASSIVE};
    struct addrinfo *list;
    char port[16];
    int rc;

    snprintf(port, sizeof port, "%d", l->port);
    rc = eddy_getaddrinfo(host && *host ? host : NULL, port, &hints, &list);
    if (rc < 0)
        return rc;
    for (const struct addrinfo *a = list; a && rc == 0; a = a->ai_next)
        if (!is_opened(o, a->ai_addr))
            rc = open_one(o, a);
    eddy_freeaddrinfo(list);
    return rc;
}

int eddyi_listen_tcp(const eddy_server_options *l, int **ret_fds, size_t *ret_n)
{
    struct opened o = {.options = l};
    int rc = l->hosts ? 0 : open_host(&o, l->host);

    for (size_t i = 0; l->hosts && i < l->n_hosts && rc == 0; i++)
        rc = open_host(&o, l->hosts[i]);
    if (rc == 0 && o.n == 0 && o.skipped)
        rc = eddy_raise(o.skipped, "listen on %s", o.skipped_address);
    else if (rc == 0 && o.n == 0)
        rc = eddy_raise(-EINVAL, "listen on no host at all");
    if (rc < 0) {
        close_all(&o);
        return rc;
    }
    eddyi_free(o.addresses);
    *ret_fds = o.fds;
    *ret_n = o.n;
    return 0;
}

static int only_one(struct eddyi_listening *l)
{
    l->fds = eddyi_alloc(sizeof *l->fds);
    return l->fds ? 0 : eddy_raise(-ENOMEM, NULL);
}

/* Takes the caller's socket. Makes it listen if it does not yet, as asyncio does. */
static int take_socket(const eddy_server_options *o, struct eddyi_listening *l)
{
    int fd = eddyi_fd_given(o->sock), rc = eddyi_socket_check(fd, true);

    if (rc < 0)
        return rc;
    l->given = true;
    rc = eddyi_sys_listen(fd, o->backlog > 0 ? o->backlog : EDDYI_BACKLOG);
    if (rc == 0)
        rc = eddyi_sys_set_nonblocking(fd);
    if (rc < 0)
        return eddy_raise(rc, "listen on descriptor %d", fd);
    rc = only_one(l);
    if (rc == 0)
        l->fds[l->n++] = fd;
    return rc;
}

/* Listens on a path. Records the absolute path and the identity of the file, so that it can be
 * removed after a change of the working directory. */
static int listen_path(const eddy_server_options *o, struct eddyi_listening *l)
{
    int rc = only_one(l);

    if (rc == 0)
        rc = eddyi_listen_unix(o->path, o->backlog, o->mode, l->fds);
    if (rc < 0)
        return rc;
    l->n = 1;
    if (o->path[0] == '@' || o->no_cleanup_socket)
        return 0;
    l->path = eddyi_sys_absolute_path(o->path);
    rc = l->path ? eddyi_sys_file_identity(o->path, &l->device, &l->inode) : -ENOMEM;
    return rc < 0 ? eddy_raise(rc, "listen on %s", o->path) : 0;
}

int eddyi_listen(const eddy_server_options *o, struct eddyi_listening *l)
{
    if (o->sock != 0)
        return take_socket(o, l);
    return o->path ? listen_path(o, l) : eddyi_listen_tcp(o, &l->fds, &l->n);
}

void eddyi_listening_undo(struct eddyi_listening *l)
{
    for (size_t i = 0; i < l->n && !l->given; i++)
        eddyi_sys_close(l->fds[i]);
    l->n = 0;
    if (l->path)
        eddyi_sys_unlink_socket(l->path);
}

void eddyi_listening_remove_file(const struct eddyi_listening *l)
{
    uint64_t device, inode;

    if (l->path && eddyi_sys_file_identity(l->path, &device, &inode) == 0 && device == l->device &&
        inode == l->inode)
        eddyi_sys_unlink_socket(l->path);
}

void eddyi_listening_fini(struct eddyi_listening *l)
{
    eddyi_free(l->fds);
    eddyi_free(l->path);
}
