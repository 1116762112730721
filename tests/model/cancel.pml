/*
 * Models a job, the future that wraps it, and all concurrent actions on them
 * (src/executor/concurrent.c, wrap.c, executor.c): a worker takes, begins and finishes the job; the
 * loop cancels the future, or awaits it, or closes; another thread cancels the job itself; the
 * executor shuts down and cancels the jobs that have not begun. The job may be a private one, which
 * ends without its mutex.
 *
 * The promises: the job's function runs at most once, and not if the job was cancelled before; the
 * future ends once; the memory of the future and of the job is freed, once, and not touched
 * afterwards; the executor is not touched after its threads and its owner have left it; no thread
 * waits forever. Mutexes are taken in one order: the job's, then the executor's or the loop's. (The
 * wrapper of a private job is part of the job's memory; here it is freed separately, which is
 * stricter.) Each mutation breaks one of these:
 *
 * mutation: TELLS_UNLOCKED     the watcher is notified after the job's mutex was released
 * mutation: BEGINS_UNCHECKED   the worker does not check whether the job was cancelled
 * mutation: CLOSES_UNCHECKED   closing the loop drops a future although its item was posted
 * mutation: WITHDRAWS_BLINDLY  cancelling drops the queue's reference of a job that is not queued
 * mutation: CLOSES_HASTILY     closing the loop drops a private job's future while it is notified
 * mutation: LEAVES_EARLY       the worker does not wait for the thread that cancelled its job
 * mutation: KEEPS_WHAT_IT_GAVE the worker drops the reference that went with the posted item
 */
mtype = { PENDING, RUNNING, ENDING, FINISHED, CANCELLED };
mtype = { NONE, WATCHING, TELLING, UNTOLD };

/* The job. */
mtype state = PENDING;
bool job_mutex, job_freed;
byte job_refs = 3; /* the queue's, the wrapper's, the other thread's */
bool private;
bool watching = true;  /* the wrapper is on the list of watchers */
mtype only = WATCHING; /* of a private job, instead */
bool has_two;          /* the wrapper has the worker's reference besides its own */
bool ran;

/* The executor. */
bool pool_mutex;
bool in_queue = true;
byte pool_refs = 2; /* the worker's and the owner's */

/* The loop. */
bool loop_mutex, closed, posted;

/* The wrapping future. */
bool wrapper_freed, future_done;
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

/* The watcher's call: posts the wrapper's item, if it can. */
inline tell(reference)
{
    assert(!wrapper_freed);
    lock(loop_mutex);
    posts = !closed;
    if
    :: posts -> assert(!posted && !wrapper_freed); has_two = reference; posted = true
    :: else
    fi;
    unlock(loop_mutex);
    assert(posts || !wrapper_freed)
}

inline tell_only(reference)
{
    atomic {
        assert(!job_freed);
        told = (only == WATCHING);
        only = TELLING
    };
    passed_on = false;
    if
    :: told ->
        tell(reference);
        if
        :: posts -> passed_on = reference
        :: else -> assert(!job_freed); only = UNTOLD
        fi
    :: else
    fi;
    told = false
}

/* eddyi_executor_withdraw(), with the job's mutex held. */
inline withdraw()
{
    assert(pool_refs > 0);
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
    atomic {
        mine = (state == PENDING || (any && state == RUNNING));
        if
        :: mine -> state = ENDING
        :: else
        fi
    };
    if
    :: mine ->
        state = how;
        if
        :: private -> tell_only(false)
#ifndef TELLS_UNLOCKED
        :: !private && watching -> watching = false; tell(false)
        :: !private && !watching
#else
        :: !private -> told = watching; watching = false
#endif
        fi;
        if
        :: how == CANCELLED -> withdraw()
        :: else
        fi
    :: else
    fi;
    assert(!job_freed);
    unlock(job_mutex);
    if
    :: told -> tell(false)
    :: else
    fi
}

proctype worker()
{
    bool was_queued, told, mine, posts, passed_on;

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
    if
    :: atomic { state == PENDING -> state = RUNNING }
    :: state != PENDING ->
#ifndef LEAVES_EARLY
        lock(job_mutex);
        unlock(job_mutex);
#endif
        goto drop
    fi;
run_it:
    atomic { assert(!ran && !job_freed); ran = true };
    if
    :: private ->
        state = FINISHED;
        tell_only(true);
#ifdef KEEPS_WHAT_IT_GAVE
        passed_on = false;
#endif
        if
        :: passed_on -> goto done
        :: else
        fi
    :: else -> end(FINISHED, true)
    fi;
drop:
    job_unref();
done:
    pool_refs--
}

/* Cancels the job itself, from some thread. */
proctype other_thread()
{
    bool was_queued, told, mine, posts, passed_on;

    if
    :: end(CANCELLED, false)
    :: skip
    fi;
    job_unref()
}

/* cancel_queued() of the executor's shutdown. */
proctype shutdown()
{
    bool was_queued, told, mine, posts, passed_on;

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
    fi;
    pool_refs--
}

inline unwatch()
{
    assert(!job_freed);
    if
    :: private ->
        atomic {
            was_watching = (only == WATCHING);
            if
            :: was_watching -> only = NONE
            :: else
            fi
        }
    :: else ->
        lock(job_mutex);
        was_watching = watching;
        watching = false;
        unlock(job_mutex)
    fi
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
    if
    :: has_two -> job_unref()
    :: else
    fi;
    wrapper_unref()
}

proctype loop()
{
    bool was_watching, was_queued, told, mine, posts, passed_on, cancelled, gone;

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
    :: gone -> goto end_of_task /* it is not among the loop's pending any more */
    :: posted -> goto take
    :: !gone -> goto close
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
    :: was_watching -> wrapper_unref(); future_done = true
#ifdef CLOSES_UNCHECKED
    :: !was_watching && posted -> wrapper_unref(); future_done = true
#else
    :: !was_watching && posted
#endif
    :: !was_watching && !posted ->
#ifndef CLOSES_HASTILY
        !private || only == UNTOLD;
#endif
        wrapper_unref();
        future_done = true
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
        if
        :: private = true
        :: private = false
        fi;
        run worker();
        run other_thread();
        run shutdown();
        run loop()
    }
    /* All have ended. */
    _nr_pr == 1;
    assert(wrapper_freed && job_freed && !posted)
}
