/*
 * Objects of a loop, used from a thread that does not run it.
 */
#include "harness/test.h"

#include <pthread.h>
#include <string.h>

static struct {
    eddy_loop *loop;
    eddy_future *future;
    eddy_task *task;
} theirs;

static void never(void *arg)
{
    FAIL("called");
}

static void never_done(eddy_future *f, void *arg)
{
    FAIL("called");
}

#define EXPECT_REFUSED(call) EXPECT((call) && eddy_exception_code(eddy_error()) == EDDY_ETHREAD)

static void *touch_everything(void *unused)
{
    EXPECT_REFUSED(eddy_future_set_result(theirs.future, 1) == EDDY_ETHREAD);
    EXPECT_REFUSED(eddy_future_set_value(theirs.future, NULL) == EDDY_ETHREAD);
    EXPECT_REFUSED(eddy_future_set_exception(theirs.future, -EIO, "no") == EDDY_ETHREAD);
    EXPECT_REFUSED(!eddy_future_cancel(theirs.future, NULL));
    EXPECT_REFUSED(eddy_future_add_done_callback(theirs.future, never_done, NULL) == EDDY_ETHREAD);
    EXPECT_REFUSED(eddy_future_remove_done_callback(theirs.future, never_done, NULL) ==
                   EDDY_ETHREAD);
    EXPECT_REFUSED(!eddy_task_cancel(theirs.task, NULL));
    EXPECT_REFUSED(eddy_loop_create_future(theirs.loop) == NULL);
    EXPECT_REFUSED(eddy_loop_create_task(theirs.loop, eddy_sleep_coro(0, 0, NULL)) == NULL);
    EXPECT_REFUSED(eddy_loop_call_soon(theirs.loop, never, NULL).slot == NULL);
    EXPECT_REFUSED(eddy_loop_call_later(theirs.loop, 0, never, NULL).slot == NULL);
    EXPECT_REFUSED(
        eddy_loop_run_in_executor(theirs.loop, NULL, (int (*)(void *))(void *)never, NULL) == NULL);
    EXPECT_REFUSED(eddy_loop_set_default_executor(theirs.loop, eddy_thread_pool_new(1)) ==
                   EDDY_ETHREAD);
    return NULL;
}

/* Joining blocks the loop, which does not matter here: it runs all the same. */
static int touched_by_another_thread(void *unused)
{
    pthread_t t;

    theirs.loop = eddy_get_running_loop();
    theirs.future = eddy_create_future();
    theirs.task = eddy_create_task(eddy_sleep_coro(0, 3, NULL));
    REQUIRE(theirs.future && theirs.task);
    REQUIRE(pthread_create(&t, NULL, touch_everything, NULL) == 0);
    pthread_join(t, NULL);
    EXPECT(!eddy_future_done(theirs.future));
    EXPECT_EQ(eddy_await(theirs.task), 3);
    eddy_unref(theirs.future);
    return 0;
}

TEST(the_things_of_a_loop_are_refused_to_another_thread)
{
    EXPECT_EQ(test_run_real(eddy_coro(touched_by_another_thread, NULL)), 0);
}

/* Not for ThreadSanitizer, which is right to complain. */
static void *set_event(void *event)
{
    eddy_event_set(event);
    return NULL;
}

static int wait_for_event(void *event)
{
    return eddy_event_wait(event);
}

static int woken_from_elsewhere(void *unused)
{
    eddy_event event = {0};
    eddy_task *t = eddy_create_task(eddy_coro(wait_for_event, &event));
    pthread_t thread;

    REQUIRE(t != NULL);
    eddy_try(eddy_sleep(0));
    REQUIRE(pthread_create(&thread, NULL, set_event, &event) == 0);
    EXPECT_EQ(eddy_await(t), 0);
    pthread_join(thread, NULL);
    return 0;
}

static void run_woken(void *unused)
{
    EXPECT_EQ(test_run_real(eddy_coro(woken_from_elsewhere, NULL)), 0);
}

TEST(a_wake_up_from_elsewhere_is_reported_and_leaves_the_loop_whole, .ordered = true)
{
    char output[600];

    test_in_child(run_woken, NULL, output, sizeof output);
    EXPECT_IN(
        "which waits for an event to be set; only eddy_loop_call_soon_threadsafe() may do that",
        output);
}
