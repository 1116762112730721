/* Misuse gives a code and a sentence. What other files test with the thing itself is not repeated
 * here. */
#include "harness/test.h"

#include "harness/trace.h"

static int latest(void)
{
    return eddy_exception_code(eddy_error());
}

static eddy_async(work)
{
    trace("ran");
    return 0;
}

TEST_VIRTUAL(no_loop_is_refused_by_all_calls_that_need_one)
{
    EXPECT_EQ(eddy_loop_run_forever(NULL), EDDY_ENOLOOP);
    EXPECT_EQ(eddy_loop_run_until_complete(NULL, work()), EDDY_ENOLOOP);
    EXPECT(eddy_loop_call_later(NULL, 1, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ENOLOOP);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_call_at(NULL, 1, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ENOLOOP);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_create_task(NULL, work()) == NULL && latest() == EDDY_ENOLOOP);
    EXPECT(eddy_loop_ref(NULL) == NULL);
    eddy_loop_unref(NULL);
    eddy_context_unref(NULL);
    EXPECT(eddy_context_ref(NULL) == NULL);
    EXPECT_STR(traced(), "");
}

static eddy_async(use_scopes_that_were_not_entered)
{
    eddy_group tg = {0};
    eddy_timeout tm = {0};

    EXPECT(eddy_group_create_task(&tg, work()) < 0);
    EXPECT_EQ(latest(), EDDY_EMISUSE);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_ENOTASK);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_ENOTASK);
    return 0;
}

TEST_ASYNC(a_scope_that_was_not_entered_is_none)
{
    EXPECT_EQ(eddy_await(use_scopes_that_were_not_entered()), 0);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(what_belongs_to_a_closed_loop_cannot_be_awaited)
{
    eddy_loop *other = test_virtual_loop();
    eddy_future *f;
    eddy_task *t;

    REQUIRE(other != NULL);
    f = eddy_loop_create_future(other);
    t = eddy_loop_create_task(other, work());
    REQUIRE(f != NULL && t != NULL);
    reports_collect(other);
    eddy_loop_close(other);
    EXPECT_EQ(eddy_await(f), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_await(t), -ECANCELED); /* the close has ended it */
    EXPECT_STR(traced(), "");
    eddy_loop_unref(other);
    return 0;
}

TEST_VIRTUAL(a_closed_loop_refuses_to_make_awaitables_of_any_kind)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_future *f;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    REQUIRE(f != NULL);
    eddy_loop_close(loop);
    EXPECT(eddy_gather(eddy_ref(f), work()) == NULL && latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_awaitable_ensure_future(EDDY_AWAITABLE(work()), loop) == NULL &&
           latest() == EDDY_ECLOSED);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_ref(f)), EDDY_ECLOSED);
    eddy_unref(f);
    eddy_loop_unref(loop);
    EXPECT_STR(traced(), "");
}

static void create_in_other_loop(void *group)
{
    EXPECT(eddy_group_create_task((eddy_group *)group, work()) < 0);
    EXPECT(latest() < 0);
    trace("refused");
}

static eddy_async(let_others_use_group)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_loop_call_soon(eddy_get_running_loop(), create_in_other_loop, &tg);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    return eddy_sleep(0);
}

TEST_ASYNC(a_callback_cannot_use_a_group_that_was_left, .ordered = true)
{
    EXPECT_EQ(eddy_await(let_others_use_group()), 0);
    EXPECT_STR(traced(), "refused");
    return 0;
}

static eddy_async(await_caller, (eddy_task *, caller))
{
    return eddy_await(eddy_ref(caller));
}

TEST_VIRTUAL(a_task_that_waits_for_itself_by_way_of_another_is_a_deadlock)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_task *t;
    eddy_future *f;

    REQUIRE(loop != NULL);
    reports_collect(loop);
    f = eddy_loop_create_future(loop);
    REQUIRE(f != NULL);
    t = eddy_loop_create_task(loop, eddy_wait_for(eddy_ref(f), EDDY_FOREVER));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, await_caller(t)), -EDEADLK);
    eddy_loop_close(loop);
    eddy_unref(t);
    eddy_unref(f);
    eddy_loop_unref(loop);
}

static eddy_async(exit_foreign_group, (eddy_group *, tg))
{
    return eddy_group_exit(tg, 0);
}

TEST_ASYNC(a_group_left_by_another_task_than_entered_it_is_refused)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    EXPECT_EQ(eddy_await(eddy_create_task(exit_foreign_group(&tg))), EDDY_EMISUSE);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    return 0;
}

static eddy_async(exit_foreign_timeout, (eddy_timeout *, tm))
{
    return eddy_timeout_exit(tm, 0);
}

TEST_ASYNC(a_timeout_left_by_another_task_than_entered_it_is_refused)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_await(eddy_create_task(exit_foreign_timeout(&tm))), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    return 0;
}

TEST_VIRTUAL(every_refusal_has_a_sentence)
{
    static const int codes[] = {EDDY_ENOTASK,  EDDY_ENOLOOP,      EDDY_ECLOSED, EDDY_ERUNNING,
                                EDDY_ESTOPPED, EDDY_EOTHERLOOP,   EDDY_ETHREAD, EDDY_EFORKED,
                                EDDY_EMISUSE,  EDDY_EINVALIDSTATE};
    char text[200];

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        eddy_raise(codes[i], NULL);
        EXPECT(eddy_exception_format(eddy_error(), text, sizeof text) > 10);
        EXPECT(strcmp(text, eddy_strerror(-100000)) != 0);
    }
}
