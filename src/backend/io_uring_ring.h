/*
 * Making the best ring that the kernel allows, and finding out why it refuses.
 */
#ifndef EDDYI_IO_URING_RING_H
#define EDDYI_IO_URING_RING_H

#include "base/sys_uring.h"

/* Makes a ring with the best flags that the kernel takes. *ret_disabled: the thread that will use
 * it has to enable it. */
int eddyi_ring_make(struct io_uring *ring, bool *ret_disabled);

/*
 * Checks that the kernel, and any filter of system calls, lets the ring do what is needed. Returns
 * 0, or -errno and a reason. Bit n of *ret_opcodes says that the ring can do operation n, of the
 * first 64.
 */
int eddyi_ring_check(struct io_uring *ring, uint64_t *ret_opcodes, char *reason,
                     size_t reason_size);

/* Writes as the reason that this call failed with @rc, and the possible cause. Returns @rc. */
int eddyi_ring_refused(int rc, const char *call, char *reason, size_t reason_size);

#endif
