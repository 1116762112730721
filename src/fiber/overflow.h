/*
 * Reports of stack overflow: a message in place of a bare SIGSEGV.
 *
 * A handler for SIGSEGV and SIGBUS runs on an alternate stack, asks whether the address lies in the
 * guard of the running task's stack, and if it does, prints the description that it gets and
 * aborts. For any other fault it calls the earlier handler.
 */
#ifndef EDDYI_OVERFLOW_H
#define EDDYI_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns whether the fault at @addr is an overflow of the stack in use in this thread, and writes
 * the message to @buf (@size bytes). With @left there was no fault: control is below a stack whose
 * lowest byte is at @addr. Called in a signal handler.
 */
typedef bool eddyi_overflow_describe_fn(const void *addr, bool left, char *buf, size_t size);

/* Installs the handler, once per process; @describe recognizes overflows. */
void eddyi_overflow_install(eddyi_overflow_describe_fn *describe);

/* Ends the process with a message: control has left the stack whose lowest byte is at @limit, with
 * a frame that jumped over the guard. */
_Noreturn void eddyi_overflow_report(const void *limit);

/*
 * Give this thread an alternate signal stack unless it has one, and remove it again. Called in
 * pairs around each run of a loop. eddyi_overflow_enter() returns the @token for
 * eddyi_overflow_leave(). If memory is short, an overflow has no message.
 */
void *eddyi_overflow_enter(void);
void eddyi_overflow_leave(void *token);

#endif
