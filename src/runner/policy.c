/*
 * The default event loop policy: one loop per thread, set and created by the program.
 */
#include "loop/policy.h"

static eddy_loop *default_get(eddy_event_loop_policy *policy)
{
    return eddyi_thread_get_loop();
}

static void default_set(eddy_event_loop_policy *policy, eddy_loop *loop)
{
    eddyi_thread_set_loop(loop);
}

static eddy_loop *default_new(eddy_event_loop_policy *policy)
{
    return eddy_loop_new(NULL);
}

static eddy_event_loop_policy default_policy = {
    .get_event_loop = default_get, .set_event_loop = default_set, .new_event_loop = default_new};

eddy_event_loop_policy *eddy_default_event_loop_policy(void)
{
    return &default_policy;
}

eddy_event_loop_policy *eddy_get_event_loop_policy(void)
{
    eddy_event_loop_policy *policy = atomic_load(&eddyi_event_loop_policy);

    return policy ? policy : &default_policy;
}

eddy_loop *eddy_new_event_loop(void)
{
    eddy_event_loop_policy *policy = eddy_get_event_loop_policy();

    return policy->new_event_loop ? policy->new_event_loop(policy) : default_new(policy);
}
