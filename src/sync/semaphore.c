#include "base/log.h"
#include "eddy/error.h"
#include "sync/wait_queue.h"

bool eddy_semaphore_locked(const eddy_semaphore *s)
{
    return s->eddyi_value == 0 || eddyi_wait_queue_busy(&s->eddyi_queue);
}

/* Wakes the first waiter and gives it a token, which is its own from now on (rule 127). */
static bool wake_next(eddy_semaphore *s)
{
    if (!eddyi_wait_queue_wake(&s->eddyi_queue))
        return false;
    s->eddyi_value--;
    return true;
}

int eddy_semaphore_acquire(eddy_semaphore *s)
{
    bool woken = false;
    int rc;

    if (!eddy_semaphore_locked(s)) {
        s->eddyi_value--;
        return 0;
    }
    rc = eddyi_wait_queue_wait(&s->eddyi_queue, "a semaphore", &woken);
    if (rc < 0 && rc != -ECANCELED)
        return rc;
    if (rc < 0 && woken)
        s->eddyi_value++;
    while (s->eddyi_value > 0 && wake_next(s))
        ;
    return rc;
}

static bool is_full(const eddy_semaphore *s)
{
    return s->eddyi_bounded && s->eddyi_value >= s->eddyi_bound;
}

int eddy_semaphore_release(eddy_semaphore *s)
{
    if (is_full(s))
        return eddy_raise(EDDY_EMISUSE, "BoundedSemaphore released too many times");
    s->eddyi_value++;
    wake_next(s);
    return 0;
}

void eddyi_semaphore_release_guarded(eddy_semaphore *const *s)
{
    if (is_full(*s))
        eddyi_log(EDDY_LOG_WARNING, "a semaphore was released before the end of its scope");
    else
        eddy_semaphore_release(*s);
}
