/*
 * One run of a scenario, from its loop to its verdict.
 */
#include "testkit/trial.h"

#include "base/exception.h"
#include "base/fault.h"
#include "base/sys.h"
#include "base/thread.h"
#include "eddy/error.h"
#include "eddy/run.h"
#include "loop/handle.h"
#include "testkit/kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * A run with a real clock hangs after this many seconds, plus this many times the duration without
 * an accident. A deadlock of the virtual clock is known at once.
 */
static const double PATIENCE = 2, PATIENCE_FACTOR = 20;

/* For the loop factory, which gets no argument. */
static EDDYI_THREAD_LOCAL struct eddyi_trial *running;

void eddyi_trial_wrong(struct eddyi_trial *t, const char *fmt, ...)
{
    va_list args;

    if (t->wrong[0])
        return;
    va_start(args, fmt);
    vsnprintf(t->wrong, sizeof t->wrong, fmt, args);
    va_end(args);
}

static void never_ends(struct eddyi_trial *t)
{
    eddyi_trial_wrong(t, "it never ends: %s", eddy_exception_message(eddy_error()));
}

static void on_patience_over(void *arg)
{
    struct eddyi_trial *t = arg;

    t->all->hung = true;
    eddyi_torture_stop();
    if (t->loop->tasks.hooks)
        t->loop->tasks.hooks->explain_deadlock(t->loop);
    never_ends(t);
    eddy_loop_stop(t->loop);
    eddy_loop_call_later(t->loop, 1, on_patience_over, t); /* the clean-up may hang as well */
}

/*
 * Handles reports to the exception handler. Only these are a mistake in any case; unretrieved
 * failures are not.
 */
static void on_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    struct eddyi_trial *t = arg;
    const char *message = context->message, *name = "";

    if (t->all->verbose)
        eddy_loop_default_exception_handler(loop, context);
    if (t->failing_call)
        return;
    if (strncmp(message, "Task was destroyed", 18) != 0 &&
        strncmp(message, "Task goes on", 12) != 0 &&
        strncmp(message, "coroutine was never", 19) != 0)
        return;
    if (context->coroutine)
        name = eddy_coroutine_name(context->coroutine);
    else if (context->task)
        name = eddy_task_get_name(context->task);
    eddyi_trial_wrong(t, "%s: '%s'%s%s", message, name, context->where ? ", made at " : "",
                      context->where ? context->where : "");
}

void eddyi_trial_tasks_have_ended(struct eddyi_trial *t)
{
    const struct eddyi_heap *timers = &t->loop->schedule.timers;

    if (t->failing_call || !eddyi_list_empty(&t->loop->tasks.all))
        return;
    for (size_t i = 0; i < timers->n; i++) {
        struct eddyi_timer *timer =
            eddyi_container(timers->entries[i].node, struct eddyi_timer, node);

        if (timers->entries[i].node != &timers->gap && timer->ready.run != eddyi_handle_run_later)
            eddyi_trial_wrong(t, "a timer runs on for a task that has ended");
    }
}

static void start_faults(struct eddyi_trial *t)
{
    static struct eddyi_torture torture;

    torture.nth = t->failing_call;
    torture.ever_after = t->and_all_later;
    torture.seed = 1;
    atomic_store(&torture.calls, 0);
    atomic_store(&torture.struck, NULL);
    t->torture = &torture;
    eddyi_torture_start(&torture);
}

static double patience(const struct eddyi_trial *t)
{
    return t->recording ? 60 : PATIENCE + PATIENCE_FACTOR * (double)t->all->duration * 1e-9;
}

static int set_up(struct eddyi_trial *t, eddy_loop *loop)
{
    struct eddyi_kit *kit = eddyi_kit_of(loop);

    if (!kit)
        return -ENOMEM;
    if (t->seed)
        eddy_try(eddy_test_loop_shuffle(loop, t->seed));
    if (t->all->backend != EDDY_BACKEND_VIRTUAL &&
        !eddy_loop_call_later(loop, patience(t), on_patience_over, t).slot)
        return -ENOMEM;
    eddy_loop_set_exception_handler(loop, on_report, t);
    t->loop = loop;
    kit->trial = t;
    return 0;
}

/* Makes the loop. The accidents concern everything from here on. */
static eddy_loop *make_loop(void)
{
    struct eddyi_trial *t = running;
    eddy_loop *loop = eddyi_kit_loop(t->all->backend);

    if (loop && set_up(t, loop) < 0) {
        eddy_loop_unref(loop);
        return NULL;
    }
    if (loop && (t->failing_call || t->count_calls)) {
        start_faults(t);
    } else if (loop) {
        eddyi_trial_wrap_tasks(t, loop);
        eddyi_withhold_results(eddyi_trial_withholds_result, t);
    }
    return loop;
}

static void run(struct eddyi_trial *t)
{
    const eddy_test_scenario *s = t->all->scenario;

    running = t;
    t->status = eddy_run(eddy_coroutine_new(s->name, s->fn, s->arg, NULL),
                         .loop_factory = make_loop, .no_sigint = true);
    running = NULL;
    eddyi_withhold_results(NULL, NULL);
    if (t->status == -EDEADLK)
        never_ends(t);
    else if (t->status < 0 && t->must_succeed)
        eddyi_trial_wrong(t, "it failed with %d: %s", t->status,
                          eddy_exception_message(eddy_error()));
    if (!t->torture)
        return;
    eddyi_torture_stop();
    t->call = atomic_load(&t->torture->struck);
}

static int status_of(const eddy_task *t)
{
    return t->future.status;
}

static void judge_victim(struct eddyi_trial *t)
{
    if (t->victim && t->victim->future.state == EDDYI_FINISHED && status_of(t->victim) >= 0 &&
        t->how != EDDYI_TIMEOUT && !t->all->scenario->survives)
        eddyi_trial_wrong(t, "the task was cancelled, and succeeded all the same with status %d",
                          status_of(t->victim));
}

static void check(struct eddyi_trial *t)
{
    const eddy_test_scenario *s = t->all->scenario;
    eddy_test_trial trial = {.accident = t->what, .status = t->status, .call = t->call};
    char text[600];
    int rc;

    if (t->victim) {
        trial.task = t->victim_name;
        trial.task_status = status_of(t->victim);
    }
    rc = s->check ? s->check(s->arg, &trial) : 0;
    if (rc >= 0)
        return;
    eddyi_error_format(rc, text, sizeof text);
    eddyi_trial_wrong(t, "its check says: %s", text);
}

static void let_go_of_victim(struct eddyi_trial *t)
{
    if (!t->victim)
        return;
    /* dropping this reference reports no failure: that is up to the scenario */
    t->victim->future.unretrieved = false;
    eddy_unref(t->victim);
    t->victim = NULL;
}

void eddyi_trial_run(struct eddyi_trial *t)
{
    const eddy_test_scenario *s = t->all->scenario;
    struct eddyi_belongings before;

    eddyi_belongings_note(&before);
    t->tasks_room = 16;
    t->tasks = eddyi_alloc(t->tasks_room * sizeof t->tasks[0]);
    if (!t->tasks) {
        t->status = eddy_raise(-ENOMEM, NULL);
        eddyi_trial_wrong(t, "the test kit ran out of memory");
        return;
    }
    if (s->begin)
        s->begin(s->arg);
    run(t);
    judge_victim(t);
    check(t);
    let_go_of_victim(t);
    eddyi_free(t->tasks);
    eddyi_belongings_compare(&before, t);
}
