/*
 * Information about a descriptor that carries a stream: the extra info of transports.
 */
#ifndef EDDYI_SOCKET_INFO_H
#define EDDYI_SOCKET_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Answers "socket" or "pipe" (an int), "peername" and "sockname", as get_extra_info() of a carrier
 * does. */
ssize_t eddyi_socket_info(int fd, bool is_socket, const char *name, void *ret, size_t size);

/*
 * Checks that a stream, or if @listens a server, can be made of the socket @fd. Returns 0, or
 * raises -EBADF, -ENOTSOCK, or -EINVAL if it is of another type, if it is a listener and should be
 * none, or if it should listen but is bound to no address, so that the kernel would choose one.
 */
int eddyi_socket_check(int fd, bool listens);

/* Copies @n bytes of an answer, cut to @size. Returns @n. */
ssize_t eddyi_info_copy(void *ret, size_t size, const void *from, size_t n);

#endif
