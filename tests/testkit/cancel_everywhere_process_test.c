/*
 * Cancellation everywhere in the calls on subprocesses, on each real backend: no child is left,
 * neither running nor as a zombie, nothing of its output is lost, and no input is sent twice.
 */
#include "process/programs.h"
#include "testkit/everywhere.h"

#include <sys/wait.h>

/* The loop is closed: each child was waited for, killed first if need be. */
static int no_child_left(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(waitpid(-1, NULL, WNOHANG) < 0);
}

/* One task does it all. */

static int run_true(void)
{
    eddy_process *p;
    int code;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("true"), &p));
    eddy_process_free_at_end(p);
    eddy_try(eddy_process_wait(p, &code));
    return HOLDS(code == 0);
}

static eddy_async(run_to_the_end)
{
    eddy_process *p;
    int code;

    eddy_try(eddy_create_subprocess_shell("read line; exit 3", &p, .std_in = EDDY_PIPE));
    eddy_process_free_at_end(p);
    eddy_try(eddy_writer_write(eddy_process_stdin(p), "go\n", 3));
    eddy_try(eddy_process_wait(p, &code));
    eddy_try(HOLDS(code == 3));
    return run_true();
}

static int run_scenario(void *unused)
{
    return run_alone(run_to_the_end());
}

TEST_VIRTUAL(no_child_is_left_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"run", run_scenario, .check = no_child_left,
                                     .backends = EDDY_TEST_REAL, .task = "run_to_the_end"},
               4);
}

/* Several wait. */

static eddy_async(wait_for_end, (eddy_process *, p))
{
    int code;

    eddy_try(eddy_process_wait(p, &code));
    return HOLDS(code == 3);
}

static int wait_scenario(void *unused)
{
    eddy_process *p;
    eddy_task *tasks[2];

    eddy_try(eddy_create_subprocess_shell("read line; exit 3", &p, .std_in = EDDY_PIPE));
    eddy_process_free_at_end(p);
    for (int i = 0; i < 2; i++)
        tasks[i] = eddy_create_task(wait_for_end(p));
    eddy_try(eddy_sleep(0));
    eddy_writer_close(eddy_process_stdin(p));
    eddy_try(join(tasks, 2));
    return eddy_await(wait_for_end(p));
}

TEST_VIRTUAL(waiters_do_not_disturb_each_other_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"wait", wait_scenario, .check = no_child_left,
                                     .backends = EDDY_TEST_REAL, .task = "wait_for_end"},
               4);
}

/* Communicating goes on where a cancelled one stopped. */

static eddy_async(talk, (eddy_process *, p))
{
    const char *out, *err;
    size_t n_out, n_err;

    eddy_try(eddy_process_communicate(p, "hello", 5, &out, &n_out, &err, &n_err));
    eddy_try(HOLDS(n_out == 5 && strcmp(out, "hello") == 0));
    return HOLDS(n_err == 4 && strcmp(err, "end\n") == 0);
}

static int talk_scenario(void *unused)
{
    eddy_process *p;
    eddy_task *t;

    eddy_try(eddy_create_subprocess_shell("cat; echo end >&2", &p, .std_in = EDDY_PIPE,
                                          .std_out = EDDY_PIPE, .std_err = EDDY_PIPE));
    eddy_process_free_at_end(p);
    t = eddy_create_task(talk(p));
    eddy_try(join(&t, 1));
    return eddy_await(talk(p));
}

TEST_VIRTUAL(nothing_is_lost_wherever_communicate_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"talk twice", talk_scenario, .check = no_child_left,
                                     .backends = EDDY_TEST_REAL, .task = "talk"},
               2);
}
