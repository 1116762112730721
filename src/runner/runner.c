/*
 * Running a program: a loop for a while, Ctrl-C, and the clean-up (rules 191 to 195).
 */
#include "base/log.h"
#include "base/options.h"
#include "eddy/run.h"

#include "base/exception.h"
#include "base/sys.h"
#include "eddy/contextvars.h"
#include "eddy/error.h"
#include "eddy/task.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "runner/interrupt.h"
#include "task/task.h"

#include <stdio.h>

/* REFUSED: it was given options that are not known. */
enum { CREATED, INITIALISED, CLOSED, REFUSED };

/* Seconds, as in eddy/run.h. */
static const double CLOSE_TIMEOUT = 30;

void(eddy_runner_init)(eddy_runner *r, const eddy_run_options *options, size_t options_size)
{
    *r = (eddy_runner){.eddyi_state = REFUSED};
    EDDYI_OPTIONS(eddy_run_options, options, options_size, /* void */);
    r->eddyi_state = CREATED;
    if (options) {
        r->eddyi_debug = options->debug;
        r->eddyi_no_sigint = options->no_sigint;
        r->eddyi_sigterm = options->sigterm;
        r->eddyi_loop_factory = options->loop_factory;
        r->eddyi_close_timeout = options->close_timeout;
    }
}

static int no_loop(void)
{
    return eddyi_error_latest(EDDY_ENOLOOP);
}

static int initialise(eddy_runner *r)
{
    if (r->eddyi_state == CLOSED)
        return eddy_raise(EDDY_ECLOSED, "the runner is closed");
    if (r->eddyi_state == REFUSED)
        return eddy_raise(-E2BIG, "the runner was given an option that is not known");
    if (r->eddyi_state == INITIALISED)
        return 0;
    r->eddyi_context = eddy_copy_context();
    if (!r->eddyi_context)
        return eddy_raise(-ENOMEM, NULL);
    r->eddyi_loop = r->eddyi_loop_factory ? r->eddyi_loop_factory() : eddy_new_event_loop();
    if (!r->eddyi_loop) {
        eddy_context_unref(r->eddyi_context);
        r->eddyi_context = NULL;
        return no_loop();
    }
    if (!r->eddyi_loop_factory) {
        eddy_set_event_loop(r->eddyi_loop);
        r->eddyi_set_event_loop = true;
    }
    if (r->eddyi_debug)
        eddy_loop_set_debug(r->eddyi_loop, true);
    r->eddyi_state = INITIALISED;
    return 0;
}

eddy_loop *eddy_runner_get_loop(eddy_runner *r)
{
    return initialise(r) < 0 ? NULL : r->eddyi_loop;
}

/* Runs the task until it ends; Ctrl-C cancels it. */
static int run_interruptible(eddy_runner *r, eddy_task *t, void **ret_value)
{
    EDDY_CLEANUP(eddyi_interrupt_end) struct eddyi_interrupt interrupt = {.task = t};
    int rc;

    eddyi_interrupt_begin(&interrupt, t, !r->eddyi_no_sigint, r->eddyi_sigterm);
    rc = eddy_loop_run_until_complete_value(r->eddyi_loop, EDDY_AWAITABLE(eddy_ref(t)), ret_value);
    if (rc == -ECANCELED && interrupt.told && eddy_task_uncancel(t) == 0)
        rc = interrupt.signo == SIGINT ? eddy_raise(-EINTR, "interrupted by Ctrl-C")
                                       : eddy_raise(EDDY_ETERMINATED, NULL);
    return rc;
}

static void unref_task(eddy_task **t)
{
    eddy_unref(*t);
}

int(eddy_runner_run_with)(eddy_runner *r, const eddy_run_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_run_options, options, options_size,
                  (eddy_coroutine_close(options->coro), -E2BIG));
    eddy_task_options task_options = {
        .coro = options->coro, .context = options->context, .stack_size = options->stack_size};
    EDDY_CLEANUP(unref_task) eddy_task *t = NULL;
    int rc;

    if (eddyi_loop_running)
        rc = eddy_raise(EDDY_ERUNNING, "cannot be called from a running event loop");
    else
        rc = initialise(r);
    if (rc < 0) {
        eddy_coroutine_close(options->coro);
        return rc;
    }
    if (!task_options.context)
        task_options.context = r->eddyi_context;
    t = eddy_loop_create_task_with(r->eddyi_loop, &task_options);
    if (!t)
        return no_loop();
    return run_interruptible(r, t, options->ret_value);
}

/* Returns references to all tasks that have not ended, *ret_n of them. NULL when memory is
 * short. */
static eddy_awaitable **remaining_tasks(eddy_loop *loop, size_t *ret_n)
{
    size_t n = 0;
    eddy_awaitable **all;

    EDDYI_LIST_EACH(l, &loop->tasks.all)
        n++;
    all = eddyi_alloc(n * sizeof *all);
    if (!all)
        return NULL;
    *ret_n = 0;
    EDDYI_LIST_EACH(l, &loop->tasks.all)
        all[(*ret_n)++] = EDDY_AWAITABLE(eddy_ref(eddyi_container(l, struct eddy_task, link)));
    return all;
}

static void report_failures(eddy_loop *loop, eddy_awaitable **all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        eddy_future *f = eddyi_future_of(all[i]);
        eddy_exception_context context = {
            .message = "unhandled exception during eddy_run() shutdown",
            .task = eddyi_task_of(f),
            .where = eddyi_task_of(f)->where,
        };

        if (f->state == EDDYI_FINISHED && f->status < 0 &&
            eddy_future_exception(f, &context.exception) == 0)
            eddy_loop_call_exception_handler(loop, &context);
    }
}

/* Cancels the tasks. Tasks that will never end, because they wait for each other in a circle, are
 * left to the loop's close. Returns how many tasks remain. */
static size_t cancel_each(eddy_awaitable **all, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        eddy_future *f = eddyi_future_of(all[i]);

        if (eddyi_future_cancel(f, NULL) < 0) {
            eddyi_report_circle(eddyi_task_of(f));
            eddy_future_unref(f);
        } else {
            all[kept++] =
                /* gather consumes one, the report needs the other */
                EDDY_AWAITABLE(eddy_future_ref(f));
        }
    }
    return kept;
}

/* Cancels all tasks once: a task that is created during the clean-up is not cancelled (rule 193),
 * but ended by the loop's close. */
static void cancel_all_tasks(eddy_loop *loop)
{
    size_t n = 0;
    eddy_awaitable **all = remaining_tasks(loop, &n);
    eddy_future *together;

    n = cancel_each(all, n);
    if (n > 0) {
        together = eddy_gather_list(all, n, true);
        if (together)
            eddy_loop_run_until_complete(loop, together);
        report_failures(loop, all, n);
        for (size_t i = 0; i < n; i++)
            eddy_awaitable_drop(all[i]);
    }
    eddyi_free(all);
}

/* Tells the parts that from here on no wait is without a limit. */
static void tell_parts(eddy_loop *loop, double close_timeout)
{
    loop->patience = eddyi_nanoseconds(close_timeout > 0 ? close_timeout : CLOSE_TIMEOUT);
    EDDYI_LIST_EACH(l, &loop->parts) {
        struct eddyi_loop_part *part = eddyi_container(l, struct eddyi_loop_part, link);

        if (part->kind->run_over)
            part->kind->run_over(part);
    }
}

/* Shuts down the parts that layers keep with the loop, in stages: asynchronous generators,
 * connections, executors (rule 192). */
static void shut_down_parts(eddy_loop *loop)
{
    for (int stage = EDDYI_GENERATORS_END; stage <= EDDYI_EXECUTORS_END; stage++) {
        EDDYI_LIST_EACH(l, &loop->parts) {
            struct eddyi_loop_part *part = eddyi_container(l, struct eddyi_loop_part, link);
            const struct eddyi_part_kind *kind = part->kind;
            eddy_coroutine *coro =
                kind->shutdown && (int)kind->stage == stage ? kind->shutdown(part) : NULL;

            if (coro)
                eddy_loop_run_until_complete(loop, coro);
        }
    }
}

void eddy_runner_close(eddy_runner *r)
{
    struct eddyi_error kept;

    if (r->eddyi_state == CREATED || r->eddyi_state == REFUSED)
        r->eddyi_state = CLOSED;
    if (r->eddyi_state == CLOSED)
        return;
    if (eddyi_loop_running) {
        eddy_raise(EDDY_ERUNNING, "a runner cannot be closed from a running event loop");
        return;
    }
    kept = eddyi_error_put_aside(); /* the caller will ask for the error of the run */
    if (!eddyi_loop_forked(r->eddyi_loop)) {
        tell_parts(r->eddyi_loop, r->eddyi_close_timeout);
        cancel_all_tasks(r->eddyi_loop);
        shut_down_parts(r->eddyi_loop);
    }
    if (r->eddyi_set_event_loop)
        eddy_set_event_loop(NULL);
    eddy_loop_close(r->eddyi_loop);
    eddy_loop_unref(r->eddyi_loop);
    eddy_context_unref(r->eddyi_context);
    r->eddyi_loop = NULL;
    r->eddyi_context = NULL;
    r->eddyi_state = CLOSED;
    eddyi_error_put_back(kept);
}

int(eddy_run_with)(const eddy_run_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_run_options, options, options_size,
                  (eddy_coroutine_close(options->coro), -E2BIG));
    EDDY_CLEANUP(eddy_runner_close) eddy_runner r = {.eddyi_state = CLOSED};
    unsigned process = eddyi_fork_number;
    int rc;

    if (eddyi_loop_running) {
        eddy_coroutine_close(options->coro);
        return eddy_raise(EDDY_ERUNNING, "eddy_run() cannot be called from a running event loop");
    }
    eddy_runner_init(&r, options);
    rc = eddy_runner_run_with(&r, options);
    eddy_runner_close(&r);
    /* A task that was cancelled at the end may have forked as well. */
    return process == eddyi_fork_number || rc == EDDY_EFORKED ? rc : eddy_raise(EDDY_EFORKED, NULL);
}

int eddy_exit_code(int status)
{
    char text[1000];

    if (status >= 0 || status == EDDY_ETERMINATED)
        return 0;
    if (status == -EINTR)
        return 130;
    eddyi_error_format(status, text, sizeof text);
    eddyi_log_as(EDDY_LOG_ERROR, "error", text);
    return 1;
}

int(eddy_main_with)(const eddy_run_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_run_options, options, options_size,
                  (eddy_coroutine_close(options->coro), -E2BIG));
    int rc = eddy_run_with(options);

    return rc == EDDY_ETERMINATED ? options->sigterm_exit : eddy_exit_code(rc);
}
