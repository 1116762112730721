#include "executor/job.h"

#include "base/block.h"
#include "base/exception.h"
#include "base/log.h"
#include "base/sys.h"
#include "executor/executor.h"
#include "loop/loop.h"
#include "task/coroutine.h"

#include <string.h>
#include <unistd.h>

/* The state behind the functions that a job may call. It outlives the frames of the job, which
 * pthread_exit() removes. */
struct call {
    bool runs;
    size_t size;
    eddy_bytes bytes;
    void *value;
};
static EDDYI_THREAD_LOCAL struct call here;

static void drop_arg(struct eddyi_job *job)
{
    void (*drop)(void *arg) = job->drop;

    job->drop = NULL;
    if (drop)
        drop(job->arg);
}

static void cancelled(eddy_concurrent_future *cf)
{
    eddyi_executor_withdraw(eddyi_job_of(cf));
}

static void destroy(eddy_concurrent_future *cf)
{
    struct eddyi_job *job = eddyi_job_of(cf);

    drop_arg(job);
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

/* Allocates a job. Raises -EINVAL or -ENOMEM and returns NULL. */
static struct eddyi_job *job_alloc(const eddy_job *description)
{
    struct eddyi_job *job = NULL;

    if (!description->fn) {
        eddy_raise(-EINVAL, "a job needs a function");
        return NULL;
    }
    if (description->size <= PTRDIFF_MAX - sizeof *job)
        job = eddyi_block_alloc(sizeof *job + description->size);
    if (!job)
        eddy_raise(-ENOMEM, NULL);
    return job;
}

struct eddyi_job *eddyi_job_new(const eddy_job *description)
{
    struct eddyi_job *job = job_alloc(description);

    if (!job) {
        if (description->drop)
            description->drop(description->arg);
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

/* Ends a forked child without flushing standard output: the buffer's contents are the parent's. */
_Noreturn void eddyi_job_end_child(void)
{
    eddyi_log_fatal("a child process that a job has forked came back from the job, and is ended; "
                    "let it call _exit()");
    _exit(1);
}

void eddyi_job_call(int (*fn)(void *arg), void *arg, size_t size, struct eddyi_job_result *ret)
{
    struct eddyi_error *error = eddyi_error_here();
    unsigned fork_number = eddyi_fork_number;

    eddyi_error_clear(error);
    here = (struct call){.runs = true, .size = size};
    eddyi_return_here = &here.value;
    ret->status = fn(arg);
    if (eddyi_fork_number != fork_number)
        eddyi_job_end_child();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL); /* the job may have enabled it */
    eddyi_return_here = NULL;
    here.runs = false;

    ret->value = ret->status < 0 ? NULL : here.value;
    ret->exception = eddyi_error_take(error, ret->status);
    if (ret->status < 0)
        eddy_bytes_fini(&here.bytes);
    ret->bytes = here.bytes;
}

void eddyi_job_call_left(struct eddyi_job_result *ret)
{
    if (here.runs)
        eddy_bytes_fini(&here.bytes);
    here.runs = false;
    eddyi_return_here = NULL;
    eddyi_vars_current = NULL;
    *ret = (struct eddyi_job_result){.status = EDDY_EBROKEN};
    ret->exception = eddy_exception_new(EDDY_EBROKEN, "the job ended its thread: pthread_exit()");
}

void eddyi_job_release(struct eddyi_job *job)
{
    eddyi_vars_fini(&job->vars);
    drop_arg(job);
}

void eddyi_job_finish(struct eddyi_job *job, struct eddyi_job_result *result)
{
    job->bytes = result->bytes;
    eddyi_concurrent_finish_begun(&job->cf, result->status, result->value, result->exception);
}

int eddy_return_bytes(const void *data, size_t size)
{
    void *copy;

    if (!here.runs)
        return eddy_raise(EDDY_EMISUSE, "eddy_return_bytes() is for jobs of an executor");
    copy = eddyi_alloc(size);
    if (!copy)
        return eddy_raise(-ENOMEM, NULL);
    if (size)
        memcpy(copy, data, size);
    eddy_bytes_fini(&here.bytes);
    here.bytes = (eddy_bytes){copy, size};
    return 0;
}

size_t eddy_job_size(void)
{
    return here.runs ? here.size : 0;
}
