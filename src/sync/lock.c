#include "base/log.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "sync/wait_here.h"

static int take(eddy_lock *lock)
{
    lock->eddyi_locked = true;
    lock->eddyi_holder = eddyi_loop_running ? eddyi_loop_running->tasks.current : NULL;
    return 0;
}

/* Waits for its turn, and takes the lock. Not inlined, so that a free lock needs no frame. */
EDDYI_UNGUARDED __attribute__((noinline)) static int wait(eddy_lock *lock)
{
    int rc = eddyi_wait_queue_wait_here(&lock->eddyi_queue, "a lock", &lock->eddyi_holder, NULL);

    if (rc == 0)
        return take(lock);
    /* A wake-up that this task received belongs to the next waiter. */
    if (rc == -ECANCELED && !lock->eddyi_locked)
        eddyi_wait_queue_wake_first(&lock->eddyi_queue);
    return rc;
}

int eddy_lock_acquire(eddy_lock *lock)
{
    /* A newcomer does not overtake a waiter, even while the lock is free (rule 119). */
    if (!lock->eddyi_locked && !eddyi_wait_queue_busy(&lock->eddyi_queue))
        return take(lock);
    return wait(lock);
}

int eddy_lock_release(eddy_lock *lock)
{
    if (!lock->eddyi_locked)
        return eddy_raise(EDDY_EMISUSE, "Lock is not acquired.");
    lock->eddyi_locked = false;
    lock->eddyi_holder = NULL;
    eddyi_wait_queue_wake_first(&lock->eddyi_queue);
    return 0;
}

bool eddy_lock_locked(const eddy_lock *lock)
{
    return lock->eddyi_locked;
}

void eddyi_lock_release_guarded(eddy_lock *const *lock)
{
    if ((*lock)->eddyi_locked)
        eddy_lock_release(*lock);
    else
        eddyi_log(EDDY_LOG_WARNING, "a lock was released before the end of its scope");
}
