/*
 * All loops of this process that are not closed, for readers from outside: another process, a
 * debugger, the handler of the dump signal.
 *
 * A singly linked list, the latest first, which readers follow without a lock. Changes hold a lock,
 * and a loop that leaves the list is freed only when no signal handler can still read it.
 */
#ifndef EDDYI_REGISTRY_H
#define EDDYI_REGISTRY_H

#include "eddy/defs.h"

#include <stdatomic.h>

extern _Atomic(eddy_loop *) eddyi_loops; /* linked by introspection.next */

void eddyi_registry_add(eddy_loop *loop);
void eddyi_registry_remove(eddy_loop *loop);
void eddyi_registry_before_fork(void);
void eddyi_registry_after_fork(bool in_child); /* a child has none of its parent's loops */

/* Dumps the tasks of a loop whose dump_wanted is set. debug/ sets the hook before it sets
 * dump_wanted. */
extern void (*eddyi_dump_hook)(eddy_loop *loop);

#endif
