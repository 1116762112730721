/*
 * Helpers of the socket calls.
 */
#ifndef EDDYI_SOCK_H
#define EDDYI_SOCK_H

#include "io/io.h"

/* Returns @result and raises a negative one, except for a cancellation, which the wait has
 * raised. */
int64_t eddyi_sock_ended(int64_t result, const char *call, int fd);

#endif
