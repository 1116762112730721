/*
 * Unwinding the stack of a fiber that is suspended, with the unwind tables that every program has.
 */
#ifndef EDDYI_UNWIND_H
#define EDDYI_UNWIND_H

/*
 * In assembly: calls fn(arg) in a frame whose caller, as unwinders see it, is the fiber suspended
 * with the stack pointer @sp (fiber.h). So _Unwind_Backtrace(), called by fn, goes through that
 * fiber's stack.
 */
void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg);

#endif
