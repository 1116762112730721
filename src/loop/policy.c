#include "loop/policy.h"

#include "base/thread.h"
#include "loop/loop.h"

_Atomic(eddy_event_loop_policy *) eddyi_event_loop_policy;

/* The thread's loop under the default policy; owns a reference. */
static EDDYI_THREAD_LOCAL eddy_loop *set_loop;

static void forget_set_loop(void)
{
    eddy_loop_unref(set_loop);
    set_loop = NULL;
}

eddy_loop *eddyi_thread_get_loop(void)
{
    return set_loop;
}

void eddyi_thread_set_loop(eddy_loop *loop)
{
    eddy_loop *before = set_loop;

    if (loop)
        eddyi_thread_at_exit(forget_set_loop);
    set_loop = eddy_loop_ref(loop);
    eddy_loop_unref(before);
}

void eddy_set_event_loop_policy(eddy_event_loop_policy *policy)
{
    atomic_store(&eddyi_event_loop_policy, policy);
}

eddy_loop *eddy_get_running_loop(void)
{
    return eddyi_loop_running;
}

eddy_loop *eddy_get_event_loop(void)
{
    eddy_event_loop_policy *policy = atomic_load(&eddyi_event_loop_policy);

    if (eddyi_loop_running)
        return eddyi_loop_running;
    return policy && policy->get_event_loop ? policy->get_event_loop(policy)
                                            : eddyi_thread_get_loop();
}

void eddy_set_event_loop(eddy_loop *loop)
{
    eddy_event_loop_policy *policy = atomic_load(&eddyi_event_loop_policy);

    if (policy && policy->set_event_loop)
        policy->set_event_loop(policy, loop);
    else
        eddyi_thread_set_loop(loop);
}
