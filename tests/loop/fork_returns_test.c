/*
 * A child of fork() that returns to the loop of its parent, from a task or from whatever the loop
 * calls: its run is over, and the parent goes on as if nothing had been.
 */
#include "loop/forks.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

static eddy_async(forks_and_returns)
{
    fork_here(NULL);
    return 0;
}

static eddy_async(beside_others, (eddy_coroutine *, coro))
{
    eddy_task *t = eddy_create_task(ticks()), *forking = eddy_create_task(coro);

    REQUIRE(t && forking);
    eddy_loop_call_later(eddy_get_running_loop(), 0.002, only_in_parent, NULL);
    eddy_await(forking);
    return eddy_await(t);
}

TEST_REAL(a_child_that_returns_from_a_task_ends_the_run_and_other_tasks_do_not_go_on_in_it)
{
    forks_init();
    run_twice(beside_others(forks_and_returns()));
}

TEST_REAL(a_child_that_returns_from_the_main_task_does_not_end_it_as_if_nothing_had_been)
{
    forks_init();
    run_twice(forks_and_returns());
}

static eddy_async(tries_to_await)
{
    fork_here(NULL);
    if (!is_child())
        return 0;
    if (eddy_sleep(0) != EDDY_EFORKED || eddy_get_running_loop())
        _exit(2);
    return EDDY_EUSER;
}

TEST_REAL(a_child_in_a_task_has_no_loop_and_its_result_does_not_count)
{
    forks_init();
    run_twice(beside_others(tries_to_await()));
}

static eddy_async(runs_a_loop_of_its_own)
{
    fork_here(NULL);
    if (is_child() && eddy_run(eddy_sleep_coro(0.001, 5, NULL)) != 5)
        _exit(2);
    return 0;
}

TEST_REAL(a_child_may_run_a_loop_of_its_own_before_it_returns_and_after)
{
    int rc;

    forks_init();
    rc = test_run_real(beside_others(runs_a_loop_of_its_own()));
    if (is_child() && test_run_real(eddy_sleep_coro(0.001, 6, NULL)) != 6)
        _exit(3);
    end_child(rc);
    EXPECT_EQ(rc, 0);
    expect_child_right();
}

/* A callback of the loop. */

typedef void arrange_fn(eddy_loop *loop);

static eddy_async(after_callback, (arrange_fn *, arrange))
{
    eddy_task *t = eddy_create_task(ticks());

    REQUIRE(t);
    arrange(eddy_get_running_loop());
    return eddy_await(t);
}

static void call_soon(eddy_loop *loop)
{
    eddy_loop_call_soon(loop, fork_here, NULL);
    eddy_loop_call_soon(loop, only_in_parent, NULL);
}

TEST_REAL(a_child_that_returns_from_a_callback_ends_the_run)
{
    forks_init();
    run_twice(after_callback(call_soon));
}

static void call_later(eddy_loop *loop)
{
    eddy_loop_call_later(loop, 0.001, fork_here, NULL);
    eddy_loop_call_later(loop, 0.001, only_in_parent, NULL);
}

TEST_REAL(a_child_that_returns_from_a_timer_ends_the_run)
{
    forks_init();
    run_twice(after_callback(call_later));
}

static void fork_when_done(eddy_future *f, void *arg)
{
    fork_here(arg);
}

static void done_callback(eddy_loop *loop)
{
    eddy_future *f = eddy_loop_create_future(loop);

    REQUIRE(f);
    eddy_future_add_done_callback(f, fork_when_done, NULL);
    eddy_future_set_result(f, 0);
    eddy_unref(f);
}

TEST_REAL(a_child_that_returns_from_a_done_callback_ends_the_run)
{
    forks_init();
    run_twice(after_callback(done_callback));
}

static int ends[2];

static void fork_on_readiness(void *arg)
{
    eddy_loop_remove_reader(eddy_get_running_loop(), ends[0]);
    fork_here(arg);
}

static void readiness(eddy_loop *loop)
{
    EXPECT_EQ(eddy_loop_add_reader(loop, ends[0], fork_on_readiness, NULL), 0);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
}

TEST_REAL(a_child_that_returns_from_a_readiness_callback_ends_the_run)
{
    forks_init();
    REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    run_twice(after_callback(readiness));
    close(ends[0]);
    close(ends[1]);
}

static void signal_handler(eddy_loop *loop)
{
    REQUIRE(eddy_loop_add_signal_handler(loop, SIGUSR1, fork_here, NULL) == 0);
    raise(SIGUSR1);
}

TEST_REAL(a_child_that_returns_from_a_callback_for_a_signal_ends_the_run)
{
    forks_init();
    run_twice(after_callback(signal_handler));
}

static void fork_on_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    fork_here(arg);
}

static void exception_handler(eddy_loop *loop)
{
    eddy_loop_set_exception_handler(loop, fork_on_report, NULL);
    eddy_loop_call_exception_handler(loop, &(eddy_exception_context){.message = "fork"});
    eddy_loop_set_exception_handler(loop, NULL, NULL);
}

TEST_REAL(a_child_that_returns_from_the_exception_handler_ends_the_run)
{
    forks_init();
    run_twice(after_callback(exception_handler));
}

/* The loop sleeps in the kernel: nothing but the handler of the program itself can fork then. */
static void fork_in_handler(int signo)
{
    fork_here(NULL);
}

static eddy_async(is_interrupted_by_a_fork)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

    signal(SIGUSR1, fork_in_handler);
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    timer_settime(timer, 0, &(struct itimerspec){.it_value.tv_nsec = 10000000}, NULL);
    while (!forks.child)
        eddy_try(eddy_sleep(0.05));
    timer_delete(timer);
    return eddy_await(ticks());
}

TEST_REAL(a_child_forked_by_a_signal_handler_while_the_loop_sleeps_ends_the_run)
{
    forks_init();
    run_twice(is_interrupted_by_a_fork());
}

/* Others that are in the middle of something when a task forks. */

static eddy_async(starts_eagerly)
{
    eddy_task *t = eddy_create_task(forks_and_returns(), .eager_start = true);

    REQUIRE(t);
    if (is_child() && eddy_await(t) != EDDY_EFORKED)
        _exit(2);
    return is_child() ? 0 : eddy_await(t);
}

TEST_REAL(a_child_that_returns_from_a_task_started_eagerly_goes_on_in_the_task_that_started_it)
{
    forks_init();
    run_twice(beside_others(starts_eagerly()));
}

static int fork_in_context(void *arg)
{
    fork_here(arg);
    return 3;
}

static eddy_async(runs_in_a_context)
{
    eddy_context *context = eddy_copy_context();
    int rc;

    REQUIRE(context);
    rc = eddy_context_run(context, fork_in_context, NULL);
    eddy_context_unref(context);
    return rc == 3 ? 0 : rc;
}

TEST_REAL(a_child_returns_from_a_context_and_awaited_coroutines_as_from_a_call)
{
    forks_init();
    run_twice(beside_others(runs_in_a_context()));
}

static eddy_async(holds_everything)
{
    eddy_lock lock = {0};
    eddy_timeout tm;
    eddy_group tg;

    eddy_try(eddy_lock_acquire(&lock));
    eddy_timeout_enter(&tm, 5);
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, ticks());
    fork_here(NULL);
    if (is_child() && eddy_group_exit(&tg, 0) != EDDY_EFORKED)
        _exit(2);
    if (is_child() && eddy_timeout_exit(&tm, 0) != EDDY_EFORKED)
        _exit(3);
    if (is_child())
        return EDDY_EUSER; /* out of all of them */
    eddy_try(eddy_group_exit(&tg, 0));
    eddy_lock_release(&lock);
    return eddy_timeout_exit(&tm, 0);
}

TEST_REAL(a_child_leaves_groups_and_timeouts_without_waiting)
{
    forks_init();
    run_twice(beside_others(holds_everything()));
}

/* Ends of runs. */

static eddy_async(forks_when_cancelled)
{
    eddy_sleep(EDDY_FOREVER);
    fork_here(NULL);
    return 0;
}

static eddy_async(leaves_tasks)
{
    eddy_task *t = eddy_create_task(forks_when_cancelled()), *other = eddy_create_task(ticks());

    eddy_try(eddy_sleep(0));
    eddy_unref(t);
    return eddy_await(other);
}

TEST_REAL(a_child_forked_while_eddy_run_cancels_what_is_left_is_told_as_well)
{
    forks_init();
    run_twice(leaves_tasks());
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

TEST_REAL(a_child_forked_while_a_loop_is_closed_does_not_close_the_rest_of_it)
{
    eddy_loop *loop;
    int rc;

    forks_init();
    loop = test_real_loop();
    REQUIRE(loop);
    eddy_loop_set_exception_handler(loop, ignore, NULL);
    eddy_unref(eddy_loop_create_task(loop, forks_when_cancelled()));
    eddy_unref(eddy_loop_create_task(loop, ticks()));
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL)), 0);
    rc = eddy_loop_close(loop);
    end_child(rc);
    EXPECT_EQ(rc, 0);
    expect_child_right();
    eddy_loop_unref(loop);
}

static eddy_async(becomes_a_daemon, (int, fd))
{
    char byte = 0;

    eddy_try(eddy_sleep(0.001));
    if (daemon(1, 1) == 0)
        byte = eddy_sleep(0.001) == EDDY_EFORKED ? 'y' : 'n';
    return write(fd, &byte, 1) == 1 ? 0 : -EIO;
}

static void run_daemon(void *arg)
{
    int fd = *(int *)arg, rc = test_run_real(becomes_a_daemon(fd));
    char byte = rc == EDDY_EFORKED ? 'y' : 'n';

    _exit(write(fd, &byte, 1) == 1 ? 0 : 1);
}

TEST_REAL(daemon_in_a_task_ends_the_run_in_the_daemon)
{
    char output[200], told[3] = "";

    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    EXPECT_EQ(test_in_child(run_daemon, &ends[1], output, sizeof output), 0);
    close(ends[1]);
    EXPECT_EQ(read(ends[0], told, 1), 1);
    EXPECT_EQ(read(ends[0], told + 1, 1), 1);
    EXPECT_STR(told, "yy");
    close(ends[0]);
}
