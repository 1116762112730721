/* Which loop a thread means, and policies that say otherwise. */
#include "harness/test.h"

#include "harness/trace.h"

TEST_REAL(a_thread_has_no_loop_until_one_is_set)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT(eddy_get_event_loop() == NULL);
    eddy_set_event_loop(loop);
    EXPECT(eddy_get_event_loop() == loop);
    EXPECT(eddy_get_running_loop() == NULL);
    eddy_set_event_loop(NULL);
    EXPECT(eddy_get_event_loop() == NULL);
    eddy_loop_unref(loop);
}

TEST_REAL(the_set_loop_is_kept_by_the_thread)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_set_event_loop(loop);
    eddy_loop_unref(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(eddy_get_event_loop(), eddy_sleep_coro(0, 6, NULL)), 6);
    eddy_set_event_loop(NULL);
}

static void look(void *set)
{
    EXPECT(eddy_get_event_loop() == eddy_get_running_loop());
    EXPECT(eddy_get_event_loop() != set);
}

TEST_REAL(the_running_loop_comes_before_the_set_one)
{
    eddy_loop *set = test_real_loop(), *running = test_real_loop();

    REQUIRE(set != NULL && running != NULL);
    eddy_set_event_loop(set);
    eddy_loop_call_soon(running, look, set);
    eddy_loop_stop(running);
    eddy_loop_run_forever(running);
    EXPECT(eddy_get_event_loop() == set);
    eddy_set_event_loop(NULL);
    eddy_loop_unref(set);
    eddy_loop_unref(running);
}

static eddy_async(trace_loops)
{
    trace("%d", eddy_get_event_loop() == eddy_get_running_loop());
    return 0;
}

TEST_REAL(the_default_policy_makes_loops_of_the_default_backend)
{
    eddy_loop *loop = eddy_new_event_loop(), *same = test_real_loop();

    REQUIRE(loop != NULL && same != NULL);
    EXPECT_STR(eddy_loop_backend_name(loop), eddy_loop_backend_name(same));
    EXPECT(eddy_get_event_loop() == NULL);
    eddy_loop_unref(loop);
    eddy_loop_unref(same);
}

TEST_REAL(after_a_run_the_thread_has_no_loop)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_set_event_loop(loop);
    EXPECT_EQ(eddy_run(trace_loops()), 0);
    EXPECT_STR(traced(), "1");
    EXPECT(eddy_get_event_loop() == NULL);
    eddy_set_event_loop(NULL);
    eddy_loop_unref(loop);
}

static eddy_loop *make_virtual(eddy_event_loop_policy *policy)
{
    trace("new");
    return eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL});
}

static void trace_set(eddy_event_loop_policy *policy, eddy_loop *loop)
{
    trace(loop ? "set" : "unset");
    eddy_default_event_loop_policy()->set_event_loop(policy, loop);
}

static eddy_loop *trace_get(eddy_event_loop_policy *policy)
{
    trace("get");
    return eddy_default_event_loop_policy()->get_event_loop(policy);
}

static eddy_async(tell_backend)
{
    trace("%s", eddy_loop_backend_name(eddy_get_event_loop()));
    return 0;
}

TEST_VIRTUAL(a_policy_replaces_how_loops_are_made_set_and_found)
{
    eddy_event_loop_policy policy = {
        .get_event_loop = trace_get, .set_event_loop = trace_set, .new_event_loop = make_virtual};

    EXPECT(eddy_get_event_loop_policy() == eddy_default_event_loop_policy());
    eddy_set_event_loop_policy(&policy);
    EXPECT(eddy_get_event_loop_policy() == &policy);
    EXPECT(eddy_get_event_loop() == NULL);
    EXPECT_EQ(eddy_run(tell_backend()), 0);
    EXPECT_STR(traced(), "get new set virtual unset");

    eddy_set_event_loop_policy(NULL);
    EXPECT(eddy_get_event_loop_policy() == eddy_default_event_loop_policy());
}

TEST_VIRTUAL(what_a_policy_leaves_out_the_default_does)
{
    eddy_event_loop_policy policy = {.new_event_loop = make_virtual};
    eddy_loop *loop;

    eddy_set_event_loop_policy(&policy);
    loop = eddy_new_event_loop();
    REQUIRE(loop != NULL);
    eddy_set_event_loop(loop);
    EXPECT(eddy_get_event_loop() == loop);
    eddy_set_event_loop(NULL);
    eddy_set_event_loop_policy(NULL);
    eddy_loop_unref(loop);
}

static eddy_loop *make_none(eddy_event_loop_policy *policy)
{
    return NULL;
}

static eddy_loop *no_loop(void)
{
    return NULL;
}

TEST_VIRTUAL(a_run_for_which_no_loop_is_made_fails)
{
    eddy_event_loop_policy policy = {.new_event_loop = make_none};

    EXPECT(eddy_run(trace_loops(), .loop_factory = no_loop) < 0);
    eddy_set_event_loop_policy(&policy);
    EXPECT(eddy_run(trace_loops()) < 0);
    eddy_set_event_loop_policy(NULL);
    EXPECT_STR(traced(), "");
}
