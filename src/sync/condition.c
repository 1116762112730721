#include "base/exception.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "sync/wait_queue.h"
#include "task/task.h"

eddy_lock *eddy_condition_lock(eddy_condition *c)
{
    return c->eddyi_shared_lock ? c->eddyi_shared_lock : &c->eddyi_own_lock;
}

int eddy_condition_acquire(eddy_condition *c)
{
    return eddy_lock_acquire(eddy_condition_lock(c));
}

int eddy_condition_release(eddy_condition *c)
{
    return eddy_lock_release(eddy_condition_lock(c));
}

bool eddy_condition_locked(const eddy_condition *c)
{
    return eddy_lock_locked(eddy_condition_lock((eddy_condition *)c));
}

/*
 * Takes the lock again, even if the task is cancelled meanwhile: the latest cancellation is stored
 * in *cancelled (rule 124). Raises an error on a loop that is closing, because the lock would never
 * be released there, and if the lock is bound to another loop.
 */
static int reacquire(eddy_condition *c, eddy_exception **cancelled)
{
    int rc;

    while ((rc = eddy_condition_acquire(c)) == -ECANCELED &&
           !eddy_current_task()->future.loop->closed) {
        eddy_exception_unref(*cancelled);
        *cancelled = eddy_exception_ref(eddy_error());
    }
    return rc;
}

int eddy_condition_wait(eddy_condition *c)
{
    eddy_exception *cancelled = NULL;
    int rc;

    if (!eddy_condition_locked(c))
        return eddy_raise(EDDY_EMISUSE, "cannot wait on un-acquired lock");
    rc = eddyi_wait_queue_bind(&c->eddyi_queue);
    if (rc < 0)
        return rc;
    eddy_condition_release(c);
    if (eddyi_wait_queue_wait(&c->eddyi_queue, "a condition", NULL) < 0)
        cancelled = eddy_exception_ref(eddy_error());
    rc = reacquire(c, &cancelled);
    if (rc == 0 && !cancelled)
        return 0;

    /* Passes a notification on that this waiter received and cannot use (rule 125). */
    eddyi_wait_queue_wake(&c->eddyi_queue);
    if (rc == 0)
        rc = eddy_reraise(cancelled);
    eddy_exception_unref(cancelled);
    return rc;
}

int eddy_condition_wait_for(eddy_condition *c, bool (*predicate)(void *arg), void *arg)
{
    while (!predicate(arg)) {
        int rc = eddy_condition_wait(c);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int eddy_condition_notify(eddy_condition *c, size_t n)
{
    if (!eddy_condition_locked(c))
        return eddy_raise(EDDY_EMISUSE, "cannot notify on un-acquired lock");
    while (n-- > 0 && eddyi_wait_queue_wake(&c->eddyi_queue))
        ;
    return 0;
}

int eddy_condition_notify_all(eddy_condition *c)
{
    return eddy_condition_notify(c, SIZE_MAX);
}
