/*
 * Helpers of the socket calls.
 */
#ifndef EDDYI_SOCK_H
#define EDDYI_SOCK_H

#include "io/io.h"

/* Returns @result and raises a negative one, except for a cancellation, which the wait has
 * raised. */
int64_t eddyi_sock_ended(int64_t result, const char *call, int fd);

/* Sends everything with a call that was begun. Returns 0 or -errno. Adds the bytes that are out to
 * *sent, also on failure. */
EDDY_AWAITS int64_t eddyi_sock_send_all(struct eddyi_io_call *c, const char *buf, size_t size,
                                        size_t *sent);

#endif
