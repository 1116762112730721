/*
 * A thread of an executor: it takes jobs, between jobs it spins or sleeps, and in the end it
 * leaves.
 */
#include "base/sys.h"
#include "base/thread.h"
#include "executor/executor.h"

#include <time.h>

/* How often an idle thread looks for work before it sleeps: for some microseconds, about the time
 * that waking it would take. */
enum {
    SPINS = 64,
    /* The length of a pause between two looks, some 100 ns: each look takes the inbox's cache line
     * away from the submitter's processor. */
    PAUSES = 8
};

static EDDYI_THREAD_LOCAL struct eddyi_executor_thread *this_thread;

bool eddyi_executor_is_mine(const eddy_executor *e)
{
    return this_thread && this_thread->executor == e;
}

/* Spins for a moment, without the mutex, until there is work. */
static void spin(eddy_executor *e)
{
    for (int i = 0; i < SPINS && !atomic_load(&e->inbox) && atomic_load(&e->n_queued) == 0; i++)
        for (int j = 0; j < PAUSES; j++)
            eddyi_sys_relax();
}

static void sleep_until_called(eddy_executor *e)
{
    e->n_asleep++;
    do
        pthread_cond_wait(&e->work, &e->mutex);
    while (e->n_called == 0 && !atomic_load(&e->shut_down));
    if (e->n_called > 0) {
        e->n_called--;
        atomic_fetch_sub(&e->n_coming, 1);
    } else {
        e->n_asleep--;
    }
}

/*
 * Idles, with the mutex locked. A submitter relies on a thread that spins, and wakes none. So a
 * thread that has spun in vain must check the queue once more with the mutex locked before it
 * sleeps; the caller's loop does that. One thread spins at a time.
 */
static void idle(eddy_executor *e, bool may_spin)
{
    if (!may_spin || atomic_load(&e->n_coming) > 0) {
        sleep_until_called(e);
        return;
    }
    atomic_fetch_add(&e->n_coming, 1);
    pthread_mutex_unlock(&e->mutex);
    spin(e);
    pthread_mutex_lock(&e->mutex);
    atomic_fetch_sub(&e->n_coming, 1);
}

static struct eddyi_job *take(struct eddyi_executor_thread *t)
{
    eddy_executor *e = t->executor;
    struct eddyi_job *job = eddyi_container(eddyi_list_pop(&e->queue), struct eddyi_job, link);

    atomic_fetch_sub(&e->n_queued, 1);
    t->job = job->name ? job->name : "a job";
    t->begun = eddyi_sys_now_coarse();
    return job;
}

/* Returns true if there is a job, moving the inbox to an empty queue. The mutex is locked. */
static bool has_work(eddy_executor *e)
{
    if (eddyi_list_empty(&e->queue))
        eddyi_executor_empty_inbox(e);
    return !eddyi_list_empty(&e->queue);
}

/* Returns the next job, or NULL, with the mutex still locked, if there will be none. */
static struct eddyi_job *next_job(struct eddyi_executor_thread *t)
{
    eddy_executor *e = t->executor;
    bool may_spin = e->spins;
    struct eddyi_job *job = NULL;

    pthread_mutex_lock(&e->mutex);
    t->job = NULL;
    if (!t->started)
        atomic_fetch_sub(&e->n_coming, 1);
    t->started = true;
    while (!has_work(e)) {
        if (atomic_load(&e->shut_down))
            return NULL;
        idle(e, may_spin);
        may_spin = false;
    }
    job = take(t);
    eddyi_executor_call(e);
    pthread_mutex_unlock(&e->mutex);
    return job;
}

/* Leaves the executor. The mutex is locked, and unlocked on return. Jobs that are queued because
 * jobs have ended their threads get another thread. */
static void thread_leave(struct eddyi_executor_thread *t)
{
    eddy_executor *e = t->executor;
    bool over;
    int rc;

    EDDYI_ASSERT(e->n_threads > 0 && !t->running);
    e->n_threads--;
    eddyi_list_remove(&t->link);
    if (e->abandoned)
        eddyi_free(t);
    else
        eddyi_list_append(&e->ended, &t->link);
    rc = eddyi_executor_call(e);
    over = e->n_threads == 0 && atomic_load(&e->shut_down);
    pthread_mutex_unlock(&e->mutex);
    if (rc < 0)
        eddyi_executor_fail_queued(e, rc);
    if (over)
        eddyi_concurrent_finish(e->over, 0, NULL, NULL);
    eddyi_executor_unref(e);
}

/* Ends a forked child: a done-callback, or a job that ended its thread, may have forked. */
static void end_child(const eddy_executor *e)
{
    if (e->fork_number != eddyi_fork_number)
        eddyi_job_end_child();
}

static void run(struct eddyi_executor_thread *t, struct eddyi_job *job)
{
    struct eddyi_job_result result;

    t->running = job;
    t->executor->ops->run(t, job, &result);
    eddyi_job_release(job);
    t->running = NULL;
    eddyi_job_finish(job, &result);
}

/* Runs jobs until there are no more. The mutex is locked on return. */
static void work(struct eddyi_executor_thread *t)
{
    struct eddyi_job *job;

    while ((job = next_job(t)) != NULL) {
        if (eddyi_concurrent_begin(&job->cf))
            run(t, job);
        else
            eddyi_job_unref(job);
        end_child(t->executor);
    }
}

/* Finishes a job that has called pthread_exit(): this is the thread's last cleanup handler. */
static void left_by_job(void *arg)
{
    struct eddyi_executor_thread *t = arg;
    struct eddyi_job *job = t->running;
    struct eddyi_job_result result;

    end_child(t->executor);
    if (job) {
        eddyi_job_call_left(&result);
        eddyi_job_release(job);
        t->running = NULL;
        eddyi_job_finish(job, &result);
    }
    if (t->executor->ops->leave)
        t->executor->ops->leave(t);
    pthread_mutex_lock(&t->executor->mutex);
    t->job = NULL;
    thread_leave(t);
}

/* Runs a thread that cannot be cancelled: a request that comes late would strike between two
 * jobs. */
void *eddyi_executor_thread_main(void *arg)
{
    struct eddyi_executor_thread *t = arg;

    this_thread = t;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    eddyi_sys_thread_name(t->executor->ops->thread_name);
    pthread_cleanup_push(left_by_job, t);
    work(t);
    pthread_cleanup_pop(0);
    if (t->executor->ops->leave) {
        pthread_mutex_unlock(&t->executor->mutex);
        t->executor->ops->leave(t);
        pthread_mutex_lock(&t->executor->mutex);
    }
    thread_leave(t);
    return NULL;
}

void eddyi_executor_pause(eddy_executor *e, int64_t nanoseconds)
{
    int64_t until = eddyi_sys_now() + nanoseconds;
    struct timespec deadline = {until / 1000000000, until % 1000000000};
    int rc = 0;

    while (rc == 0 && !atomic_load(&e->shut_down))
        rc = pthread_cond_timedwait(&e->closed, &e->mutex, &deadline);
}
