/*
 * The dump of tasks, and the stacks in it.
 */
#include "harness/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[65536];

/* Returns what eddy_dump_tasks() writes. */
static const char *dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC), rc = eddy_dump_tasks(NULL, fd);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    EXPECT_EQ(rc, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

/* The part about one task. */
static const char *part_about(const char *dumped, const char *task)
{
    static char part[8192];
    char begin[100];
    const char *at, *end;

    snprintf(begin, sizeof begin, "\ntask '%s': ", task);
    at = strstr(dumped, begin);
    if (!at)
        return "";
    end = strstr(at, "\n\n");
    snprintf(part, sizeof part, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
    return part;
}

/*
 * Not inlined, with something to do behind the call: each has a frame, and a name that only the
 * symbol table knows.
 */
static __attribute__((noinline)) int innermost_function(eddy_future *f)
{
    volatile int rc = eddy_await(eddy_ref(f));

    return rc;
}

static __attribute__((noinline)) int function_between(eddy_future *f)
{
    volatile int rc = innermost_function(f);

    return rc;
}

static eddy_async(inner, (eddy_future *, f))
{
    volatile int rc = function_between(f);

    return rc;
}

static eddy_async(outer, (eddy_future *, f))
{
    return eddy_await(inner(f));
}

/* Ends what waits for @f, and lets go of it. */
static void finish(eddy_future *f, eddy_task *t)
{
    if (f && !eddy_future_done(f))
        eddy_future_set_result(f, 0);
    (void)eddy_await(t);
    eddy_unref(f);
}

TEST_ASYNC(a_waiting_task_is_described)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = f ? eddy_create_task(outer(f), .name = "waiter") : NULL;

    eddy_sleep(2.5);
    if (t) {
        const char *part = part_about(dump(), "waiter");

        EXPECT_IN("loop 1 (virtual, thread ", text);
        EXPECT_IN(": waiting 2.500 s: a Future\n", part);
        EXPECT_IN("created at " __FILE__ ":", part);
        EXPECT_IN("in outer > inner\n", part);
    }
    finish(f, t);
    return 0;
}

TEST_ASYNC(a_suspended_stack_is_walked_through_static_functions)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = f ? eddy_create_task(outer(f), .name = "waiter") : NULL;

    eddy_sleep(1);
    if (t && !test_tortured()) {
        const char *part = part_about(dump(), "waiter");

        EXPECT_IN("innermost_function+0x", part);
        EXPECT_IN("function_between+0x", strstr(part, "innermost_function"));
        EXPECT_IN("eddyi_fiber_start+0x", part);
    }
    finish(f, t);
    return 0;
}

static eddy_async(dump_itself)
{
    dump();
    return 0;
}

TEST_ASYNC(the_running_task_shows_where_it_is)
{
    eddy_task *t = eddy_create_task(dump_itself(), .name = "itself");

    if (eddy_await(t) == 0 && !test_tortured()) {
        EXPECT_IN(": running\n", part_about(text, "itself"));
        EXPECT_IN("eddy_dump_tasks+0x", part_about(text, "itself"));
        EXPECT_IN("eddyi_fiber_start+0x", part_about(text, "itself"));
    }
    return 0;
}

TEST_ASYNC(new_ready_and_cancelled_tasks_say_so, .ordered = true)
{
    eddy_task *t = eddy_create_task(eddy_sleep_coro(1, 0, NULL), .name = "fresh");

    if (t)
        EXPECT_IN(": ready, not started\n", part_about(dump(), "fresh"));
    eddy_sleep(0);
    if (t)
        eddy_task_cancel(t, NULL);
    if (t)
        EXPECT_IN(": ready, cancel requested 1 time\n", part_about(dump(), "fresh"));
    (void)eddy_await(t);
    return 0;
}

static eddy_lock lock;

static eddy_async(take_lock)
{
    eddy_try(eddy_lock_acquire(&lock));
    return eddy_lock_release(&lock);
}

static eddy_async(hold_lock)
{
    eddy_try(eddy_lock_acquire(&lock));
    (void)eddy_sleep(5);
    return eddy_lock_release(&lock);
}

TEST_ASYNC(a_report_names_the_holder_of_an_awaited_lock, .ordered = true)
{
    eddy_task *holder = eddy_create_task(hold_lock(), .name = "holder");
    eddy_task *taker = eddy_create_task(take_lock(), .name = "taker");

    eddy_sleep(1);
    if (holder && taker)
        EXPECT_IN("a lock held by task 'holder'\n", part_about(dump(), "taker"));
    (void)eddy_await(holder);
    (void)eddy_await(taker);
    return 0;
}

static eddy_async(gather_two, (eddy_future *, f))
{
    return eddy_await(eddy_gather(outer(f), eddy_ref(f)));
}

TEST_ASYNC(a_waiting_task_is_named_also_behind_a_gather)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = f ? eddy_create_task(gather_two(f), .name = "gatherer") : NULL;

    eddy_sleep(1);
    if (t) {
        EXPECT_IN(": waiting 1.000 s: a gather\n", part_about(dump(), "gatherer"));
        if (!test_tortured())
            EXPECT_IN("    awaited by task 'gatherer' (gather)\n", text);
    }
    finish(f, t);
    return 0;
}

static eddy_async_gen(values, (eddy_future *, f))
{
    volatile int rc = innermost_function(f);

    return rc;
}

static __attribute__((noinline)) int ask_generator(eddy_async_generator *g)
{
    volatile int rc = eddy_anext(g, NULL);

    return rc;
}

static eddy_async(iterate, (eddy_future *, f))
{
    eddy_async_generator *g = values(f);
    int rc = ask_generator(g);

    eddy_async_generator_free(g);
    return rc;
}

TEST_ASYNC(the_stack_goes_on_behind_a_generator)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = f ? eddy_create_task(iterate(f), .name = "iterating") : NULL;

    eddy_sleep(1);
    if (t && !test_tortured()) {
        const char *part = part_about(dump(), "iterating");

        EXPECT_IN("innermost_function+0x", part);
        EXPECT_IN("ask_generator+0x", strstr(part, "innermost_function"));
    }
    finish(f, t);
    return 0;
}

/* EDDY_DUMP_SIGNAL, which is read when the process makes its first loop. */

static eddy_async(signal_itself)
{
    raise(SIGUSR2);
    eddy_try(eddy_sleep(0));
    puts("reacted");
    return 0;
}

static void run_with_dump_signal(void *name)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    setenv("EDDY_DUMP_SIGNAL", name, 1);
    test_run_real(signal_itself());
}

TEST_REAL(the_dump_signal_has_a_loop_dump_its_tasks_in_its_next_turn)
{
    char output[20000];
    int status;

    if (test_tortured())
        SKIP("the child is not watched by the test");
    status = test_in_child(run_with_dump_signal, "USR2", output, sizeof output);
    EXPECT(WIFEXITED(status));
    EXPECT_IN("loop 1 (", output);
    EXPECT_IN("task 'Task-1': ready", output);
    EXPECT_IN("reacted", output);

    test_in_child(run_with_dump_signal, "SIGUSR2", output, sizeof output);
    EXPECT_IN("task 'Task-1': ready", output);
}

static void print_in_brackets(eddy_log_level level, const char *line, void *arg)
{
    printf("%d[%s]\n", (int)level, line);
}

static void dump_to_the_log(void *name)
{
    eddy_set_log(print_in_brackets, NULL);
    run_with_dump_signal(name);
}

TEST_REAL(a_dump_at_a_signal_goes_to_the_log_line_by_line)
{
    char output[20000];

    if (test_tortured())
        SKIP("the child is not watched by the test");
    test_in_child(dump_to_the_log, "USR2", output, sizeof output);
    EXPECT_IN("0[loop 1 (", output);
    EXPECT_IN("\n0[task 'Task-1': ready", output);
    EXPECT_IN("reacted", output);
}

static __attribute__((noinline)) void compute_for_long(void)
{
    raise(SIGUSR2);
    puts("nothing yet");
    raise(SIGUSR2);
    puts("enough");
}

static eddy_async(hang)
{
    compute_for_long();
    return 0;
}

static void hang_in_task(void *arg)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    setenv("EDDY_DUMP_SIGNAL", "USR2", 1);
    test_run_real(hang());
}

static void compute_in_callback(void *arg)
{
    compute_for_long();
}

static eddy_async(schedule_callback)
{
    eddy_loop_call_soon(eddy_get_running_loop(), compute_in_callback, NULL);
    return eddy_sleep(0);
}

static void hang_in_callback(void *arg)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    setenv("EDDY_DUMP_SIGNAL", "USR2", 1);
    test_run_real(schedule_callback());
}

/* Returns the part of @p output between the lines @p from and @p to. */
static const char *between(char *output, const char *from, const char *to)
{
    char *begin = strstr(output, from), *end = begin ? strstr(begin, to) : NULL;

    if (!end)
        return "";
    *end = '\0';
    return begin;
}

TEST_REAL(one_that_hangs_dumps_at_the_second_signal, .ordered = true)
{
    char output[20000];
    const char *dumped;

    if (test_tortured())
        SKIP("the child is not watched by the test");
#ifndef __GLIBC__
    SKIP("the signal comes in the C library, which has no tables for backtraces");
#endif
    test_in_child(hang_in_task, NULL, output, sizeof output);
    dumped = between(output, "nothing yet", "enough");
    EXPECT_IN("task 'Task-1': running", dumped);
    EXPECT_IN("compute_for_long+0x", dumped);

    test_in_child(hang_in_callback, NULL, output, sizeof output);
    dumped = between(output, "nothing yet", "enough");
    EXPECT_IN("task 'Task-1': ready", dumped);
    EXPECT_IN("compute_for_long+0x", dumped);
}

static eddy_async(wait_for_ever)
{
    return eddy_sleep(3600);
}

static void *run_other_loop(void *arg)
{
    eddy_loop_run_until_complete((eddy_loop *)arg, wait_for_ever());
    return NULL;
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

static eddy_async(run_two_threads)
{
    eddy_loop *other = test_real_loop();
    pthread_t thread;

    REQUIRE(other && pthread_create(&thread, NULL, run_other_loop, other) == 0);
    while (!eddy_loop_is_running(other))
        eddy_try(eddy_sleep(0));
    raise(SIGUSR2);
    eddy_try(eddy_sleep(0));
    eddy_loop_call_soon_threadsafe(other, stop, other);
    pthread_join(thread, NULL);
    eddy_loop_unref(other);
    return 0;
}

static void dump_two_threads(void *arg)
{
    setenv("EDDY_DUMP_SIGNAL", "USR2", 1);
    test_run_real(run_two_threads());
}

TEST_REAL(loops_in_all_threads_dump)
{
    char output[20000];

    if (test_tortured())
        SKIP("the child is not watched by the test");
    test_in_child(dump_two_threads, NULL, output, sizeof output);
    EXPECT_IN("loop 1 (", output);
    EXPECT_IN("loop 2 (", output);
}

TEST_REAL(a_dump_signal_that_is_none_or_is_taken_is_ignored_with_a_word)
{
    char output[20000];

    signal(SIGUSR2, SIG_IGN);
    test_in_child(run_with_dump_signal, "NONSENSE", output, sizeof output);
    EXPECT_IN("EDDY_DUMP_SIGNAL=NONSENSE is ignored: it can be a number or a name such as USR1",
              output);
    test_in_child(run_with_dump_signal, "USR2", output, sizeof output);
    EXPECT_IN("EDDY_DUMP_SIGNAL=USR2 is ignored: the program uses that signal itself", output);
}

TEST(outside_of_a_loop_there_is_nothing_to_dump)
{
    EXPECT_EQ(eddy_dump_tasks(NULL, STDERR_FILENO), EDDY_ENOLOOP);
}

TEST_ASYNC(a_descriptor_that_cannot_be_written_is_an_error)
{
    EXPECT_EQ(eddy_dump_tasks(NULL, -1), -EBADF);
    return 0;
}
