/*
 * Jobs on executors, and the loop's futures that end with them: run_in_executor, submit, to_thread.
 */
#include "base/options.h"
#include "executor/default.h"
#include "executor/executor.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

/*
 * Submits a new job, and consumes the caller's reference to it. The future, which gets that
 * reference, is made first: nothing may fail once the job is submitted.
 */
static eddy_future *run_job(eddy_loop *loop, eddy_executor *e, struct eddyi_job *job)
{
    eddy_future *f;

    if (!e)
        e = eddyi_default_executor(loop);
    job->cf.private = true;
    /* No other code knows the job yet. One reference is the executor's. */
    atomic_store_explicit(&job->cf.refs, 2, memory_order_relaxed);
    f = e ? eddyi_wrap_private(loop, &job->cf, &job->wrapper) : NULL;
    if (f && eddyi_executor_submit(e, job) == 0)
        return f;
    if (f)
        eddyi_future_cancel(f, NULL);
    else if (!e)
        eddyi_job_unref(job); /* no wrapper has taken it */
    eddy_future_unref(f);
    eddyi_job_unref(job);
    return NULL;
}

eddy_future *(eddy_loop_run_in_executor_with)(eddy_loop *loop, eddy_executor *e,
                                              const eddy_job *description, size_t options_size)
{
    EDDYI_OPTIONS(eddy_job, description, options_size, NULL);
    struct eddyi_job *job = eddyi_job_new(description);

    loop = loop ? loop : eddyi_loop_running;
    if (!job)
        return NULL;
    if (eddyi_loop_check(loop) < 0) {
        eddyi_job_unref(job);
        return NULL;
    }
    return run_job(loop, e, job);
}

eddy_concurrent_future *(eddy_executor_submit_with)(eddy_executor *e, const eddy_job *description,
                                                    size_t options_size)
{
    EDDYI_OPTIONS(eddy_job, description, options_size, NULL);
    struct eddyi_job *job = eddyi_job_new(description);

    if (!job)
        return NULL;
    eddy_concurrent_future_ref(&job->cf);
    if (eddyi_executor_submit(e, job) < 0) {
        eddyi_job_unref(job);
        eddyi_job_unref(job);
        return NULL;
    }
    return &job->cf;
}

/* The body of to_thread. Until here the coroutine owns the job. */
static int run_in_thread(void *arg)
{
    struct eddyi_job *job = arg;
    eddy_task *t = eddyi_task_current();
    void *value = NULL;
    eddy_future *f;
    int rc;

    if (!t) {
        eddyi_job_unref(job);
        return eddyi_raise_no_task();
    }
    eddyi_vars_init(&job->vars, NULL);
    f = run_job(t->future.loop, NULL, job);
    if (!f)
        return eddy_exception_code(eddy_error());
    rc = eddy_await_value(f, &value);
    if (rc >= 0)
        eddy_return(value);
    return rc;
}

static void drop_job(void *arg)
{
    eddyi_job_unref(arg);
}

eddy_coroutine *(eddy_to_thread_with)(const eddy_job *description, const char *where,
                                      size_t options_size)
{
    EDDYI_OPTIONS(eddy_job, description, options_size, NULL);
    struct eddyi_job *job = eddyi_job_new(description);
    eddy_coroutine *coro;

    if (!job)
        return NULL;
    coro = eddy_coroutine_new(job->name ? job->name : "to_thread", run_in_thread, job, where);
    if (coro)
        coro->drop = drop_job;
    else
        eddyi_job_unref(job);
    return coro;
}
