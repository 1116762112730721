/*
 * Stack overflow as a message instead of a bare SIGSEGV.
 *
 * A handler for SIGSEGV and SIGBUS runs on an alternate stack, asks whether the address is the
 * guard of the running task's stack, and if so prints what it is told and aborts. Any other fault
 * goes on to the handler that was there before.
 */
#ifndef EDDYI_OVERFLOW_H
#define EDDYI_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the fault at @addr is an overflow of what runs in this thread; writes the message to
 * @buf. @left: control is below a stack whose lowest byte is at @addr, and there was no fault.
 * Called in a signal handler.
 */
typedef bool eddyi_overflow_describe_fn(const void *addr, bool left, char *buf, size_t size);

/* Installs the handler, once per process. */
void eddyi_overflow_install(eddyi_overflow_describe_fn *describe);

/* Ends the process with such a message: control has left the stack whose lowest byte is @limit, and
 * jumped over its guard. */
_Noreturn void eddyi_overflow_report(const void *limit);

/*
 * Gives this thread an alternate signal stack, unless it has one, and takes it back. In pairs
 * around each run of a loop. Returns what to pass to _leave. Without memory there is no message,
 * that is all.
 */
void *eddyi_overflow_enter(void);
void eddyi_overflow_leave(void *token);

#endif
