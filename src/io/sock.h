/*
 * What the socket calls share.
 */
#ifndef EDDYI_SOCK_H
#define EDDYI_SOCK_H

#include "io/io.h"

/* What a call has come to, as a raised error where it is one. A cancellation has been raised by the
 * wait. */
int64_t eddyi_sock_ended(int64_t result, const char *call, int fd);

/* Sends everything, on a call that was begun. 0 or -errno; *sent is added to either way. */
EDDY_AWAITS int64_t eddyi_sock_send_all(struct eddyi_io_call *c, const char *buf, size_t size,
                                        size_t *sent);

#endif
