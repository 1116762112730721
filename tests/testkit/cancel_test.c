/* Cancellation everywhere: what it does to a scenario, what it finds, what it says. */
#include "eddy/test.h"
#include "executor/executor.h"
#include "harness/test.h"
#include "loop/loop.h"

#include <alloca.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[20000];

static void keep_line(const char *line, void *unused)
{
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

/* Runs a scenario and expects so many failures, -1: any number, but some; and this in the
 * report. */
static eddy_test_result find(eddy_test_scenario s, int failures, const char *complaint)
{
    eddy_test_result result = {0};
    int rc;

    if (test_tortured())
        SKIP("one accident at a time");
    s.say = keep_line;
    said[0] = '\0';
    rc = eddy_test_cancel_everywhere(&s, &result);
    if (failures < 0)
        EXPECT(rc > 0);
    else
        EXPECT_EQ(rc, failures);
    EXPECT_EQ(result.failures, rc);
    EXPECT_IN(complaint, said);
    EXPECT_EQ(result.unreached, 0);
    fputs(said, stderr);
    return result;
}

/* The suspensions that are counted. */

static int sleep_twice(void *unused)
{
    eddy_try(eddy_sleep(1));
    return eddy_sleep(0);
}

TEST_VIRTUAL(each_suspension_is_cancelled_at_each_moment_in_each_way)
{
    eddy_test_result r = find((eddy_test_scenario){.name = "sleeps", .fn = sleep_twice}, 0, "");

    /*
     * The first step: cancelled once, twice. The sleep: at three moments in six ways, for nothing
     * comes later. The yield: at two.
     */
    EXPECT_EQ(r.suspensions, 3);
    EXPECT_EQ(r.trials, 2 + 3 * 6 + 2 * 6);
    EXPECT_STR(said, "");
}

static eddy_async(sleep_some, (int, n))
{
    while (n-- > 0)
        eddy_try(eddy_sleep(1));
    return 0;
}

static int two_tasks(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(sleep_some(2), .name = "named"),
                           eddy_create_task(sleep_some(3))};
    int rc = tasks[0] && tasks[1] ? eddy_wait(tasks, 2, EDDY_FOREVER, EDDY_ALL_COMPLETED) : -ENOMEM;

    eddy_unref(tasks[0]);
    eddy_unref(tasks[1]);
    return rc < 0 ? rc : 0;
}

TEST_VIRTUAL(the_tasks_to_cancel_can_be_chosen_by_name_or_coroutine)
{
    eddy_test_scenario s = {.name = "two", .fn = two_tasks};

    EXPECT_EQ(find(s, 0, "").suspensions, 2 + 3 + 4);
    s.task = "named";
    EXPECT_EQ(find(s, 0, "").suspensions, 3);
    s.task = "sleep_some";
    EXPECT_EQ(find(s, 0, "").suspensions, 4);
    s.task = "two";
    EXPECT_EQ(find(s, 0, "").suspensions, 2);
    s.task = NULL;
    s.spare = "two";
    EXPECT_EQ(find(s, 0, "").suspensions, 7);
}

/* The calls of begin() and check(). */

static int begun, checked, with_task, cancelled, timed_out;

static void count_begin(void *arg)
{
    EXPECT(arg == &begun);
    EXPECT_EQ(begun, checked);
    begun++;
}

static int count_check(void *arg, const eddy_test_trial *trial)
{
    EXPECT(arg == &begun);
    checked++;
    EXPECT(!trial->call);
    EXPECT_EQ(trial->task == NULL, trial->accident[0] == '\0');
    if (!trial->task)
        return trial->status == 0 ? 0 : -EINVAL;
    with_task++;
    EXPECT_STR(trial->task, "sleeps");
    EXPECT_EQ(trial->task_status, trial->status);
    cancelled += trial->status == -ECANCELED;
    timed_out += trial->status == -ETIMEDOUT;
    return 0;
}

static int sleeps_with_arg(void *arg)
{
    EXPECT(arg == &begun);
    return sleep_twice(arg);
}

TEST_VIRTUAL(each_run_begins_and_is_checked_with_what_was_done_and_what_came_of_it)
{
    eddy_test_result r = find((eddy_test_scenario){.name = "sleeps",
                                                   .fn = sleeps_with_arg,
                                                   .arg = &begun,
                                                   .begin = count_begin,
                                                   .check = count_check},
                              0, "");

    EXPECT_EQ(begun, (int)r.trials + 2);
    EXPECT_EQ(checked, begun);
    EXPECT_EQ(with_task, (int)r.trials);
    EXPECT_EQ(timed_out, 3 + 2);
    EXPECT_EQ(cancelled, with_task - timed_out);
}

static int refuse(void *unused, const eddy_test_trial *trial)
{
    return strstr(trial->accident, "before-event: cancel-twice")
               ? eddy_raise(-ENOENT, "I do not like it")
               : 0;
}

TEST_VIRTUAL(what_check_refuses_is_reported_with_its_words_and_how_to_see_it_again)
{
    find((eddy_test_scenario){.name = "refused", .fn = sleep_twice, .check = refuse}, 1,
         "refused on virtual, task 0 'refused' at its suspension 1, waiting for sleep, "
         "before-event: "
         "cancel-twice: "
         "its check says: I do not like it (No such file or directory) "
         "[EDDY_TEST_ONLY='refused/virtual/0.1/before-event/cancel-twice']\n");
}

TEST_VIRTUAL(with_the_setting_from_a_report_only_that_run_is_made)
{
    eddy_test_result r;

    setenv("EDDY_TEST_ONLY", "refused/virtual/0.1/before-event/cancel-twice", 1);
    r = find((eddy_test_scenario){.name = "refused", .fn = sleep_twice, .check = refuse}, 1,
             "I do not like it");
    EXPECT_EQ(r.trials, 1);
    r = find((eddy_test_scenario){.name = "another", .fn = sleep_twice, .check = refuse}, 0, "");
    EXPECT_EQ(r.trials, 0);
}

TEST_VIRTUAL(each_run_can_be_announced)
{
    setenv("EDDY_TEST_VERBOSE", "1", 1);
    find((eddy_test_scenario){.name = "sleeps", .fn = sleep_twice}, 0,
         "sleeps/virtual/0.2/after-event/timeout: task 0 'sleeps' at its suspension 2");
}

static void report_by_default(void *unused)
{
    eddy_test_scenario s = {.name = "refused", .fn = sleep_twice, .check = refuse};

    eddy_test_cancel_everywhere(&s, NULL);
}

TEST_VIRTUAL(reports_go_to_standard_error_unless_they_are_taken)
{
    char output[4000];

    test_in_child(report_by_default, NULL, output, sizeof output);
    EXPECT_IN("refused on virtual, task 0", output);
}

/* Mistakes of scenarios, and what is said of them. */

static int swallow(void *unused)
{
    int rc = eddy_sleep(1);

    return rc == -ECANCELED ? 3 : rc;
}

TEST_VIRTUAL(a_task_that_swallows_its_cancellation_is_found_unless_it_may)
{
    eddy_test_scenario s = {.name = "swallow", .fn = swallow};

    find(s, -1, "the task was cancelled, and succeeded all the same with status 3");
    s.survives = true;
    find(s, 0, "");
}

static eddy_lock lock;

static eddy_async(keep_lock_when_cancelled)
{
    eddy_try(eddy_lock_acquire(&lock));
    eddy_try(eddy_sleep(1)); /* goes without releasing it */
    return eddy_lock_release(&lock);
}

static int careless(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(keep_lock_when_cancelled()),
                           eddy_create_task(keep_lock_when_cancelled())};
    int rc = eddy_wait(tasks, 2, EDDY_FOREVER, EDDY_ALL_COMPLETED);

    eddy_unref(tasks[0]);
    eddy_unref(tasks[1]);
    return rc < 0 ? rc : 0;
}

static void free_lock(void *unused)
{
    lock = (eddy_lock){0};
}

TEST_VIRTUAL(a_task_that_waits_for_ever_is_found_with_what_it_waits_for)
{
    find(
        (eddy_test_scenario){
            .name = "careless", .fn = careless, .begin = free_lock, .spare = "careless"},
        -1, "waits for a lock");
    EXPECT_IN("it never ends: ", said);
}

/* Timers of a call that returns, among others, in no order, and so many that the heap would close
 * its gaps and move the rest. */

enum { N_TIMERS = 300 };

static int fired;

static void fire(struct eddyi_ready *unused)
{
    fired++;
}

static void do_nothing(void *unused)
{
}

/* Above the timers there is room for the calls that come after that one. */
struct left_behind {
    struct eddyi_timer timers[N_TIMERS];
    char room[8192];
};

static int leave_timers_running(void *unused)
{
    struct eddyi_timer *timers = ((struct left_behind *)alloca(sizeof(struct left_behind)))->timers;
    eddy_loop *loop = eddy_get_running_loop();
    int rc = eddy_sleep(1);

    for (int i = 0; rc < 0 && i < N_TIMERS; i++) {
        double when = 100 + i * 7919 % N_TIMERS;

        timers[i].node.place = 0;
        eddyi_ready_init(&timers[i].ready, fire);
        EXPECT_EQ(eddyi_timer_start(loop, &timers[i], eddyi_nanoseconds(when)), 0);
        if (i % 2 == 0)
            eddy_loop_call_at(loop, when + 50, do_nothing, NULL);
    }
    return rc;
}

static int outlive_timers(void *unused)
{
    eddy_task *careless =
        eddy_create_task(eddy_coro(leave_timers_running, NULL), .name = "careless");

    eddy_wait(&careless, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED);
    eddy_unref(careless);
    return eddy_sleep(1000);
}

TEST_VIRTUAL(timers_that_run_on_are_found_and_none_of_them_fires)
{
    find((eddy_test_scenario){.name = "timers", .fn = outlive_timers, .task = "careless"}, -1,
         "a timer runs on for a call that has returned");
    EXPECT_EQ(fired, 0);
}

static int forget_coroutine(void *unused)
{
    eddy_coroutine *later = sleep_some(1);

    eddy_try(eddy_sleep(1));
    return eddy_await(later);
}

TEST_VIRTUAL(a_coroutine_that_is_never_awaited_is_found)
{
    find((eddy_test_scenario){.name = "forget", .fn = forget_coroutine}, -1,
         "coroutine was never awaited: 'sleep_some'");
}

static int forget_descriptor(void *unused)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    eddy_try(eddy_sleep(1));
    close(fd);
    return 0;
}

TEST_VIRTUAL(a_descriptor_that_is_left_open_is_found_and_blamed_on_one_run_only)
{
    /* Cancelled in the sleep, at three moments in six ways; not at the first step. */
    find((eddy_test_scenario){.name = "leave open", .fn = forget_descriptor}, 3 * 6,
         "open: /dev/null");
}

static int close_too_much(void *unused)
{
    int rc = eddy_sleep(1);

    if (rc < 0)
        close(STDIN_FILENO);
    return rc;
}

TEST_VIRTUAL(a_foreign_descriptor_that_is_closed_is_found)
{
    find((eddy_test_scenario){.name = "close", .fn = close_too_much}, 1,
         "it closed descriptor 0, which was open before");
    EXPECT_EQ(open("/dev/null", O_RDONLY), 0);
}

static int forget_future(void *unused)
{
    eddy_future *f = eddy_create_future();

    eddy_try(eddy_sleep(1));
    eddy_try(eddy_sleep(1));
    eddy_unref(f);
    return 0;
}

/* Runs in a process of its own, because the lost memory cannot be recovered. */
static void run_forgetful(void *unused)
{
    eddy_test_scenario s = {.name = "forget future", .fn = forget_future};

    printf("%d\n", eddy_test_cancel_everywhere(&s, NULL));
}

TEST_VIRTUAL(memory_that_is_forgotten_is_found)
{
    char output[20000];

    test_in_child(run_forgetful, NULL, output, sizeof output);
    EXPECT_IN("allocation(s) of the library [EDDY_TEST_ONLY='forget "
              "future/virtual/0.1/suspended/cancel']",
              output);
    EXPECT_IN("there are more failures than that", output);
    EXPECT_IN("36\n", output);
}

static int spin(void *unused)
{
    int rc = eddy_sleep(1);

    while (rc < 0)
        eddy_sleep(0);
    return 0;
}

static void run_spinning(void *unused)
{
    eddy_test_scenario s = {.name = "spin", .fn = spin};

    printf("%d\n", eddy_test_cancel_everywhere(&s, NULL));
}

TEST_VIRTUAL(a_run_without_end_is_stopped)
{
    char output[20000];

    test_in_child(run_spinning, NULL, output, sizeof output);
    EXPECT_IN("it does not come to an end", output);
    EXPECT_IN("18\n", output);
}

/* Scenarios that cannot be run. */

static int fail(void *unused)
{
    return eddy_raise(-ENOENT, "nothing there");
}

TEST_VIRTUAL(a_scenario_that_fails_by_itself_is_not_tried)
{
    eddy_test_scenario s = {.name = "fails", .fn = fail, .say = keep_line};

    EXPECT_EQ(eddy_test_cancel_everywhere(&s, NULL), -ENOENT);
    EXPECT_IN("fails on virtual: fails without an accident: ", said);
    EXPECT_EQ(eddy_test_fail_everywhere(&s, NULL), -ENOENT);
    EXPECT_EQ(eddy_test_shuffle(&s, 1, 5, NULL), -ENOENT);
}

static int wait_for_nothing(void *unused)
{
    return eddy_await(eddy_create_future());
}

TEST_VIRTUAL(a_scenario_that_never_ends_by_itself_is_not_tried)
{
    eddy_test_scenario s = {.name = "stuck", .fn = wait_for_nothing, .say = keep_line};

    EXPECT_EQ(eddy_test_cancel_everywhere(&s, NULL), -EDEADLK);
    EXPECT_IN("it never ends: deadlock: ", said);
}

TEST_ASYNC(scenarios_are_not_run_from_within_a_loop)
{
    eddy_test_scenario s = {.name = "sleeps", .fn = sleep_twice};

    EXPECT_EQ(eddy_test_cancel_everywhere(&s, NULL), EDDY_ERUNNING);
    EXPECT_EQ(eddy_test_fail_everywhere(&s, NULL), EDDY_ERUNNING);
    EXPECT_EQ(eddy_test_shuffle(&s, 1, 1, NULL), EDDY_ERUNNING);
    return 0;
}

TEST_VIRTUAL(backends_that_the_kernel_refuses_are_left_out)
{
    eddy_test_scenario s = {.name = "sleeps",
                            .fn = sleep_twice,
                            .backends = EDDY_TEST_VIRTUAL | EDDY_TEST_IO_URING,
                            .say = keep_line};
    eddy_test_result r;

    eddy_test_fail_call("io_uring_setup", 0, ENOSYS);
    EXPECT_EQ(eddy_test_cancel_everywhere(&s, &r), 0);
    EXPECT_EQ(r.suspensions, 3);
    s.backends = EDDY_TEST_IO_URING;
    EXPECT_EQ(eddy_test_cancel_everywhere(&s, &r), -ENOSYS);
    eddy_test_fail_nothing();
}

static int take_a_moment(void *arg)
{
    usleep(5000);
    return 0;
}

static int give_up_a_thread(void *unused)
{
    eddy_executor *pool = eddy_thread_pool_new(1);

    if (!pool)
        return -ENOMEM;
    eddy_concurrent_future_unref(eddy_executor_submit(pool, take_a_moment, NULL));
    eddyi_executor_abandon(pool);
    return eddy_sleep(0);
}

TEST_VIRTUAL(a_thread_that_was_given_up_is_no_leftover_once_it_has_ended)
{
    find((eddy_test_scenario){.name = "gives up", .fn = give_up_a_thread}, 0, "");
}
