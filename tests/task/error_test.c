/* eddy_error(): which failure it tells of. */
#include "harness/test.h"

#include "harness/trace.h"

static const char *message(void)
{
    return eddy_exception_message(eddy_error());
}

static eddy_async(fail, (int, code), (const char *, why))
{
    eddy_try(eddy_sleep(0));
    return why ? eddy_raise(code, "%s", why) : code;
}

TEST_ASYNC(the_error_of_an_awaited_coroutine_or_task_is_the_awaiters)
{
    EXPECT_EQ(eddy_await(fail(EDDY_EUSER, "coroutine")), EDDY_EUSER);
    EXPECT_STR(message(), "coroutine");
    EXPECT_EQ(eddy_await(eddy_create_task(fail(-EIO, "task"))), -EIO);
    EXPECT_STR(message(), "task");
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EIO);
    return 0;
}

TEST_ASYNC(a_call_that_succeeds_leaves_the_latest_error)
{
    EXPECT_EQ(eddy_await(fail(EDDY_EUSER, "first")), EDDY_EUSER);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_STR(message(), "first");
    return 0;
}

TEST_ASYNC(a_bare_code_is_an_error_without_a_message)
{
    EXPECT_EQ(eddy_await(eddy_create_task(fail(-EIO, NULL))), -EIO);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EIO);
    EXPECT_STR(message(), "");
    return 0;
}

static eddy_async(fail_and_replace)
{
    EXPECT_EQ(eddy_await(fail(-EIO, "handled")), -EIO);
    return EDDY_EUSER;
}

TEST_ASYNC(the_message_of_another_error_is_not_taken_for_that_of_the_status)
{
    EXPECT_EQ(eddy_await(eddy_create_task(fail_and_replace())), EDDY_EUSER);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EUSER);
    EXPECT_STR(message(), "");
    return 0;
}

static eddy_async(wrap)
{
    if (eddy_await(fail(-EIO, "disk")) < 0)
        return eddy_raise(EDDY_EUSER, "saving: %s", message());
    return 0;
}

TEST_ASYNC(an_error_may_be_wrapped_on_its_way)
{
    EXPECT_EQ(eddy_await(eddy_create_task(wrap())), EDDY_EUSER);
    EXPECT_STR(message(), "saving: disk");
    return 0;
}

static eddy_async(nest, (int, depth))
{
    return depth ? eddy_await(depth % 2 ? EDDY_AWAITABLE(nest(depth - 1))
                                        : EDDY_AWAITABLE(eddy_create_task(nest(depth - 1))))
                 : eddy_raise(EDDY_EUSER, "at the bottom");
}

TEST_ASYNC(the_very_same_exception_comes_up_through_coroutines_and_tasks)
{
    EXPECT_EQ(eddy_await(nest(9)), EDDY_EUSER);
    EXPECT_STR(message(), "at the bottom");
    return 0;
}

static eddy_async(fail_meanwhile)
{
    eddy_raise(-EPIPE, "other task");
    eddy_try(eddy_sleep(0));
    EXPECT_STR(message(), "other task");
    return 0;
}

static void fail_in_callback(void *unused)
{
    eddy_raise(-ENOENT, "callback");
}

TEST_ASYNC(each_task_has_a_latest_error_of_its_own)
{
    eddy_task *t = eddy_create_task(fail_meanwhile());

    eddy_raise(-EIO, "mine");
    eddy_loop_call_soon(eddy_get_running_loop(), fail_in_callback, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(message(), "mine");
    return eddy_await(t);
}

TEST_ASYNC(an_error_that_is_kept_outlives_the_next)
{
    eddy_exception *kept;

    eddy_raise(-EIO, "kept");
    kept = eddy_exception_ref(eddy_error());
    eddy_raise(-EPIPE, "next");
    EXPECT_STR(eddy_exception_message(kept), "kept");
    EXPECT_EQ(eddy_reraise(kept), -EIO);
    EXPECT(eddy_error() == kept);
    eddy_exception_unref(kept);
    return 0;
}

static eddy_async(reraise_members)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, fail(EDDY_EUSER, "inner"));
    rc = eddy_group_exit(&tg, 0);
    return rc == EDDY_EGROUP ? eddy_reraise(eddy_exception_member(eddy_error(), 0)) : rc;
}

TEST_ASYNC(a_member_of_a_group_can_be_raised_alone)
{
    EXPECT_EQ(eddy_await(eddy_create_task(reraise_members())), EDDY_EUSER);
    EXPECT_STR(message(), "inner");
    return 0;
}

static eddy_async(nested_groups)
{
    eddy_group outer, inner;
    int rc;

    eddy_group_enter(&outer);
    eddy_group_create_task(&outer, fail(-EIO, "outer child"));
    eddy_group_enter(&inner);
    eddy_group_create_task(&inner, fail(-EPIPE, "inner child"));
    rc = eddy_group_exit(&inner, eddy_sleep(1));
    return eddy_group_exit(&outer, rc);
}

TEST_ASYNC(groups_nest_in_errors_as_they_did_in_the_program)
{
    const eddy_exception *inner;

    EXPECT_EQ(eddy_await(nested_groups()), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(eddy_error()), 2);
    EXPECT_STR(eddy_exception_message(eddy_exception_member(eddy_error(), 0)), "outer child");
    inner = eddy_exception_member(eddy_error(), 1);
    EXPECT_EQ(eddy_exception_code(inner), EDDY_EGROUP);
    EXPECT_STR(eddy_exception_message(eddy_exception_member(inner, 0)), "inner child");
    return 0;
}

TEST_ASYNC(an_error_of_another_loop_stays_there)
{
    eddy_loop *other = test_virtual_loop();
    eddy_future *f;

    REQUIRE(other != NULL);
    f = eddy_loop_create_future(other);
    REQUIRE(f != NULL);
    eddy_future_set_exception(f, EDDY_EUSER, "elsewhere");
    EXPECT(eddy_error() == NULL);
    EXPECT_EQ(eddy_future_result(f), EDDY_EUSER);
    EXPECT_STR(message(), "elsewhere");
    eddy_unref(f);
    eddy_loop_unref(other);
    return 0;
}
