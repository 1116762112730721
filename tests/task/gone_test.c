/*
 * A coroutine, task or future that is used after it was consumed is found out: always while its
 * memory has no new owner, and for the last 200 of each kind in debug mode and in tests.
 */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

static eddy_async(seven)
{
    eddy_try(eddy_sleep(1));
    return 7;
}

static int expect_gone(int rc)
{
    EXPECT_EQ(rc, EDDY_EMISUSE);
    EXPECT_IN("awaited twice; made at ", eddy_exception_message(eddy_error()));
    return rc;
}

static eddy_async(await_a_task_twice)
{
    eddy_task *t = eddy_create_task(seven()), *other;

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(t), 7);
    other = eddy_create_task(seven());
    REQUIRE(other != NULL);
    expect_gone(eddy_await(t));
    EXPECT_EQ(eddy_await(other), 7);
    return 0;
}

static eddy_async(await_a_coroutine_twice)
{
    eddy_coroutine *coro = seven();

    REQUIRE(coro != NULL);
    EXPECT_EQ(eddy_await(coro), 7);
    expect_gone(eddy_await(coro));
    EXPECT(eddy_create_task(coro) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    return 0;
}

static eddy_async(give_a_task_that_is_gone)
{
    eddy_task *t = eddy_create_task(seven());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(t), 7);
    EXPECT(eddy_gather(t) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    EXPECT(eddy_shield(t) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    EXPECT(eddy_wait_for(t, 1) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    return 0;
}

/* The code of what has just been raised by a call that gave NULL or false. */
static void expect_gone_raised(bool refused)
{
    EXPECT(refused);
    expect_gone(eddy_exception_code(eddy_error()));
}

static void on_done(eddy_future *f, void *arg)
{
    (void)f, (void)arg;
    FAIL("a callback of a future that is gone");
}

static void use_gone(eddy_task *t)
{
    eddy_future *f = eddy_task_future(t);
    void *value;
    const eddy_exception *e;

    expect_gone(eddy_await(t));
    expect_gone(eddy_await_value(t, &value));
    expect_gone_raised(eddy_gather(t) == NULL);
    expect_gone_raised(eddy_shield(t) == NULL);
    expect_gone_raised(eddy_wait_for(t, 1) == NULL);
    expect_gone(eddy_wait(&t, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED));
    expect_gone(eddy_future_add_done_callback(f, on_done, NULL));
    expect_gone(eddy_future_remove_done_callback(f, on_done, NULL));
    expect_gone(eddy_future_result(f));
    expect_gone(eddy_future_exception(f, &e));
    expect_gone(eddy_future_set_result(f, 1));
    expect_gone_raised(!eddy_future_cancel(f, NULL));
}

TEST_ASYNC(every_call_refuses_a_task_that_is_gone)
{
    eddy_task *t = eddy_create_task(seven());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(t), 7);
    use_gone(t);
    EXPECT_IN(__FILE__, eddy_exception_message(eddy_error()));
    return 0;
}

TEST_ASYNC(every_call_refuses_a_coroutine_that_is_gone)
{
    eddy_coroutine *coro = seven();
    eddy_group tg;

    REQUIRE(coro != NULL);
    EXPECT_EQ(eddy_await(coro), 7);
    expect_gone(eddy_await(coro));
    expect_gone_raised(eddy_create_task(coro) == NULL);
    expect_gone_raised(eddy_gather(coro) == NULL);
    expect_gone_raised(eddy_shield(coro) == NULL);
    expect_gone_raised(eddy_wait_for(coro, 1) == NULL);
    expect_gone_raised(eddy_run_coroutine_threadsafe(coro, eddy_get_running_loop()) == NULL);
    eddy_group_enter(&tg);
    expect_gone(eddy_group_create_task(&tg, coro));
    EXPECT(eddy_group_exit(&tg, 0) < 0);
    return 0;
}

TEST_ASYNC(a_future_that_is_awaited_twice_is_found_out)
{
    eddy_future *f = eddy_create_future(), *other;

    REQUIRE(f != NULL);
    EXPECT_EQ(eddy_future_set_result(f, 7), 0);
    EXPECT_EQ(eddy_await(f), 7);
    other = eddy_create_future();
    REQUIRE(other != NULL);
    EXPECT(other != f);
    expect_gone(eddy_await(f));
    EXPECT_IN("(Future)", eddy_exception_message(eddy_error()));
    eddy_unref(other);
    return 0;
}

TEST_ASYNC(what_others_are_made_of_is_found_out_as_well)
{
    eddy_future *gather = eddy_gather(seven(), seven());
    eddy_future *shield = eddy_shield(seven());

    REQUIRE(gather != NULL && shield != NULL);
    EXPECT_EQ(eddy_await(gather), 0);
    EXPECT_EQ(eddy_await(gather), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "awaited twice (gather)");
    EXPECT_EQ(eddy_await(shield), 7);
    EXPECT_EQ(eddy_await(shield), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "awaited twice (shield)");
    return 0;
}

TEST_VIRTUAL(a_loop_does_not_run_what_another_run_has_consumed)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_coroutine *coro = seven();
    eddy_task *t;

#ifdef __SANITIZE_ADDRESS__
    SKIP("AddressSanitizer reports it first: no loop that keeps the task runs between the two");
#endif
    REQUIRE(loop != NULL && coro != NULL);
    t = eddy_loop_create_task(loop, coro);
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, t), 7);
    expect_gone(eddy_loop_run_until_complete(loop, t));
    eddy_loop_unref(loop);
}

/* As in a release outside of debug mode. */
TEST_ASYNC(without_debug_mode_it_is_found_out_while_the_memory_has_no_new_owner)
{
    eddy_coroutine *coro = seven();
    eddy_task *t = eddy_create_task(seven());
    eddy_future *f = eddy_create_future();

    eddy_get_running_loop()->tasks.keeps = false;
    REQUIRE(coro != NULL && t != NULL && f != NULL);
    if (test_tortured())
        SKIP("what is freed without being kept is the allocator's");
#ifdef __SANITIZE_ADDRESS__
    SKIP("AddressSanitizer reports it first");
#endif
    EXPECT_EQ(eddy_future_set_result(f, 7), 0);
    EXPECT_EQ(eddy_await(t), 7);
    expect_gone(eddy_await(t));
    EXPECT_IN("(Task)", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_await(f), 7);
    expect_gone(eddy_await(f));
    EXPECT_IN("(Future)", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_await(coro), 7);
    expect_gone(eddy_await(coro));
    EXPECT_IN("(coroutine 'seven')", eddy_exception_message(eddy_error()));
    return 0;
}

#ifdef __SANITIZE_ADDRESS__
int __asan_address_is_poisoned(const void *address);

TEST_ASYNC(address_sanitizer_sees_every_use_of_what_was_consumed)
{
    eddy_task *t = eddy_create_task(seven());
    eddy_coroutine *coro = seven();

    REQUIRE(t != NULL && coro != NULL);
    EXPECT(!__asan_address_is_poisoned(&t->future.status));
    EXPECT(!__asan_address_is_poisoned(&coro->arg));
    EXPECT_EQ(eddy_await(t), 7);
    EXPECT_EQ(eddy_await(coro), 7);
    EXPECT(__asan_address_is_poisoned(&t->future.status));
    EXPECT(__asan_address_is_poisoned(&coro->arg));
    return 0;
}
#endif

static int n_reports;
static char reported[200];

static void note_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    (void)loop, (void)arg;
    n_reports++;
    snprintf(reported, sizeof reported, "%s", context->message);
}

TEST_ASYNC(a_reference_that_is_dropped_twice_is_reported_and_does_nothing)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, NULL);
    eddy_unref(f);
    eddy_unref(f);
    EXPECT_EQ(n_reports, 1);
    EXPECT_STR(reported, "a reference was dropped twice");
    expect_gone(eddy_exception_code(eddy_error()));
    return 0;
}

static eddy_async(fail)
{
    return eddy_raise(-EIO, "disk on fire");
}

static eddy_async(forget_a_failed_task, (eddy_task **, ret_task))
{
    *ret_task = eddy_create_task(fail());
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, NULL);
    return eddy_sleep(1);
}

TEST_VIRTUAL(debug_mode_reports_failed_tasks_whose_reference_was_forgotten)
{
    eddy_task *forgotten = NULL;

    (void)eddy_run(forget_a_failed_task(&forgotten), .debug = true,
                   .loop_factory = test_virtual_loop);
    REQUIRE(forgotten != NULL);
    EXPECT_EQ(n_reports, 1);
    EXPECT_STR(reported, "Task exception was never retrieved");
    eddy_unref(forgotten);
    EXPECT_EQ(n_reports, 1);
}

TEST_ASYNC(a_coroutine_that_is_waited_for_with_a_limit_is_given_to_no_other)
{
    eddy_coroutine *coro = seven();
    eddy_coroutine *limited = eddy_wait_for(coro, 10);

    REQUIRE(limited != NULL);
    EXPECT(eddy_wait_for(coro, 10) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EMISUSE);
    EXPECT_EQ(eddy_await(coro), EDDY_EMISUSE);
    eddy_coroutine_close(coro);
    EXPECT_EQ(eddy_await(limited), 7);
    return 0;
}

static int expect_taken(int rc)
{
    EXPECT_EQ(rc, EDDY_EMISUSE);
    EXPECT_IN("given to a task already", eddy_exception_message(eddy_error()));
    return rc;
}

/* Until it has ended it is found out without debug mode as well. */
TEST_ASYNC(a_coroutine_that_a_task_was_made_of_is_given_to_no_other)
{
    eddy_coroutine *coro = seven();
    eddy_task *t = coro ? eddy_create_task(coro) : NULL;

    REQUIRE(t != NULL);
    EXPECT(eddy_create_task(coro) == NULL);
    expect_taken(eddy_exception_code(eddy_error()));
    expect_taken(eddy_await(coro));
    eddy_try(eddy_sleep(0)); /* now it runs */
    REQUIRE(!eddy_task_done(t));
    expect_taken(eddy_await(coro));
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}

static eddy_async(await_it, (eddy_coroutine *, coro))
{
    return eddy_await(coro);
}

TEST_ASYNC(a_coroutine_that_is_being_awaited_is_given_to_no_other, .ordered = true)
{
    eddy_coroutine *coro = seven();
    eddy_task *t = coro ? eddy_create_task(await_it(coro)) : NULL;

    REQUIRE(t != NULL);
    eddy_try(eddy_sleep(0));
    REQUIRE(!eddy_task_done(t));
    expect_taken(eddy_await(coro));
    EXPECT(eddy_create_task(coro) == NULL);
    expect_taken(eddy_exception_code(eddy_error()));
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}

static eddy_async(make_many)
{
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(eddy_await(seven()), 7);
        EXPECT_EQ(eddy_await(eddy_create_task(seven())), 7);
    }
    return 0;
}

static void run_in_debug_mode(eddy_coroutine *coro)
{
    EXPECT_EQ(eddy_run(coro, .debug = true, .loop_factory = test_virtual_loop), 0);
}

TEST_VIRTUAL(a_task_that_is_awaited_twice_is_found_out_in_debug_mode)
{
    run_in_debug_mode(await_a_task_twice());
}

TEST_VIRTUAL(a_coroutine_that_is_awaited_twice_is_found_out_in_debug_mode)
{
    run_in_debug_mode(await_a_coroutine_twice());
}

TEST_VIRTUAL(what_takes_awaitables_refuses_one_that_is_gone_in_debug_mode)
{
    run_in_debug_mode(give_a_task_that_is_gone());
}

TEST_VIRTUAL(of_what_was_consumed_debug_mode_keeps_so_much_and_no_more)
{
    if (!test_tortured())
        run_in_debug_mode(make_many());
}

TEST_ASYNC(a_reference_of_ones_own_keeps_a_task_from_being_consumed)
{
    eddy_task *t = eddy_create_task(seven());

    eddy_loop_set_debug(eddy_get_running_loop(), true);
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 7);
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}
