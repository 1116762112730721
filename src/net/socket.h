/*
 * Questions about a socket that a program has given, or whose address it asks for.
 */
#ifndef EDDYI_SOCKET_H
#define EDDYI_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Checks that a stream, or if @listens a server, can be made of the socket @fd. Returns 0, or
 * raises -EBADF, -ENOTSOCK, or -EINVAL if it is of another type, if it is a listener and should be
 * none, or if it should listen but is bound to no address, so that the kernel would choose one.
 */
int eddyi_socket_check(int fd, bool listens);

/* Answers get_extra_info() for a socket: "socket" (an int), "peername" and "sockname". */
ssize_t eddyi_socket_info(int fd, const char *name, void *ret, size_t size);

/* Copies @n bytes of such an answer, cut to @size. Returns @n. */
ssize_t eddyi_info_copy(void *ret, size_t size, const void *from, size_t n);

#endif
