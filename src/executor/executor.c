/*
 * Submitting jobs to an executor, and shutting it down. Its threads run executor_thread.c;
 * tests/model/pool.pml models the hand-over between the two.
 */
#include "executor/executor.h"

#include "base/condition.h"
#include "base/refs.h"
#include "base/sys.h"
#include "loop/loop.h"

#include <stdio.h>

eddy_executor *eddyi_executor_new(const struct eddyi_executor_ops *ops, unsigned max_threads)
{
    eddy_executor *e = eddyi_zalloc(sizeof *e);

    if (!e)
        return NULL;
    e->over = eddy_concurrent_future_new();
    if (!e->over) {
        eddyi_free(e);
        return NULL;
    }
    eddyi_concurrent_begin(e->over); /* it cannot be cancelled */
    atomic_init(&e->refs, 1);
    e->ops = ops;
    e->fork_number = eddyi_fork_number;
    e->max_threads = max_threads;
    e->spins = eddyi_sys_cpus() > 1;
    eddyi_sys_mutex_init(&e->mutex);
    pthread_cond_init(&e->work, NULL);
    eddyi_condition_init(&e->closed);
    eddyi_list_init(&e->queue);
    eddyi_list_init(&e->threads);
    eddyi_list_init(&e->ended);
    return e;
}

eddy_executor *eddyi_executor_ref(eddy_executor *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

atomic_uint eddyi_executors_abandoned;

/* Forgets the parent's in a forked child, which has none of their threads. */
static void forget_abandoned(void)
{
    atomic_store(&eddyi_executors_abandoned, 0);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_abandoned);
}

void eddyi_executor_unref(eddy_executor *e)
{
    bool abandoned;

    if (!e || !eddyi_refs_drop_shared(&e->refs))
        return;
    abandoned = e->abandoned && e->fork_number == eddyi_fork_number;
    if (e->ops->fini)
        e->ops->fini(e);
    eddy_concurrent_future_unref(e->over);
    pthread_cond_destroy(&e->work);
    pthread_cond_destroy(&e->closed);
    pthread_mutex_destroy(&e->mutex);
    eddyi_free(e);
    if (abandoned)
        atomic_fetch_sub(&eddyi_executors_abandoned, 1);
}

static int check(const eddy_executor *e)
{
    if (!e)
        return eddy_raise(-EINVAL, "no executor");
    if (e->fork_number != eddyi_fork_number)
        return eddy_raise(EDDY_EFORKED,
                          "the executor was made before fork(); its threads are not here");
    return 0;
}

/* Submitting. */

/* Starts a thread. The mutex is locked, so that the new thread does not leave before its struct is
 * complete. */
static int add_thread(eddy_executor *e)
{
    struct eddyi_executor_thread *t = eddyi_zalloc(sizeof *t);
    int rc;

    if (!t)
        return -ENOMEM;
    t->executor = eddyi_executor_ref(e);
    rc = eddyi_sys_thread_start(&t->thread, eddyi_executor_thread_main, t);
    if (rc < 0) {
        atomic_fetch_sub(&e->refs, 1);
        eddyi_free(t);
        return rc;
    }
    if (e->abandoned)
        pthread_detach(t->thread);
    eddyi_list_append(&e->threads, &t->link);
    e->n_threads++;
    atomic_fetch_add(&e->n_coming, 1);
    atomic_store_explicit(&e->had_thread, true, memory_order_relaxed);
    return 0;
}

/* The value of a closed inbox. */
static struct eddyi_list closed;

static bool inbox_is_empty(const eddy_executor *e)
{
    struct eddyi_list *first = atomic_load(&e->inbox);

    return !first || first == &closed;
}

void eddyi_executor_empty_inbox(eddy_executor *e)
{
    struct eddyi_list *l, *next, *behind = &e->queue;
    unsigned n = 0;

    if (inbox_is_empty(e))
        return;
    for (l = atomic_exchange(&e->inbox, NULL); l; l = next, n++) {
        next = l->next;
        eddyi_list_append(behind, l);
        behind = l;
    }
    atomic_fetch_add(&e->n_queued, n);
}

int eddyi_executor_call(eddy_executor *e)
{
    int rc = 0;

    if ((eddyi_list_empty(&e->queue) && inbox_is_empty(e)) || atomic_load(&e->n_coming) > 0)
        return 0;
    if (e->n_asleep > 0) {
        e->n_asleep--;
        e->n_called++;
        atomic_fetch_add(&e->n_coming, 1);
        pthread_cond_signal(&e->work);
    } else if (e->n_threads < e->max_threads) {
        rc = add_thread(e);
    }
    /* As long as there are threads, one of them will take the job. */
    return e->n_threads > 0 ? 0 : rc;
}

void eddyi_executor_fail_queued(eddy_executor *e, int error)
{
    for (;;) {
        struct eddyi_job_result result = {.status = error};
        struct eddyi_list *l = NULL;
        struct eddyi_job *job;

        pthread_mutex_lock(&e->mutex);
        eddyi_executor_empty_inbox(e);
        if (e->n_threads == 0)
            l = eddyi_list_pop(&e->queue);
        if (l)
            atomic_fetch_sub(&e->n_queued, 1);
        pthread_mutex_unlock(&e->mutex);
        if (!l)
            return;
        job = eddyi_container(l, struct eddyi_job, link);
        if (eddyi_concurrent_begin(&job->cf)) {
            eddyi_job_release(job);
            result.exception = eddy_exception_new(error, "no thread for the executor");
            eddyi_job_finish(job, &result);
        } else {
            eddyi_job_unref(job);
        }
    }
}

/* Queues one of the first jobs, for which there may be no thread. The mutex is locked. */
static int enqueue(eddy_executor *e, struct eddyi_job *job)
{
    int rc;

    if (atomic_load(&e->shut_down))
        return EDDY_ECLOSED;
    eddyi_list_append(&e->queue, &job->link);
    atomic_fetch_add(&e->n_queued, 1);
    rc = eddyi_executor_call(e);
    if (rc < 0) {
        eddyi_list_remove(&job->link);
        atomic_fetch_sub(&e->n_queued, 1);
    }
    return rc;
}

static int put_into_inbox(eddy_executor *e, struct eddyi_job *job)
{
    struct eddyi_list *head = atomic_load_explicit(&e->inbox, memory_order_relaxed);
    int rc = 0;

    do {
        if (head == &closed) {
            eddyi_list_init(&job->link);
            return EDDY_ECLOSED;
        }
        job->link.next = head;
    } while (!atomic_compare_exchange_weak(&e->inbox, &head, &job->link));

    if (!head && atomic_load(&e->n_coming) == 0) {
        pthread_mutex_lock(&e->mutex);
        rc = eddyi_executor_call(e); /* fails only if jobs have ended all threads */
        pthread_mutex_unlock(&e->mutex);
        if (rc < 0)
            eddyi_executor_fail_queued(e, rc);
    }
    return 0;
}

int eddyi_executor_submit(eddy_executor *e, struct eddyi_job *job)
{
    int rc = check(e);

    if (rc == 0 && e->ops->check)
        rc = e->ops->check(job);
    if (rc < 0)
        return rc;
    job->executor = e;
    if (atomic_load_explicit(&e->had_thread, memory_order_relaxed)) {
        rc = put_into_inbox(e, job);
    } else {
        pthread_mutex_lock(&e->mutex);
        rc = enqueue(e, job);
        pthread_mutex_unlock(&e->mutex);
    }
    if (rc == EDDY_ECLOSED)
        return eddy_raise(rc, "the executor takes no more jobs: it was shut down");
    return rc < 0 ? eddy_raise(rc, "no thread for the executor") : 0;
}

void eddyi_executor_withdraw(struct eddyi_job *job)
{
    eddy_executor *e = job->executor;
    bool queued;

    if (!e)
        return;
    pthread_mutex_lock(&e->mutex);
    eddyi_executor_empty_inbox(e);
    queued = !eddyi_list_empty(&job->link);
    eddyi_list_remove(&job->link);
    if (queued)
        atomic_fetch_sub(&e->n_queued, 1);
    pthread_mutex_unlock(&e->mutex);
    if (queued)
        /* The queue's reference; not the last one, because the cancelling thread holds another. */
        atomic_fetch_sub(&job->cf.refs, 1);
}

/* Shutting down. */

/* Closes the inbox. The mutex is locked. Jobs that are submitted meanwhile are queued or
 * refused. */
static void close_inbox(eddy_executor *e)
{
    struct eddyi_list *first;

    do {
        eddyi_executor_empty_inbox(e);
        first = NULL;
    } while (!atomic_compare_exchange_strong(&e->inbox, &first, &closed) && first != &closed);
}

/* Closes the queue. The mutex is locked. Returns true if no thread is left, so that the shutdown is
 * complete. */
static bool close_queue(eddy_executor *e)
{
    bool first = !atomic_exchange(&e->shut_down, true);

    close_inbox(e);
    pthread_cond_broadcast(&e->work);
    pthread_cond_broadcast(&e->closed);
    return first && e->n_threads == 0;
}

static void cancel_queued(eddy_executor *e)
{
    struct eddyi_list *l;

    for (;;) {
        struct eddyi_job *job;

        pthread_mutex_lock(&e->mutex);
        l = eddyi_list_pop(&e->queue);
        if (l)
            atomic_fetch_sub(&e->n_queued, 1);
        pthread_mutex_unlock(&e->mutex);
        if (!l)
            return;
        job = eddyi_container(l, struct eddyi_job, link);
        eddyi_concurrent_cancel(&job->cf);
        eddyi_job_unref(job);
    }
}

void eddyi_executor_join(eddy_executor *e)
{
    struct eddyi_list ended, *l;

    eddyi_list_init(&ended);
    pthread_mutex_lock(&e->mutex);
    eddyi_list_move_all(&ended, &e->ended);
    pthread_mutex_unlock(&e->mutex);
    while ((l = eddyi_list_pop(&ended)) != NULL) {
        struct eddyi_executor_thread *t = eddyi_container(l, struct eddyi_executor_thread, link);

        pthread_join(t->thread, NULL);
        eddyi_free(t);
    }
}

int eddy_executor_shutdown(eddy_executor *e, bool wait, bool cancel_futures)
{
    bool over;
    int rc = check(e);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&e->mutex);
    over = close_queue(e);
    pthread_mutex_unlock(&e->mutex);
    if (cancel_futures)
        cancel_queued(e);
    if (over)
        eddyi_concurrent_finish(e->over, 0, NULL, NULL);
    if (!wait)
        return 0;
    if (eddyi_executor_is_mine(e))
        return eddy_raise(-EDEADLK, "a job cannot wait for the end of its own executor");
    rc = eddyi_concurrent_wait(e->over, EDDY_FOREVER);
    eddyi_executor_join(e);
    return rc;
}

void eddyi_executor_abandon(eddy_executor *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (!e || e->fork_number != eddyi_fork_number)
        return;
    pthread_once(&once, watch_forks);
    eddy_executor_shutdown(e, false, false);
    pthread_mutex_lock(&e->mutex);
    if (!e->abandoned)
        atomic_fetch_add(&eddyi_executors_abandoned, 1);
    e->abandoned = true;
    EDDYI_LIST_EACH(l, &e->threads)
        pthread_detach(eddyi_container(l, struct eddyi_executor_thread, link)->thread);
    pthread_mutex_unlock(&e->mutex);
    eddyi_executor_join(e);
    eddyi_executor_unref(e);
}

void eddy_executor_free(eddy_executor *e)
{
    if (!e || e->fork_number != eddyi_fork_number)
        return;
    if (eddyi_executor_is_mine(e)) {
        eddyi_executor_abandon(e);
        return;
    }
    eddy_executor_shutdown(e, true, false);
    eddyi_executor_unref(e);
}

unsigned eddyi_executor_describe(eddy_executor *e, char *buf, size_t size)
{
    int64_t now = eddyi_sys_now();
    size_t length = 0;
    unsigned n = 0;

    buf[0] = '\0';
    pthread_mutex_lock(&e->mutex);
    EDDYI_LIST_EACH(l, &e->threads) {
        const struct eddyi_executor_thread *t =
            eddyi_container(l, struct eddyi_executor_thread, link);

        if (!t->job)
            continue;
        if (length < size)
            length += (size_t)snprintf(buf + length, size - length, "%s'%s', for %.1f seconds",
                                       n ? ", " : "", t->job, (double)(now - t->begun) * 1e-9);
        n++;
    }
    pthread_mutex_unlock(&e->mutex);
    return n;
}
