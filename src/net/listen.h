/*
 * Listening sockets on hosts, ports and paths, for servers.
 */
#ifndef EDDYI_LISTEN_H
#define EDDYI_LISTEN_H

#include "eddy/net.h"
#include "eddy/server.h"

#include <stdint.h>
#include <sys/stat.h>

/* asyncio's 100 refuses clients in a burst that one turn of the loop accepts. */
enum { EDDYI_BACKLOG = 1024 };

/* The sockets of a server, and the file of a Unix socket. */
struct eddyi_listening {
    int *fds; /* owned */
    size_t n;
    bool given;             /* the socket is the caller's, and stays open if there is no server */
    char *path;             /* of the file, to be removed; owned, NULL: none */
    uint64_t device, inode; /* identity of the file when it was made */
};

/*
 * Listens on the socket, the path or the hosts of @o. Suspends only to look up a host. Returns 0,
 * or raises an error; in either case *l, which is zero before, is ended by eddyi_listening_undo()
 * or eddyi_listening_remove_file(), and eddyi_listening_fini().
 */
EDDY_AWAITS int eddyi_listen(const eddy_server_options *o, struct eddyi_listening *l);

/* Closes the sockets but the caller's own, and removes the file: there is no server. */
void eddyi_listening_undo(struct eddyi_listening *l);

/* Removes the file of the Unix socket, if it is still the one that was made (rule 170). */
void eddyi_listening_remove_file(const struct eddyi_listening *l);

/* Frees the memory of *l. */
void eddyi_listening_fini(struct eddyi_listening *l);

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
