/*
 * Unwinding the stack of a suspended fiber, with the unwind tables that every program has.
 */
#ifndef EDDYI_UNWIND_H
#define EDDYI_UNWIND_H

/*
 * Calls fn(arg) in a frame whose caller, for unwinders, is the fiber suspended with the stack
 * pointer @sp (fiber.h), so that _Unwind_Backtrace(), called by @fn, goes through that fiber's
 * stack. The fiber's frames follow the frame of EDDYI_UNWIND_BASE. In assembly.
 */
void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg);

#ifdef EDDYI_PORTABLE_FIBER
#define EDDYI_UNWIND_BASE eddyi_fiber_jump_now
#else
#define EDDYI_UNWIND_BASE eddyi_unwind_from
#endif

#endif
