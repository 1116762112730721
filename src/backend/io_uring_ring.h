/*
 * Making a ring, as good as the kernel gives it, and finding out why it does not.
 */
#ifndef EDDYI_IO_URING_RING_H
#define EDDYI_IO_URING_RING_H

#include "base/sys_uring.h"

/* Makes a ring with the best flags that the kernel takes. *ret_disabled: it has to be enabled by
 * the thread that will use it. */
int eddyi_ring_make(struct io_uring *ring, bool *ret_disabled);

/*
 * Whether the kernel, and whatever filters calls to it, lets the ring do what is needed. 0, or
 * -errno and a reason. *ret_opcodes: bit n says that it can do operation n, of the first 64.
 */
int eddyi_ring_check(struct io_uring *ring, uint64_t *ret_opcodes, char *reason,
                     size_t reason_size);

/* Writes as the reason that this call failed with @rc, and what may be behind it. Returns @rc. */
int eddyi_ring_refused(int rc, const char *call, char *reason, size_t reason_size);

#endif
