/*
 * Listening sockets on hosts, ports and paths: what servers stand on.
 */
#ifndef EDDYI_LISTEN_H
#define EDDYI_LISTEN_H

#include "eddy/net.h"

#include <sys/stat.h>

enum {
    EDDYI_BACKLOG = 1024
}; /* asyncio's 100 turns clients away in a burst that one turn of the loop takes */

/* 0 and NULL are the defaults. */
struct eddyi_listen {
    const char *host;         /* NULL or "": all interfaces, IPv4 and IPv6 */
    const char *const *hosts; /* n_hosts of them, instead of host */
    size_t n_hosts;
    /* 0: the kernel chooses, for each address its own, as asyncio has it */
    int port;
    int family, flags, backlog; /* backlog 0: EDDYI_BACKLOG */
    bool reuse_port, no_reuse_address, keep_alive;
};

/*
 * Opens sockets that listen, one for each address of the hosts (loop.create_server). Addresses that
 * this machine does not have are passed over as long as one is left; any other failure closes all
 * (rule 171). SO_REUSEADDR and IPV6_V6ONLY are on (rule 162).
 *
 * Returns 0 and the descriptors, non-blocking and close-on-exec, in memory for eddyi_free(); or an
 * error, raised.
 */
EDDY_AWAITS int eddyi_listen_tcp(const struct eddyi_listen *l, int **ret_fds, size_t *ret_n);

/*
 * Opens a Unix stream socket that listens; "@name" is abstract. A socket that is there already,
 * under that path, is removed first, but nothing else is (rule 170): -EADDRINUSE. @mode of the
 * file, 0: as the umask says. Does not suspend.
 */
int eddyi_listen_unix(const char *path, int backlog, mode_t mode, int *ret_fd);

#endif
