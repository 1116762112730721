/*
 * The stack of a task: where it is, call by call.
 */
#ifndef EDDYI_BACKTRACE_H
#define EDDYI_BACKTRACE_H

#include "eddy/defs.h"

enum { EDDYI_BACKTRACE_MAX = 64 };

/*
 * Puts the addresses of calls in progress in @ret, the innermost first, and returns how many. Of a
 * task that runs, in its own thread, these are the calls that lead here; of one that is suspended,
 * those that led it there. For generators that run in it their stacks come first. NULL: of no task,
 * but of what runs here. Nothing is allocated.
 */
size_t eddyi_backtrace(const eddy_task *t, const void **ret, size_t n);

#endif
