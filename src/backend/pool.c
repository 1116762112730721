#include "backend/pool.h"

#include "base/condition.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <time.h>

/* How long an idle thread waits for work, in nanoseconds. */
static const int64_t PATIENCE = 1000000000;

void eddyi_pool_init(struct eddyi_pool *p, struct eddyi_backend *b)
{
    p->backend = b;
    p->pid = eddyi_sys_pid();
    pthread_mutex_init(&p->mutex, NULL);
    eddyi_condition_init(&p->work);
    pthread_cond_init(&p->news, NULL);
    eddyi_list_init(&p->queue);
    eddyi_list_init(&p->done);
}

/* Waits for work, with the mutex locked. Returns false when the thread has been idle for long
 * enough. */
static bool wait_for_work(struct eddyi_pool *p)
{
    int64_t until = eddyi_sys_now() + PATIENCE;
    struct timespec deadline = {until / 1000000000, until % 1000000000};
    int rc = 0;

    p->n_idle++;
    while (rc == 0 && eddyi_list_empty(&p->queue) && !p->closing)
        rc = pthread_cond_timedwait(&p->work, &p->mutex, &deadline);
    p->n_idle--;
    return !eddyi_list_empty(&p->queue);
}

/*
 * Hands a finished operation back. Leaves the mutex locked. The loop is woken without the mutex,
 * which it takes next: with it, each operation would cost another sleep and wake-up of both. The
 * backend lives until the thread has been joined.
 */
static void hand_back(struct eddyi_pool *p, struct eddyi_op *op)
{
    bool first;

    pthread_mutex_lock(&p->mutex);
    first = eddyi_list_empty(&p->done);
    eddyi_list_append(&p->done, &op->link);
    atomic_store(&p->any_done, true);
    pthread_cond_signal(&p->news);
    if (!first)
        return;
    pthread_mutex_unlock(&p->mutex);
    p->backend->ops->wake(p->backend);
    pthread_mutex_lock(&p->mutex);
}

static void *pool_thread(void *arg)
{
    struct eddyi_pool_thread *t = arg;
    struct eddyi_pool *p = t->pool;

    eddyi_sys_thread_name("eddy-files");
    pthread_mutex_lock(&p->mutex);
    while (!eddyi_list_empty(&p->queue) || wait_for_work(p)) {
        struct eddyi_op *op = eddyi_container(eddyi_list_pop(&p->queue), struct eddyi_op, link);

        p->n_queued--;
        pthread_mutex_unlock(&p->mutex);
        op->result = eddyi_op_perform(op);
        hand_back(p, op);
    }
    t->left = true;
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Starts a thread, if there may be another. The mutex is locked. Joining a thread that has left
 * takes no time, since it only has to return. */
static int start_thread(struct eddyi_pool *p)
{
    struct eddyi_pool_thread *t = NULL;
    int rc;

    for (int i = 0; i < EDDYI_POOL_THREADS && !t; i++) {
        if (!p->threads[i].started || p->threads[i].left)
            t = &p->threads[i];
    }
    if (!t)
        return 0; /* all are busy; one of them will take the operation */
    if (t->started)
        pthread_join(t->thread, NULL);
    *t = (struct eddyi_pool_thread){.pool = p};
    rc = eddyi_sys_thread_start(&t->thread, pool_thread, t);
    t->started = rc == 0;
    return rc;
}

static bool has_threads(const struct eddyi_pool *p)
{
    for (int i = 0; i < EDDYI_POOL_THREADS; i++) {
        if (p->threads[i].started && !p->threads[i].left)
            return true;
    }
    return false;
}

/* Signals a thread without the mutex, which that takes next, as in hand_back(). */
int eddyi_pool_submit(struct eddyi_pool *p, struct eddyi_op *op)
{
    bool idle;
    int rc = 0;

    if (p->pid != eddyi_sys_pid())
        return EDDY_EFORKED;
    pthread_mutex_lock(&p->mutex);
    eddyi_list_append(&p->queue, &op->link);
    p->n_queued++;
    idle = p->n_queued <= p->n_idle;
    if (!idle)
        rc = start_thread(p);
    if (rc < 0 && has_threads(p))
        rc = 0;
    if (rc < 0) {
        eddyi_list_remove(&op->link);
        p->n_queued--;
    }
    pthread_mutex_unlock(&p->mutex);
    if (idle)
        pthread_cond_signal(&p->work);
    p->n_outstanding += rc == 0;
    return rc;
}

bool eddyi_pool_withdraw(struct eddyi_pool *p, struct eddyi_op *op)
{
    bool queued = false;

    if (p->pid != eddyi_sys_pid())
        return false;
    pthread_mutex_lock(&p->mutex);
    EDDYI_LIST_EACH(l, &p->queue)
        queued = queued || l == &op->link;
    if (queued) {
        eddyi_list_remove(&op->link);
        p->n_queued--;
        p->n_outstanding--;
    }
    pthread_mutex_unlock(&p->mutex);
    return queued;
}

/* Takes what is done. The mutex is locked. */
static void take(struct eddyi_pool *p, struct eddyi_list *to)
{
    EDDYI_LIST_EACH(l, &p->done)
        p->n_outstanding--;
    eddyi_list_move_all(to, &p->done);
    atomic_store(&p->any_done, false);
}

EDDYI_DIRECT void eddyi_pool_take(struct eddyi_pool *p, struct eddyi_list *to)
{
    if (!atomic_load_explicit(&p->any_done, memory_order_acquire))
        return;
    pthread_mutex_lock(&p->mutex);
    take(p, to);
    pthread_mutex_unlock(&p->mutex);
}

void eddyi_pool_settle(struct eddyi_pool *p, struct eddyi_list *to)
{
    if (p->n_outstanding == 0 || p->pid != eddyi_sys_pid())
        return;
    eddyi_backend_before_wait(p->backend);
    pthread_mutex_lock(&p->mutex);
    for (take(p, to); p->n_outstanding > 0; take(p, to))
        pthread_cond_wait(&p->news, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
    eddyi_backend_after_wait(p->backend);
}

/* Forgets the threads, one of which may have locked the mutex in the parent. */
void eddyi_pool_forked(struct eddyi_pool *p)
{
    atomic_store(&p->any_done, false);
}

static void join_all(struct eddyi_pool *p)
{
    eddyi_backend_before_wait(p->backend);
    for (int i = 0; i < EDDYI_POOL_THREADS; i++) {
        if (p->threads[i].started)
            pthread_join(p->threads[i].thread, NULL);
    }
    eddyi_backend_after_wait(p->backend);
}

void eddyi_pool_fini(struct eddyi_pool *p)
{
    if (p->pid != eddyi_sys_pid())
        return;
    pthread_mutex_lock(&p->mutex);
    p->closing = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    join_all(p);
    pthread_cond_destroy(&p->news);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->mutex);
}
