/*
 * Which loop a thread means: the running one, the one set for it, a new one.
 */
#include "eddy/error.h"
#include "loop/loop.h"

#include <stdatomic.h>

/* The thread's loop under the default policy; owns a reference. */
static EDDYI_THREAD_LOCAL eddy_loop *set_loop;

static void forget_set_loop(void)
{
    eddy_loop_unref(set_loop);
    set_loop = NULL;
}

static eddy_loop *default_get(eddy_event_loop_policy *policy)
{
    return set_loop;
}

static void default_set(eddy_event_loop_policy *policy, eddy_loop *loop)
{
    eddy_loop *before = set_loop;

    if (loop)
        eddyi_thread_at_exit(forget_set_loop);
    set_loop = eddy_loop_ref(loop);
    eddy_loop_unref(before);
}

static eddy_loop *default_new(eddy_event_loop_policy *policy)
{
    return eddy_loop_new(NULL);
}

static eddy_event_loop_policy default_policy = {default_get, default_set, default_new};
static _Atomic(eddy_event_loop_policy *) current_policy = &default_policy;

eddy_event_loop_policy *eddy_default_event_loop_policy(void)
{
    return &default_policy;
}

eddy_event_loop_policy *eddy_get_event_loop_policy(void)
{
    return atomic_load(&current_policy);
}

void eddy_set_event_loop_policy(eddy_event_loop_policy *policy)
{
    atomic_store(&current_policy, policy ? policy : &default_policy);
}

eddy_loop *eddy_get_running_loop(void)
{
    return eddyi_loop_running;
}

eddy_loop *eddy_get_event_loop(void)
{
    eddy_event_loop_policy *policy = eddy_get_event_loop_policy();

    if (eddyi_loop_running)
        return eddyi_loop_running;
    return policy->get_event_loop ? policy->get_event_loop(policy) : default_get(policy);
}

void eddy_set_event_loop(eddy_loop *loop)
{
    eddy_event_loop_policy *policy = eddy_get_event_loop_policy();

    if (policy->set_event_loop)
        policy->set_event_loop(policy, loop);
    else
        default_set(policy, loop);
}

eddy_loop *eddy_new_event_loop(void)
{
    eddy_event_loop_policy *policy = eddy_get_event_loop_policy();

    return policy->new_event_loop ? policy->new_event_loop(policy) : default_new(policy);
}
