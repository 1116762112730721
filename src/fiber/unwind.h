/*
 * Unwinding the stack of a fiber that is suspended, with the unwind tables that every program has.
 */
#ifndef EDDYI_UNWIND_H
#define EDDYI_UNWIND_H

/*
 * In assembly: calls fn(arg) in a frame whose caller, as unwinders see it, is the fiber suspended
 * with the stack pointer @sp (fiber.h). So _Unwind_Backtrace(), called by fn, goes through that
 * fiber's stack. The frames of the fiber are those after EDDYI_UNWIND_BASE's.
 */
void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg);

#ifdef EDDYI_PORTABLE_FIBER
#define EDDYI_UNWIND_BASE eddyi_fiber_jump_now
#else
#define EDDYI_UNWIND_BASE eddyi_unwind_from
#endif

#endif
