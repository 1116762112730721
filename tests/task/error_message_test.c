/* A message belongs to the failure that it was raised with, not to a later one of that code. */
#include "harness/test.h"

#include "harness/trace.h"

#include <string.h>
#include <unistd.h>

static eddy_async(load, (const char *, name), (int, rc))
{
    eddy_try(eddy_sleep(0));
    return rc < 0 ? eddy_raise(rc, "%s: not there", name) : rc;
}

static eddy_async(handle_and_fail_anew)
{
    EXPECT_EQ(eddy_await(load("first.conf", -ENOENT)), -ENOENT);
    EXPECT_EQ(eddy_await(load("second.conf", 1)), 1);
    return -ENOENT; /* of some call that raises nothing */
}

static eddy_async(handle_within_and_fail_anew)
{
    EXPECT_EQ(eddy_await(load("first.conf", -ENOENT)), -ENOENT);
    eddy_error_clear();
    return -ENOENT;
}

static const char *message(void)
{
    return eddy_exception_message(eddy_error());
}

TEST_ASYNC(a_message_does_not_go_with_a_later_failure)
{
    EXPECT_EQ(eddy_await(handle_and_fail_anew()), -ENOENT);
    EXPECT_STR(message(), "");
    EXPECT_EQ(eddy_await(eddy_create_task(handle_and_fail_anew())), -ENOENT);
    EXPECT_STR(message(), "");
    return 0;
}

TEST_ASYNC(a_failure_that_was_handled_is_forgotten_by_request)
{
    EXPECT_EQ(eddy_await(handle_within_and_fail_anew()), -ENOENT);
    EXPECT_STR(message(), "");
    EXPECT_EQ(eddy_await(eddy_create_task(handle_within_and_fail_anew())), -ENOENT);
    EXPECT_STR(message(), "");
    return 0;
}

TEST_ASYNC(an_await_that_succeeds_forgets_what_failed_within_it)
{
    EXPECT_EQ(eddy_await(load("x", -EIO)), -EIO);
    EXPECT_STR(message(), "x: not there");
    EXPECT_EQ(eddy_await(load("y", 0)), 0);
    EXPECT(eddy_error() == NULL);
    return 0;
}

static eddy_async(fail_and_clean_up)
{
    int rc = eddy_await(load("x", -EIO));

    eddy_try(eddy_sleep(1)); /* no await of another's outcome */
    return rc;
}

TEST_ASYNC(a_message_survives_calls_that_suspend)
{
    EXPECT_EQ(eddy_await(fail_and_clean_up()), -EIO);
    EXPECT_STR(message(), "x: not there");
    return 0;
}

static eddy_async(fail_and_await_in_the_clean_up)
{
    int rc = eddy_await(load("x", -EIO));
    eddy_exception *e = eddy_exception_ref(eddy_error());

    EXPECT_EQ(eddy_await(load("y", 0)), 0);
    if (e)
        rc = eddy_reraise(e);
    eddy_exception_unref(e);
    return rc;
}

TEST_ASYNC(a_clean_up_that_awaits_can_keep_the_message)
{
    EXPECT_EQ(eddy_await(fail_and_await_in_the_clean_up()), -EIO);
    EXPECT_STR(message(), "x: not there");
    return 0;
}

static eddy_async(fail_in_a_group)
{
    eddy_group tg;
    int rc = eddy_await(load("x", -EIO));

    eddy_error_clear();
    eddy_group_enter(&tg);
    return eddy_group_exit(&tg, rc);
}

TEST_ASYNC(the_members_of_a_group_have_no_stale_message_either)
{
    EXPECT_EQ(eddy_await(fail_in_a_group()), EDDY_EGROUP);
    EXPECT_STR(eddy_exception_message(eddy_exception_member(eddy_error(), 0)), "");
    return 0;
}

static int job(void *arg)
{
    eddy_raise(-EIO, "of the job");
    if (arg)
        eddy_error_clear();
    return -EIO;
}

TEST_ASYNC_REAL(a_job_in_a_thread_has_the_message_of_its_own_failure)
{
    int clear = 1;

    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, job, NULL)), -EIO);
    EXPECT_STR(message(), "of the job");
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, job, &clear)), -EIO);
    EXPECT_STR(message(), "");
    return 0;
}

TEST(calls_outside_of_a_loop_say_what_is_missing)
{
    EXPECT(eddy_create_task(load("x", 0)) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    EXPECT_IN("eddy_run()", message());
    EXPECT_EQ(eddy_sleep(1), EDDY_ENOTASK);
    EXPECT_IN("coroutine", message());
    EXPECT_EQ(eddy_await(load("x", 0)), EDDY_ENOTASK);
    EXPECT_IN("coroutine", message());
    EXPECT(eddy_create_future() == NULL);
    EXPECT_IN("eddy_run()", message());
    eddy_error_clear();
    EXPECT(eddy_error() == NULL);
}

static void print_failures(void *arg)
{
    (void)arg;
    eddy_error_clear();
    eddy_perror("nothing");
    (void)eddy_raise(-ENOENT, "%s", "app.conf");
    eddy_perror("start");
    eddy_perror(NULL);
    (void)eddy_raise(-ENOENT, NULL);
    eddy_perror("");
}

TEST(perror_prints_what_failed_its_message_and_its_meaning)
{
    char output[400];

    EXPECT_EQ(test_in_child(print_failures, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "nothing: no error\n"
                       "start: app.conf (No such file or directory)\n"
                       "app.conf (No such file or directory)\n"
                       "No such file or directory\n");
}
