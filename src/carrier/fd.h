/*
 * Carriers on descriptors, and what is known of a descriptor, for the layers that make connections
 * of them; eddy/carrier.h has the public constructors.
 */
#ifndef EDDYI_CARRIER_FD_H
#define EDDYI_CARRIER_FD_H

#include "eddy/carrier.h"

/* Creates a carrier on a non-blocking socket from accept(2), as eddy_socket_carrier_new() does. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* Tell whether @c is on descriptors and has only an end to read from, or to write to. */
bool eddyi_fd_carrier_only_reads(const eddy_carrier *c);
bool eddyi_fd_carrier_only_writes(const eddy_carrier *c);

/* Gives @c, which has borrowed its descriptors, the ownership of them. */
void eddyi_fd_carrier_own(eddy_carrier *c);

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
