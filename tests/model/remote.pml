/*
 * Models run_coroutine_threadsafe (src/executor/remote.c): a thread has started a coroutine on a
 * loop, and waits for the result, or cancels it; meanwhile the loop starts the task, the task ends,
 * or the loop is closed.
 *
 * The promises: the thread's wait always ends; the shared memory is freed, once, and not touched
 * afterwards; nothing is posted to a loop that no longer exists. Each mutation breaks one of these:
 *
 * mutation: CLOSES_SILENTLY  closing the loop does not handle the coroutines that have not ended
 * mutation: LETS_GO_UNLOCKED the loop detaches without the mutex: a cancel may still be posted
 * mutation: POSTS_UNCOUNTED  the item that cancels has no reference of its own
 */
mtype = { PENDING, FINISHED, CANCELLED };

mtype state = PENDING;
bool mutex, freed;
byte refs = 2; /* the thread's, and the loop's until the task has ended */
bool attached = true; /* r->loop is not NULL */

bool loop_mutex, closed, loop_gone;
bool start_posted = true, cancel_posted;
bool task, task_done;

inline lock(m)   { atomic { !m -> m = true } }
inline unlock(m) { assert(m); m = false }

inline unref()
{
    d_step {
        assert(!freed && refs > 0);
        refs--;
        freed = (refs == 0)
    }
}

/* end(), by the loop. */
inline finish(how)
{
    assert(!freed);
    lock(mutex);
    if
    :: state == PENDING -> state = how
    :: else
    fi;
    unlock(mutex)
}

inline let_go()
{
#ifdef LETS_GO_UNLOCKED
    attached = false;
#else
    lock(mutex);
    attached = false;
    unlock(mutex);
#endif
    task = false;
    unref()
}

/* cancelled(), by the thread, with the mutex held. */
inline post_cancel()
{
    if
    :: attached ->
#ifndef POSTS_UNCOUNTED
        refs++;
#endif
        assert(!loop_gone);
        lock(loop_mutex);
        if
        :: closed -> unlock(loop_mutex); rejected = true
        :: else -> cancel_posted = true; unlock(loop_mutex); rejected = false
        fi;
#ifndef POSTS_UNCOUNTED
        if
        :: rejected -> unref()
        :: else
        fi
#endif
    :: else
    fi
}

proctype thread()
{
    bool rejected;

    if
    :: skip -> state != PENDING
    :: skip ->
        lock(mutex);
        if
        :: state == PENDING -> state = CANCELLED; post_cancel()
        :: else
        fi;
        unlock(mutex)
    fi;
    assert(!freed);
    unref()
}

inline run_cancel()
{
    cancel_posted = false;
    assert(!freed);
    if
    :: task -> task_done = true
    :: else
    fi;
#ifndef POSTS_UNCOUNTED
    unref()
#endif
}

proctype loop()
{
    bool gone;

    do
    :: start_posted -> start_posted = false; assert(!freed); task = true
    :: !start_posted && cancel_posted ->
        lock(loop_mutex);
        unlock(loop_mutex);
        run_cancel()
    :: task && !task_done -> task_done = true /* it ends by itself */
    :: task && task_done ->
        /* copy_outcome() looks without the mutex first */
        if
        :: state == PENDING -> finish(FINISHED)
        :: else
        fi;
        let_go()
    :: break /* closes at any moment */
    od;
    lock(loop_mutex);
    closed = true;
    unlock(loop_mutex);
    /* The pending first, then the items that were posted. */
#ifndef CLOSES_SILENTLY
    if
    :: task -> finish(CANCELLED); let_go()
    :: else
    fi;
    if
    :: start_posted -> start_posted = false; finish(CANCELLED); let_go()
    :: else
    fi;
#endif
    if
    :: cancel_posted -> run_cancel()
    :: else
    fi;
    loop_gone = true
}

init {
    atomic {
        run thread();
        run loop()
    }
    _nr_pr == 1;
    assert(freed && !cancel_posted && !start_posted)
}
