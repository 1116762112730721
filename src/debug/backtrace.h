/*
 * The stack of a task, call by call.
 */
#ifndef EDDYI_BACKTRACE_H
#define EDDYI_BACKTRACE_H

#include "eddy/defs.h"

enum { EDDYI_BACKTRACE_MAX = 64 };

/*
 * Stores the addresses of the calls in progress in @ret, the innermost first, and returns their
 * number. For a task that runs, in its own thread, these are the calls that lead here; for a
 * suspended one, the calls that lead to its suspension. The stacks of generators that run in the
 * task come first. @t NULL: the code that runs here, in no task. Nothing is allocated.
 */
size_t eddyi_backtrace(const eddy_task *t, const void **ret, size_t n);

#endif
