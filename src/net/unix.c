/*
 * Unix stream sockets by path: connecting and listening.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "net/address.h"
#include "net/connect.h"
#include "net/listen.h"
#include "task/task.h"

/* Makes the address of a path. Raises an error if the path cannot be one. */
static int address_of(const char *verb, const char *path, union eddyi_address *ret,
                      socklen_t *ret_len)
{
    int rc = eddyi_address_unix(path, ret, ret_len);

    return rc < 0 ? eddy_raise(rc, "%s '%s'", verb, path ? path : "") : 0;
}

int eddyi_connect_unix(const char *path)
{
    union eddyi_address a;
    socklen_t len;
    int rc = address_of("connect to", path, &a, &len);
    int fd = rc < 0 ? rc : eddyi_sys_socket(AF_UNIX, SOCK_STREAM, 0);

    if (rc < 0)
        return rc;
    if (fd < 0)
        return eddy_raise(fd, "connect to %s", path);
    rc = eddy_sock_connect(fd, &a.sa, len);
    if (rc == 0)
        return fd;
    eddyi_sys_close(fd);
    return rc == -ECANCELED || !eddyi_task_current() ? rc : eddy_raise(rc, "connect to %s", path);
}

/*
 * Binds, replacing a socket that may be left from before. The file is created with the mode less
 * the umask, so that no user ever has more rights than that; the bits that the umask removed are
 * added afterwards.
 */
static int bind_path(int fd, const char *path, const union eddyi_address *a, socklen_t len,
                     mode_t mode)
{
    bool is_file = path[0] != '@';
    int rc = is_file ? eddyi_sys_unlink_socket(path) : 0;

    if (rc == 0 && is_file && mode)
        rc = eddyi_sys_set_socket_mode(fd, mode);
    if (rc == 0)
        rc = eddyi_sys_bind(fd, &a->sa, len);
    if (rc == 0 && is_file && mode) {
        rc = eddyi_sys_chmod_socket(path, mode);
        if (rc < 0)
            eddyi_sys_unlink_socket(path);
    }
    return rc;
}

int eddyi_listen_unix(const char *path, int backlog, mode_t mode, int *ret_fd)
{
    union eddyi_address a;
    socklen_t len;
    int rc = address_of("listen on", path, &a, &len), fd;

    if (rc < 0)
        return rc;
    fd = rc = eddyi_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0)
        rc = bind_path(fd, path, &a, len, mode);
    if (fd >= 0 && rc == 0) {
        rc = eddyi_sys_listen(fd, backlog > 0 ? backlog : EDDYI_BACKLOG);
        if (rc < 0 && path[0] != '@')
            eddyi_sys_unlink_socket(path);
    }
    if (rc < 0) {
        if (fd >= 0)
            eddyi_sys_close(fd);
        return eddy_raise(rc, "listen on %s", path);
    }
    *ret_fd = fd;
    return 0;
}
