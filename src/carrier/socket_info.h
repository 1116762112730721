/*
 * What is known about a descriptor that carries a stream (rule: the extra info of transports).
 */
#ifndef EDDYI_SOCKET_INFO_H
#define EDDYI_SOCKET_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "socket" or "pipe" (an int), "peername", "sockname"; as get_extra_info() of a carrier. */
ssize_t eddyi_socket_info(int fd, bool is_socket, const char *name, void *ret, size_t size);

/*
 * Whether a stream can be made of the socket @fd, or @listens, a server. 0, or as a raised error
 * -EBADF, -ENOTSOCK, -EINVAL: it is of another type; it is one that accepts; to be listened on, it
 * is bound to nothing, so that the kernel would choose.
 */
int eddyi_socket_check(int fd, bool listens);

/* Copies @n bytes of an answer, cut to @size; its whole size. */
ssize_t eddyi_info_copy(void *ret, size_t size, const void *from, size_t n);

#endif
