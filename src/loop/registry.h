/*
 * All loops of this process that are not closed, for whoever looks at them from outside: another
 * process, a debugger, the handler of the dump signal.
 *
 * A singly linked list, the latest first, which readers follow without a lock. It is changed behind
 * one, and a loop that leaves is freed only when no signal handler can still be looking at it.
 */
#ifndef EDDYI_REGISTRY_H
#define EDDYI_REGISTRY_H

#include "eddy/defs.h"

#include <stdatomic.h>

extern _Atomic(eddy_loop *) eddyi_loops; /* the next one is its next_loop */

void eddyi_registry_add(eddy_loop *loop);
void eddyi_registry_remove(eddy_loop *loop);
void eddyi_registry_before_fork(void);
void eddyi_registry_after_fork(bool in_child); /* a child has none of its parent's loops */

/* Dumps the tasks of a loop that finds its dump_wanted set. Set by debug/ before it sets that. */
extern void (*eddyi_dump_hook)(eddy_loop *loop);

#endif
