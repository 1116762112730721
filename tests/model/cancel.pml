/*
 * A job, the future that wraps it, and everything that may happen to them at once (src/executor/concurrent.c, wrap.c,
 * executor.c): a worker takes, begins and finishes the job; the loop cancels the future, or awaits it, or closes; another
 * thread cancels the job itself; the executor shuts down and cancels what it has not begun.
 *
 * The promises: the job's function runs at most once, and not if anybody cancelled it before; the future ends once; memory
 * of the future and of the job is freed, once, and not touched afterwards; nobody waits for ever. Mutexes are taken in
 * one order: the job's, then the executor's or the loop's. Each mutation breaks one of these:
 *
 * mutation: TELLS_UNLOCKED     the watcher is told after the job's mutex was given up
 * mutation: BEGINS_UNCHECKED   the worker does not ask whether the job was cancelled
 * mutation: CLOSES_UNCHECKED   closing the loop lets go of a future although its item was posted
 * mutation: WITHDRAWS_BLINDLY  cancelling gives up the queue's reference whether the job was in the queue or not
 */
mtype = { PENDING, RUNNING, FINISHED, CANCELLED };

/* The job. */
mtype state = PENDING;
bool job_mutex, job_freed;
byte job_refs = 3; /* the queue's, the wrapper's, the other thread's */
bool watching = true; /* the wrapper is on the list of watchers */
bool ran;

/* The executor. */
bool pool_mutex;
bool in_queue = true;

/* The loop. */
bool loop_mutex, closed, posted;

/* The wrapping future. */
bool wrapper_freed, future_done, undelivered;
byte wrapper_refs = 2; /* the awaiting task's, and its own until nothing can come any more */

inline lock(m)   { atomic { !m -> m = true } }
inline unlock(m) { assert(m); m = false }

inline job_unref()
{
    d_step {
        assert(!job_freed && job_refs > 0);
        job_refs--;
        job_freed = (job_refs == 0);
        assert(!job_freed || !job_mutex)
    }
}

inline wrapper_unref()
{
    atomic {
        assert(!wrapper_freed && wrapper_refs > 0);
        wrapper_refs--;
        if
        :: wrapper_refs == 0 -> wrapper_freed = true; job_unref()
        :: else
        fi
    }
}

/* The watcher's call: posts the wrapper's item, or notes that it cannot. */
inline tell()
{
    assert(!wrapper_freed);
    lock(loop_mutex);
    if
    :: closed -> assert(!wrapper_freed); undelivered = true
    :: else -> assert(!posted); posted = true
    fi;
    unlock(loop_mutex)
}

/* eddyi_executor_withdraw(), with the job's mutex held. */
inline withdraw()
{
    lock(pool_mutex);
    was_queued = in_queue;
    in_queue = false;
    unlock(pool_mutex);
#ifdef WITHDRAWS_BLINDLY
    was_queued = true;
#endif
    if
    :: was_queued -> job_unref()
    :: else
    fi
}

/* end(): from PENDING, or if @any from RUNNING too. */
inline end(how, any)
{
    assert(!job_freed);
    lock(job_mutex);
    told = false;
    if
    :: state == PENDING || (any && state == RUNNING) ->
        state = how;
#ifndef TELLS_UNLOCKED
        if
        :: watching -> watching = false; tell()
        :: else
        fi;
#else
        told = watching;
        watching = false;
#endif
        if
        :: how == CANCELLED -> withdraw()
        :: else
        fi
    :: else
    fi;
    assert(!job_freed);
    unlock(job_mutex);
    if
    :: told -> tell()
    :: else
    fi
}

proctype worker()
{
    bool was_queued, told;

    lock(pool_mutex);
    if
    :: in_queue -> in_queue = false; unlock(pool_mutex)
    :: else -> unlock(pool_mutex); goto done
    fi;
    assert(!job_freed);
#ifdef BEGINS_UNCHECKED
    state = RUNNING;
    goto run_it;
#endif
    lock(job_mutex);
    if
    :: state == PENDING -> state = RUNNING; unlock(job_mutex)
    :: else -> unlock(job_mutex); goto drop
    fi;
run_it:
    atomic { assert(!ran && !job_freed); ran = true };
    end(FINISHED, true);
drop:
    job_unref();
done:
}

/* Cancels the job itself, from some thread. */
proctype other_thread()
{
    bool was_queued, told;

    if
    :: end(CANCELLED, false)
    :: skip
    fi;
    job_unref()
}

/* cancel_queued() of the executor's shutdown. */
proctype shutdown()
{
    bool was_queued, told, mine;

    if
    :: skip ->
        lock(pool_mutex);
        mine = in_queue;
        in_queue = false;
        unlock(pool_mutex);
        if
        :: mine -> end(CANCELLED, false); job_unref()
        :: else
        fi
    :: skip
    fi
}

inline unwatch()
{
    assert(!job_freed);
    lock(job_mutex);
    was_watching = watching;
    watching = false;
    unlock(job_mutex)
}

/* The wrapper's item has its turn, in the loop or while it closes. */
inline arrive()
{
    posted = false;
    assert(!wrapper_freed);
    if
    :: !future_done -> assert(state == FINISHED || state == CANCELLED); future_done = true
    :: else
    fi;
    wrapper_unref()
}

proctype loop()
{
    bool was_watching, was_queued, told, cancelled, gone;

    if
    :: skip ->
        /* The task that awaits is cancelled; the future is done at once. */
        future_done = true;
        job_refs++;
        unwatch();
        if
        :: was_watching -> wrapper_unref(); gone = true
        :: else
        fi;
        end(CANCELLED, false);
        job_unref();
        cancelled = true
    :: skip
    fi;
    /* The loop goes on until the item has come, or is closed at any moment before that. */
    if
    :: gone -> goto end_of_task
    :: posted -> goto take
    :: skip -> goto close
    fi;
take:
    lock(loop_mutex);
    unlock(loop_mutex);
    arrive();
    goto end_of_task;
close:
    lock(loop_mutex);
    closed = true;
    unlock(loop_mutex);
    unwatch();
    if
    :: was_watching || undelivered -> wrapper_unref(); future_done = true
#ifdef CLOSES_UNCHECKED
    :: else -> wrapper_unref(); future_done = true
#else
    :: else -> skip
#endif
    fi;
    if
    :: posted -> arrive()
    :: else
    fi;
end_of_task:
    assert(future_done);
    wrapper_unref() /* the awaiting task's */
}

init {
    atomic {
        run worker();
        run other_thread();
        run shutdown();
        run loop()
    }
    /* All have ended. */
    _nr_pr == 1;
    assert(wrapper_freed && job_freed && !posted)
}
