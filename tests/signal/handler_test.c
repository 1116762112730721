/*
 * Callbacks for signals: what asyncio's add_signal_handler promises (rule 190).
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char trace[400];

static void note(void *arg)
{
    strcat(trace, arg);
    strcat(trace, " ");
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void note_soon(void *arg)
{
    eddy_loop_call_soon(eddy_get_running_loop(), note, arg);
}

/* Returns the current disposition of signal @p signo. */
static void (*disposition(int signo))(int)
{
    struct sigaction now;

    sigaction(signo, NULL, &now);
    return now.sa_handler;
}

/*
 * A signal is noticed in the next turn, its callback called in the one after that, behind the tasks
 * that are due.
 */
static int settle(void)
{
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

static eddy_async(come_as_ordinary_callbacks)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR1, note, "1"));
    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR2, note, "2"));
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR1);
    eddy_loop_call_soon(loop, note, "soon");
    eddy_loop_call_soon(loop, note_soon, "soon2");
    for (int i = 0; i < 4; i++) {
        eddy_try(eddy_sleep(0));
        note((char *[]){"t1", "t2", "t3", "t4"}[i]);
    }
    return 0;
}

/* The very trace of the same program in Python. */
TEST_REAL(each_signal_is_delivered_once_and_in_order_among_the_other_callbacks, .ordered = true)
{
    EXPECT_EQ(test_run_real(come_as_ordinary_callbacks()), 0);
    EXPECT_STR(trace, "soon t1 soon2 t2 1 2 1 1 t3 t4 ");
}

TEST_VIRTUAL(signals_come_under_the_virtual_clock_as_well, .ordered = true)
{
    EXPECT_EQ(test_run(come_as_ordinary_callbacks()), 0);
    EXPECT_STR(trace, "soon t1 soon2 t2 1 2 1 1 t3 t4 ");
}

static void note_and_remove(void *arg)
{
    note(arg);
    note(eddy_loop_remove_signal_handler(eddy_get_running_loop(), SIGUSR1) ? "removed" : "none");
}

TEST_ASYNC_REAL(a_call_that_is_due_comes_although_the_handler_is_removed)
{
    eddy_try(
        eddy_loop_add_signal_handler(eddy_get_running_loop(), SIGUSR1, note_and_remove, "call"));
    raise(SIGUSR1);
    raise(SIGUSR1);
    eddy_try(settle());
    EXPECT_STR(trace, "call removed call none ");
    return 0;
}

TEST_ASYNC_REAL(what_was_not_noticed_before_a_removal_is_gone)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR1, note, "call"));
    raise(SIGUSR1);
    EXPECT(eddy_loop_remove_signal_handler(loop, SIGUSR1));
    eddy_try(settle());
    EXPECT_STR(trace, "");
    return 0;
}

TEST_ASYNC_REAL(a_second_handler_replaces_the_first)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR1, note, "old"));
    raise(SIGUSR1);
    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR1, note, "new"));
    eddy_try(settle());
    EXPECT_STR(trace, "new ");
    return 0;
}

static eddy_contextvar variable = EDDY_CONTEXTVAR("variable", "default");

static void note_variable(void *arg)
{
    note(eddy_contextvar_get(&variable));
    eddy_contextvar_set(&variable, arg, NULL);
}

TEST_ASYNC_REAL(a_handler_runs_in_the_context_in_which_it_was_added)
{
    eddy_try(eddy_contextvar_set(&variable, "at-add", NULL));
    eddy_try(eddy_loop_add_signal_handler(eddy_get_running_loop(), SIGUSR1, note_variable,
                                          "in-handler"));
    eddy_try(eddy_contextvar_set(&variable, "later", NULL));
    raise(SIGUSR1);
    raise(SIGUSR1);
    eddy_try(settle());
    EXPECT_STR(trace, "at-add in-handler ");
    EXPECT_STR(eddy_contextvar_get(&variable), "later");
    return 0;
}

TEST_ASYNC_REAL(signals_that_cannot_be_handled_are_refused)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                                  0,       -1,      65,      1000,   32};
    eddy_loop *loop = eddy_get_running_loop();
    char text[200];

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        EXPECT_EQ(eddy_loop_add_signal_handler(loop, refused[i], note, ""), -EINVAL);
        EXPECT(!eddy_loop_remove_signal_handler(loop, refused[i]));
    }
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGKILL, note, ""), -EINVAL);
    eddy_exception_format(eddy_error(), text, sizeof text);
    EXPECT_IN("signal 9 cannot be caught", text);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGUSR1, NULL, ""), -EINVAL);
    EXPECT(!eddy_loop_remove_signal_handler(loop, SIGHUP));
    return 0;
}

static void *add_in_thread(void *arg)
{
    static int rc;

    rc = eddy_loop_add_signal_handler(arg, SIGUSR1, note, "");
    EXPECT_IN("main thread", eddy_exception_message(eddy_error()));
    return &rc;
}

TEST_REAL(only_the_main_thread_may_add_handlers)
{
    eddy_loop *loop = test_real_loop();
    pthread_t thread;
    void *rc;

    REQUIRE(loop != NULL);
    REQUIRE(pthread_create(&thread, NULL, add_in_thread, loop) == 0);
    pthread_join(thread, &rc);
    EXPECT_EQ(*(int *)rc, EDDY_ETHREAD);
    eddy_loop_unref(loop);
}

static void handle_nothing(int signo)
{
}

TEST_REAL(what_was_there_before_comes_back_with_the_removal)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    signal(SIGUSR1, handle_nothing);
    signal(SIGUSR2, SIG_IGN);
    if (EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGUSR1, note, ""), 0))
        EXPECT(disposition(SIGUSR1) != handle_nothing);
    eddy_loop_remove_signal_handler(loop, SIGUSR1);
    EXPECT(disposition(SIGUSR1) == handle_nothing);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGUSR2, note, ""), 0);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGHUP, note, ""), 0);
    eddy_loop_close(loop);
    EXPECT(disposition(SIGUSR2) == SIG_IGN);
    EXPECT(disposition(SIGHUP) == SIG_DFL);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGHUP, note, ""), EDDY_ECLOSED);
    eddy_loop_unref(loop);
}

TEST_REAL(a_handler_that_took_the_signal_meanwhile_keeps_it)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGUSR1, note, ""), 0);
    signal(SIGUSR1, handle_nothing);
    eddy_loop_remove_signal_handler(loop, SIGUSR1);
    EXPECT(disposition(SIGUSR1) == handle_nothing);
    eddy_loop_unref(loop);
}

/* Runs as many iterations of the loop as a signal takes to reach its callback, and one more. */
static void run_some_turns(eddy_loop *loop)
{
    for (int i = 0; i < 3; i++) {
        eddy_loop_stop(loop);
        eddy_loop_run_forever(loop);
    }
}

TEST_REAL(of_two_loops_the_latest_has_the_signal_until_it_gives_it_up)
{
    eddy_loop *first = test_real_loop(), *second = test_real_loop();
    int calls[2] = {0, 0};

    REQUIRE(first && second);
    REQUIRE(eddy_loop_add_signal_handler(first, SIGUSR1, count, &calls[0]) == 0);
    REQUIRE(eddy_loop_add_signal_handler(second, SIGUSR1, count, &calls[1]) == 0);
    raise(SIGUSR1);
    run_some_turns(second);
    EXPECT_EQ(calls[1], 1);
    eddy_loop_unref(second);

    raise(SIGUSR1);
    run_some_turns(first);
    EXPECT_EQ(calls[0], 1);
    eddy_loop_unref(first);
}

struct sender {
    pthread_t target;
    int total;
    atomic_int calls;
    atomic_bool over; /* the loop has ended, for whatever reason */
};

static void stop_after_total(void *arg)
{
    struct sender *s = arg;

    if (atomic_fetch_add(&s->calls, 1) + 1 == s->total)
        eddy_loop_stop(eddy_get_running_loop());
}

/* Each waits until the last has been heard, so that most find the loop asleep. */
static void *send_slowly(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < s->total && !s->over; i++) {
        kill(getpid(), SIGUSR1);
        while (atomic_load(&s->calls) <= i && !s->over)
            sched_yield();
    }
    return NULL;
}

static void run_with_sender(eddy_loop *loop, struct sender *s, void *(*send)(void *arg))
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, send, s) == 0);
    eddy_loop_run_forever(loop);
    s->over = true;
    pthread_join(thread, NULL);
    EXPECT_EQ(s->calls, s->total);
}

TEST_REAL(a_signal_from_a_thread_wakes_the_loop_out_of_the_kernel)
{
#if defined(__SANITIZE_THREAD__)
    SKIP("ThreadSanitizer holds back a signal that comes right before a system call which it does "
         "not know");
#endif
    static struct sender sender = {.total = 100};
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    REQUIRE(eddy_loop_add_signal_handler(loop, SIGUSR1, stop_after_total, &sender) == 0);
    run_with_sender(loop, &sender, send_slowly);
    eddy_loop_unref(loop);
}

/* The kernel's queue of signals becomes slow when it is long; so only some are on their way at a
 * time. */
enum { ON_THEIR_WAY = 1000 };

static void *send_storm(void *arg)
{
    struct sender *s = arg;
    sigset_t all;

    sigfillset(&all); /* they are for the loop's thread */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < s->total && !s->over; i++) {
        /* Signals in real time are queued, not merged. */
        while (!s->over &&
               (i - atomic_load(&s->calls) > ON_THEIR_WAY ||
                sigqueue(getpid(), SIGRTMIN + i % 3, (union sigval){.sival_int = i}) != 0))
            sched_yield();
    }
    return NULL;
}

TEST_REAL(of_a_hundred_thousand_signals_from_a_thread_none_is_lost)
{
    static struct sender sender = {.total = 100000};
    eddy_loop *loop = test_real_loop();

#if defined(__SANITIZE_THREAD__)
    SKIP("ThreadSanitizer keeps only one signal of a number until it lets the handler run");
#endif
    if (test_tortured())
        sender.total = 100;
    REQUIRE(loop != NULL);
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_loop_add_signal_handler(loop, SIGRTMIN + i, stop_after_total, &sender) == 0);
    run_with_sender(loop, &sender, send_storm);
    eddy_loop_unref(loop);
}

TEST_ASYNC_REAL(thousands_that_come_while_the_loop_is_busy_are_all_delivered)
{
    eddy_loop *loop = eddy_get_running_loop();
    int calls[2] = {0, 0};

    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR1, count, &calls[0]));
    eddy_try(eddy_loop_add_signal_handler(loop, SIGUSR2, count, &calls[1]));
    for (int i = 0; i < 3000; i++)
        raise(i % 3 ? SIGUSR1 : SIGUSR2);
    eddy_try(settle());
    EXPECT_EQ(calls[0], 2000);
    EXPECT_EQ(calls[1], 1000);
    eddy_loop_remove_signal_handler(loop, SIGUSR1);
    eddy_loop_remove_signal_handler(loop, SIGUSR2);
    return 0;
}

/* A child process does not inherit the handlers of its parent. */
static void die_of_sigusr1(void *arg)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("%s\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1 ? "died of it" : "survived");
}

TEST_ASYNC_REAL(a_forked_child_has_the_dispositions_from_before)
{
    char output[100];
    int calls = 0;

    eddy_try(eddy_loop_add_signal_handler(eddy_get_running_loop(), SIGUSR1, count, &calls));
    test_in_child(die_of_sigusr1, NULL, output, sizeof output);
    EXPECT_IN("died of it", output);
    eddy_try(settle());
    EXPECT_EQ(calls, 0);
    return 0;
}
