/*
 * Listening sockets on hosts, ports and paths, for servers.
 */
#ifndef EDDYI_LISTEN_H
#define EDDYI_LISTEN_H

#include "eddy/net.h"
#include "eddy/server.h"

#include <sys/stat.h>

enum {
    EDDYI_BACKLOG = 1024
}; /* asyncio's 100 refuses clients in a burst that one turn of the loop accepts */

/*
 * Opens listening sockets, one for each address of the hosts of @o (loop.create_server). Addresses
 * that this machine does not have are skipped as long as one is left; any other failure closes all
 * (rule 171). SO_REUSEADDR and IPV6_V6ONLY are on (rule 162).
 *
 * Returns 0 and the descriptors, non-blocking and close-on-exec. The caller owns *ret_fds and frees
 * it with eddyi_free(). Raises an error otherwise.
 */
EDDY_AWAITS int eddyi_listen_tcp(const eddy_server_options *o, int **ret_fds, size_t *ret_n);

/*
 * Opens a listening Unix stream socket; "@name" is abstract. A socket that exists under that path
 * is removed first; anything else there is -EADDRINUSE (rule 170). @mode is the mode of the file;
 * 0: by the umask. Does not suspend.
 */
int eddyi_listen_unix(const char *path, int backlog, mode_t mode, int *ret_fd);

#endif
