/* shield: rules 95 to 98. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(work, (int, status))
{
    eddy_try(eddy_sleep(5));
    trace("done");
    eddy_return("pointer");
    return status < 0 ? eddy_raise(status, "bad") : status;
}

static eddy_async(await_shielded, (eddy_task *, t))
{
    int rc = eddy_await(eddy_shield(eddy_ref(t)));

    trace("%s", rc == -ECANCELED ? "cancelled" : "result");
    return rc;
}

TEST_ASYNC(a_shield_ends_as_what_it_shields)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(eddy_shield(work(4)), &value), 4);
    EXPECT_STR(value, "pointer");
    EXPECT_EQ(eddy_await(eddy_shield(work(EDDY_EUSER))), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "bad");
    return 0;
}

TEST_ASYNC(cancelling_the_waiter_leaves_the_shielded_alone)
{
    eddy_task *inner = eddy_create_task(work(4)), *outer;

    REQUIRE(inner != NULL);
    outer = eddy_create_task(await_shielded(inner));
    REQUIRE(outer != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_task_cancel(outer, "away"));
    EXPECT_EQ(eddy_await(outer), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "away");
    EXPECT_EQ(eddy_task_cancelling(inner), 0);
    EXPECT_EQ(eddy_await(inner), 4);
    EXPECT_STR(traced(), "cancelled done");
    return 0;
}

TEST_ASYNC(a_shield_of_what_is_done_is_that_itself)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_future_set_result(f, 3);
    REQUIRE(eddy_shield(f) == f);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(if_the_shielded_is_cancelled_so_is_the_shield)
{
    eddy_task *inner = eddy_create_task(work(4));
    eddy_future *shield;

    REQUIRE(inner != NULL);
    shield = eddy_shield(eddy_ref(inner));
    REQUIRE(shield != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(inner, NULL);
    EXPECT_EQ(eddy_await(eddy_ref(shield)), -ECANCELED);
    EXPECT(eddy_future_cancelled(shield));
    eddy_unref(shield);
    eddy_unref(inner);
    return 0;
}

TEST_ASYNC(a_failure_after_the_shield_was_cancelled_is_reported)
{
    eddy_future *shield = eddy_shield(work(EDDY_EUSER));

    REQUIRE(shield != NULL);
    reports_collect(NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_future_cancel(shield, NULL));
    EXPECT(!eddy_future_cancel(shield, NULL));
    eddy_unref(shield);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_EQ(reports.n, 1);
    EXPECT_EQ(reports.code, EDDY_EUSER);
    return 0;
}

TEST_ASYNC(a_failure_that_came_through_the_shield_is_reported_once_at_most)
{
    reports_collect(NULL);
    eddy_unref(eddy_shield(work(EDDY_EUSER)));
    EXPECT_EQ(eddy_await(eddy_shield(work(EDDY_EUSER))), EDDY_EUSER);
    EXPECT_EQ(reports.n, 1);
    return 0;
}

TEST_ASYNC(a_shielded_coroutine_goes_on_without_a_reference)
{
    eddy_future *shield = eddy_shield(work(4));

    REQUIRE(shield != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_future_cancel(shield, NULL);
    eddy_unref(shield);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "done");
    return 0;
}

TEST_ASYNC(a_shield_cancelled_when_the_shielded_has_just_ended_stays_cancelled)
{
    eddy_future *f = eddy_create_future(), *shield;

    REQUIRE(f != NULL);
    shield = eddy_shield(eddy_ref(f));
    REQUIRE(shield != NULL);
    eddy_future_set_exception(f, EDDY_EUSER, "unseen");
    EXPECT(eddy_future_cancel(shield, NULL));
    reports_collect(NULL);
    eddy_unref(f);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(eddy_future_cancelled(shield));
    eddy_unref(shield);
    EXPECT_EQ(reports.n, 0);
    return 0;
}

TEST_ASYNC(without_memory_for_a_shield_nothing_is_started)
{
    eddy_coroutine *coro = work(1);

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_shield(coro) == NULL);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "");
    return 0;
}
