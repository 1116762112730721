/*
 * Operations in the kernel's terms.
 */
#ifndef EDDYI_IO_URING_PREPARE_H
#define EDDYI_IO_URING_PREPARE_H

#include "backend/backend.h"
#include "base/sys_uring.h"

/* Returns IORING_OP_…, or -1 if there is none. */
int eddyi_uring_opcode(const struct eddyi_op *op);

void eddyi_uring_prepare(struct io_uring_sqe *sqe, struct eddyi_op *op);

/* Makes a prepared operation wait for readiness before its first try. Kernels from 5.19 on. */
void eddyi_uring_poll_first(struct io_uring_sqe *sqe, const struct eddyi_op *op);

/* Prepares the wait for readiness that has to precede the operation. */
void eddyi_uring_prepare_poll(struct io_uring_sqe *sqe, const struct eddyi_op *op);

/* Tells valgrind what the kernel wrote for this result, >= 0. */
void eddyi_uring_wrote(const struct eddyi_op *op, size_t result);

/* Releases what a result, >= 0, brought, because an injected error takes its place. */
void eddyi_uring_drop(const struct eddyi_op *op, int result);

#endif
