/*
 * Jobs: a function for an executor, and its result.
 *
 * A job is a concurrent future, so that one piece of memory serves all: the executor's queue, the
 * thread that runs it and its waiters each hold a reference.
 */
#ifndef EDDYI_JOB_H
#define EDDYI_JOB_H

#include "contextvars/contextvars.h"
#include "eddy/executor.h"
#include "executor/wrap.h"

struct eddyi_job {
    struct eddy_concurrent_future cf;
    struct eddyi_list link; /* in the executor's queue; guarded by its mutex */
    /* borrowed, until the job has begun or was cancelled; NULL: not submitted yet */
    eddy_executor *executor;
    int (*fn)(void *arg);
    const char *name;        /* static; NULL is allowed */
    void *arg;               /* the caller's, or @copy */
    size_t size;             /* the size of @copy */
    void (*drop)(void *arg); /* NULL: nothing to give back, or given back already */
    void (*drop_value)(void *value);
    struct eddyi_var_scope vars; /* the context variables that the job runs with */
    eddy_bytes bytes;            /* of eddy_return_bytes(); complete before the future is done */
    /* the wrapper of a private future, until the job is freed; else unused */
    struct eddyi_wrapped wrapper;
    _Alignas(16) char copy[];
};

/* Returns the job that contains @cf, or NULL if @cf is NULL or another kind of concurrent
 * future. */
struct eddyi_job *eddyi_job_if(const eddy_concurrent_future *cf);

static inline struct eddyi_job *eddyi_job_of(eddy_concurrent_future *cf)
{
    return eddyi_container(cf, struct eddyi_job, cf);
}

/* Creates a job with one reference. Raises -ENOMEM or -EINVAL and returns NULL; the argument was
 * dropped then. */
struct eddyi_job *eddyi_job_new(const eddy_job *description);

static inline void eddyi_job_unref(struct eddyi_job *job)
{
    eddy_concurrent_future_unref(&job->cf);
}

/* The result of calling a job's function. Its owner owns the exception and the bytes. */
struct eddyi_job_result {
    int status;
    void *value;
    eddy_exception *exception; /* NULL if the status says everything */
    eddy_bytes bytes;
};

/*
 * Calls @fn in this thread, which does nothing else meanwhile. Does not return in a child process
 * that @fn has forked and that returns from @fn.
 */
void eddyi_job_call(int (*fn)(void *arg), void *arg, size_t size, struct eddyi_job_result *ret);

/* Gives the result of a function that has ended its thread instead of returning from
 * eddyi_job_call(). For the thread's last cleanup handler. */
void eddyi_job_call_left(struct eddyi_job_result *ret);

/* Ends a child process that a job has forked and that returned from the job: the program goes on in
 * the parent alone. */
_Noreturn void eddyi_job_end_child(void);

/* Gives back what a job no longer needs after it has run: its argument and its context
 * variables. */
void eddyi_job_release(struct eddyi_job *job);

/* Ends a job that this thread began: takes ownership of the contents of *result, tells all waiters
 * and drops a reference. */
void eddyi_job_finish(struct eddyi_job *job, struct eddyi_job_result *result);

#endif
