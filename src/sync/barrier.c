/*
 * A barrier is a condition and a state.
 *
 *   FILLING --all parties are waiting--> DRAINING --the last has left--> FILLING
 *           --reset------------------> RESETTING --the last has left--> FILLING
 *   any     --abort------------------> BROKEN, until a reset
 */
#include "base/exception.h"
#include "eddy/error.h"
#include "sync/wait_queue.h"

enum { FILLING, DRAINING, RESETTING, BROKEN };

static bool is_open(void *arg)
{
    const eddy_barrier *b = arg;

    return b->eddyi_state != DRAINING && b->eddyi_state != RESETTING;
}

static bool is_decided(void *arg)
{
    return ((eddy_barrier *)arg)->eddyi_state != FILLING;
}

/* Waits, with the lock taken, while an earlier round drains or is reset. */
static int wait_open(eddy_barrier *b)
{
    int rc = eddy_condition_wait_for(&b->eddyi_condition, is_open, b);

    if (rc == 0 && b->eddyi_state == BROKEN)
        rc = eddy_raise(EDDY_EBROKENBARRIER, "Barrier aborted");
    return rc;
}

static int wait_filled(eddy_barrier *b)
{
    int rc = eddy_condition_wait_for(&b->eddyi_condition, is_decided, b);

    if (rc == 0 && (b->eddyi_state == BROKEN || b->eddyi_state == RESETTING))
        rc = eddy_raise(EDDY_EBROKENBARRIER, "Abort or reset of barrier");
    return rc;
}

static void barrier_leave(eddy_barrier *b)
{
    if (--b->eddyi_count > 0)
        return;
    if (b->eddyi_state == RESETTING || b->eddyi_state == DRAINING)
        b->eddyi_state = FILLING;
    eddy_condition_notify_all(&b->eddyi_condition);
}

static int wait_locked(eddy_barrier *b)
{
    int index, rc = wait_open(b);

    if (rc < 0)
        return rc;
    index = b->eddyi_count++;
    if (index + 1 == b->eddyi_parties) {
        b->eddyi_state = DRAINING;
        eddy_condition_notify_all(&b->eddyi_condition);
    } else {
        rc = wait_filled(b);
    }
    barrier_leave(b);
    return rc < 0 ? rc : index;
}

int eddy_barrier_wait(eddy_barrier *b)
{
    int rc;

    if (b->eddyi_parties < 1)
        return eddy_raise(-EINVAL, "a barrier needs at least one party");
    rc = eddy_condition_acquire(&b->eddyi_condition);
    if (rc < 0)
        return rc;
    rc = wait_locked(b);
    eddy_condition_release(&b->eddyi_condition);
    return rc;
}

int eddy_barrier_reset(eddy_barrier *b)
{
    int rc = eddy_condition_acquire(&b->eddyi_condition);

    if (rc < 0)
        return rc;
    b->eddyi_state = b->eddyi_count > 0 ? RESETTING : FILLING;
    eddy_condition_notify_all(&b->eddyi_condition);
    eddy_condition_release(&b->eddyi_condition);
    return 0;
}

int eddy_barrier_abort(eddy_barrier *b)
{
    int rc = eddy_condition_acquire(&b->eddyi_condition);

    if (rc < 0)
        return rc;
    b->eddyi_state = BROKEN;
    eddy_condition_notify_all(&b->eddyi_condition);
    eddy_condition_release(&b->eddyi_condition);
    return 0;
}

int eddy_barrier_parties(const eddy_barrier *b)
{
    return b->eddyi_parties;
}

int eddy_barrier_n_waiting(const eddy_barrier *b)
{
    return b->eddyi_state == FILLING ? b->eddyi_count : 0;
}

bool eddy_barrier_broken(const eddy_barrier *b)
{
    return b->eddyi_state == BROKEN;
}
