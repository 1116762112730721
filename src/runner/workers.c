/*
 * Several loops in several threads, which end together.
 *
 * The loop of the calling thread runs worker 0, and one task for each other worker. That task has
 * the worker's thread as a job of an executor. When the task is cancelled, it posts a cancellation
 * to the worker's own loop, and goes on waiting.
 */
#include "eddy/workers.h"

#include "base/options.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/executor.h"
#include "eddy/group.h"
#include "eddy/task.h"
#include "eddy/wait.h"
#include "loop/loop.h"

#include <pthread.h>

struct crew;

struct worker {
    struct crew *crew;
    unsigned index;
    /* A pool of one thread, since a worker must not wait for another's thread; NULL for worker
     * 0. */
    eddy_executor *thread;
    pthread_mutex_t mutex; /* guards @stop, @loop and @task */
    bool stop;             /* the worker is to end */
    eddy_loop *loop;       /* the worker's loop; NULL: not yet, or no longer */
    eddy_task *task;
    struct eddyi_ready cancel; /* stops the worker, in its own thread */
};

struct crew {
    const eddy_workers_options *options;
    unsigned n;
    struct worker *workers;
};

static void cancel_task(struct eddyi_ready *r)
{
    struct worker *w = eddyi_container(r, struct worker, cancel);

    pthread_mutex_lock(&w->mutex);
    if (w->task)
        eddy_task_cancel(w->task, NULL);
    pthread_mutex_unlock(&w->mutex);
}

/* Stops the worker, from another thread. Later calls have no effect. */
static void stop(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    if (w->loop && !w->stop)
        (void)eddyi_loop_post(w->loop, &w->cancel);
    w->stop = true;
    pthread_mutex_unlock(&w->mutex);
}

static bool enter(struct worker *w)
{
    bool stopped;

    pthread_mutex_lock(&w->mutex);
    w->loop = eddy_get_running_loop();
    w->task = eddy_current_task();
    stopped = w->stop;
    pthread_mutex_unlock(&w->mutex);
    return !stopped;
}

static void worker_leave(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    w->loop = NULL;
    w->task = NULL;
    pthread_mutex_unlock(&w->mutex);
}

static eddy_async(work, (struct worker *, w))
{
    const eddy_workers_options *o = w->crew->options;
    int rc = -ECANCELED;

    if (enter(w))
        rc = o->fn(w->index, o->arg);
    worker_leave(w);
    return rc;
}

/* The job in the thread of a worker. */
static int run_worker(void *arg)
{
    struct worker *w = arg;

    return eddy_run(work(w), .debug = w->crew->options->debug, .no_sigint = true);
}

static eddy_async(watch, (struct worker *, w))
{
    eddy_future *job = eddy_loop_run_in_executor(NULL, w->thread, run_worker, w);
    int rc, cancelled = 0;

    if (!job)
        return eddy_exception_code(eddy_error());
    do {
        rc = eddy_await(eddy_shield(eddy_ref(job)));
        if (rc < 0 && !eddy_future_done(job)) {
            cancelled = rc;
            stop(w);
        }
    } while (rc == -ECANCELED && !eddy_future_done(job));
    rc = eddy_await(job);
    return cancelled < 0 ? cancelled : rc;
}

static eddy_async(work_here, (struct worker *, w))
{
    const eddy_workers_options *o = w->crew->options;

    return o->fn(w->index, o->arg);
}

/* Replaces a group of failures by its first member. */
static int first_failure(int rc)
{
    const eddy_exception *e = eddy_error();

    return rc == EDDY_EGROUP && e && eddy_exception_count(e) > 0
               ? eddy_reraise(eddy_exception_member(e, 0))
               : rc;
}

static eddy_async(run_all, (struct crew *, crew))
{
    eddy_group tg;
    int rc = 0;

    eddy_group_enter(&tg);
    for (unsigned i = 0; i < crew->n && rc == 0; i++) {
        struct worker *w = &crew->workers[i];

        rc = eddy_group_create_task(&tg, i == 0 ? work_here(w) : watch(w), .name = "worker");
    }
    return first_failure(eddy_group_exit(&tg, rc));
}

static void crew_close(struct crew *crew)
{
    for (unsigned i = 0; i < crew->n; i++) {
        eddy_executor_free(crew->workers[i].thread);
        pthread_mutex_destroy(&crew->workers[i].mutex);
    }
    eddyi_free(crew->workers);
}

static int worker_init(struct worker *w, struct crew *crew, unsigned index)
{
    w->crew = crew;
    w->index = index;
    pthread_mutex_init(&w->mutex, NULL);
    eddyi_ready_init(&w->cancel, cancel_task);
    if (index > 0)
        w->thread = eddy_thread_pool_new(1);
    return index == 0 || w->thread ? 0 : -ENOMEM;
}

static int crew_open(struct crew *crew, const eddy_workers_options *options)
{
    unsigned n = options->n ? options->n : eddyi_sys_cpus();
    int rc;

    *crew = (struct crew){.options = options, .workers = eddyi_zalloc(n * sizeof *crew->workers)};
    rc = crew->workers ? 0 : -ENOMEM;
    while (rc == 0 && crew->n < n) {
        rc = worker_init(&crew->workers[crew->n], crew, crew->n);
        crew->n++;
    }
    return rc < 0 ? eddy_raise(rc, NULL) : 0;
}

int(eddy_run_workers_with)(const eddy_workers_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_workers_options, options, options_size, -E2BIG);
    struct crew crew;
    int rc;

    if (!options->fn)
        return eddy_raise(-EINVAL, "run_workers: nothing to run");
    rc = crew_open(&crew, options);
    if (rc == 0)
        rc = eddy_run(run_all(&crew), .debug = options->debug, .no_sigint = options->no_sigint,
                      .sigterm = options->sigterm);
    crew_close(&crew);
    return rc;
}
