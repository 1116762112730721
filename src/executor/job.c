#include "executor/job.h"

#include "base/block.h"
#include "base/exception.h"
#include "base/sys.h"
#include "executor/executor.h"
#include "task/coroutine.h"

#include <string.h>

/* What the functions that a job may call find here; NULL in threads that run none. */
struct call {
    size_t size;
    eddy_bytes bytes;
    void *value;
};
static EDDYI_THREAD_LOCAL struct call *current;

static void cancelled(eddy_concurrent_future *cf)
{
    eddyi_executor_withdraw(eddyi_job_of(cf));
}

static void destroy(eddy_concurrent_future *cf)
{
    struct eddyi_job *job = eddyi_job_of(cf);

    eddyi_job_drop_arg(job);
    if (cf->value && job->drop_value && !atomic_load(&cf->value_taken))
        job->drop_value(cf->value);
    eddy_bytes_fini(&job->bytes);
    eddyi_vars_fini(&job->vars);
    eddyi_concurrent_fini(cf);
    eddyi_block_free(job, sizeof *job + job->size);
}

static const struct eddyi_concurrent_ops job_ops = {cancelled, destroy};

struct eddyi_job *eddyi_job_if(const eddy_concurrent_future *cf)
{
    return cf && cf->ops == &job_ops ? eddyi_job_of((eddy_concurrent_future *)cf) : NULL;
}

struct eddyi_job *eddyi_job_new(const eddy_job *description)
{
    struct eddyi_job *job = eddyi_block_alloc(sizeof *job + description->size);

    if (!job) {
        if (description->drop)
            description->drop(description->arg);
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    memset(job, 0, offsetof(struct eddyi_job, wrapper));
    eddyi_concurrent_init(&job->cf, &job_ops);
    eddyi_list_init(&job->link);
    job->fn = description->fn;
    job->name = description->name;
    job->arg = description->arg;
    job->size = description->size;
    job->drop = description->drop;
    job->drop_value = description->drop_value;
    if (job->size)
        job->arg = memcpy(job->copy, description->arg, job->size);
    return job;
}

void eddyi_job_drop_arg(struct eddyi_job *job)
{
    void (*drop)(void *arg) = job->drop;

    job->drop = NULL;
    if (drop)
        drop(job->arg);
}

/* The thread's own error goes with the status that it came with. */
static eddy_exception *take_error(struct eddyi_error *error, int status)
{
    eddy_exception *e = NULL;

    if (status < 0 && error->code == status) {
        e = error->exception;
        error->exception = NULL;
    }
    eddyi_error_clear(error);
    return e;
}

void eddyi_job_call(int (*fn)(void *arg), void *arg, size_t size, struct eddyi_job_result *ret)
{
    struct call here = {.size = size};
    struct eddyi_error *error = eddyi_error_here();

    eddyi_error_clear(error);
    current = &here;
    eddyi_return_here = &here.value;
    ret->status = fn(arg);
    eddyi_return_here = NULL;
    current = NULL;

    ret->value = ret->status < 0 ? NULL : here.value;
    ret->exception = take_error(error, ret->status);
    if (ret->status < 0)
        eddy_bytes_fini(&here.bytes);
    ret->bytes = here.bytes;
}

void eddyi_job_finish(struct eddyi_job *job, struct eddyi_job_result *result)
{
    job->bytes = result->bytes;
    eddyi_concurrent_finish_begun(&job->cf, result->status, result->value, result->exception);
}

int eddy_return_bytes(const void *data, size_t size)
{
    void *copy;

    if (!current)
        return eddy_raise(EDDY_EMISUSE, "eddy_return_bytes() is for jobs of an executor");
    copy = eddyi_alloc(size);
    if (!copy)
        return eddy_raise(-ENOMEM, NULL);
    if (size)
        memcpy(copy, data, size);
    eddy_bytes_fini(&current->bytes);
    current->bytes = (eddy_bytes){copy, size};
    return 0;
}

size_t eddy_job_size(void)
{
    return current ? current->size : 0;
}
