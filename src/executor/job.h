/*
 * Jobs: what an executor has to do, and what came of it.
 *
 * A job is a concurrent future, so that one piece of memory serves everybody: the executor's queue,
 * the worker that runs it and those who wait for it each hold a reference.
 */
#ifndef EDDYI_JOB_H
#define EDDYI_JOB_H

#include "contextvars/contextvars.h"
#include "eddy/executor.h"
#include "executor/wrap.h"

struct eddyi_job {
    struct eddy_concurrent_future cf;
    struct eddyi_list link; /* in the executor's queue; guarded by its mutex */
    /* borrowed, until it has begun or was cancelled; NULL: not handed to one yet */
    eddy_executor *executor;
    int (*fn)(void *arg);
    const char *name;        /* static, may be NULL */
    void *arg;               /* the caller's, or @copy */
    size_t size;             /* of @copy */
    void (*drop)(void *arg); /* NULL: nothing to be given back, or given back already */
    void (*drop_value)(void *value);
    struct eddyi_var_scope vars; /* the context variables it runs with */
    eddy_bytes bytes;            /* eddy_return_bytes(); complete before it is done */
    /* of a private one, until the job is freed; else it is not used */
    struct eddyi_wrapped wrapper;
    _Alignas(16) char copy[];
};

/* The job that it is; NULL if it is another kind of concurrent future, or NULL. */
struct eddyi_job *eddyi_job_if(const eddy_concurrent_future *cf);

static inline struct eddyi_job *eddyi_job_of(eddy_concurrent_future *cf)
{
    return eddyi_container(cf, struct eddyi_job, cf);
}

/* A job as described, with one reference. NULL, with -ENOMEM or -EINVAL raised; drop was called
 * then. */
struct eddyi_job *eddyi_job_new(const eddy_job *description);

static inline void eddyi_job_unref(struct eddyi_job *job)
{
    eddy_concurrent_future_unref(&job->cf);
}

/* What a call of a job's function gave; exception and bytes are owned. */
struct eddyi_job_result {
    int status;
    void *value;
    eddy_exception *exception; /* NULL: the status is all there is */
    eddy_bytes bytes;
};

/*
 * Calls fn in this thread, which is nobody else's meanwhile. Does not return in a child process
 * that fn has forked and that comes back from it.
 */
void eddyi_job_call(int (*fn)(void *arg), void *arg, size_t size, struct eddyi_job_result *ret);

/* For the thread's last cleanup handler: fn has not returned from eddyi_job_call(), it ends its
 * thread. */
void eddyi_job_call_left(struct eddyi_job_result *ret);

/* Ends a child process that a job has forked and that came back from the job: the program goes on
 * in its parent alone. */
_Noreturn void eddyi_job_end_child(void);

/* Gives back what the job needs no more once it has run: its argument and its context variables. */
void eddyi_job_release(struct eddyi_job *job);

/* The job, which this thread began, is over: takes the result over, tells everybody, and gives up a
 * reference. */
void eddyi_job_finish(struct eddyi_job *job, struct eddyi_job_result *result);

#endif
