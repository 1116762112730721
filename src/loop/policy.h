/*
 * The loop of a thread, for the layers above the loop: eddy_get_event_loop(). The default policy
 * itself, which makes loops, is in runner/policy.c.
 */
#ifndef EDDYI_POLICY_H
#define EDDYI_POLICY_H

#include "eddy/loop.h"

#include <stdatomic.h>

/* The program's policy; NULL: the default one. */
extern _Atomic(eddy_event_loop_policy *) eddyi_event_loop_policy;

/* Returns the loop set for this thread under the default policy, borrowed; or NULL. */
eddy_loop *eddyi_thread_get_loop(void);

/* Sets that loop, with a reference of the thread's own; NULL: none. */
void eddyi_thread_set_loop(eddy_loop *loop);

#endif
