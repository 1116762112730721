/*
 * Models the hand-over from submitters of jobs to the threads of an executor
 * (src/executor/executor.c): put_into_inbox(), enqueue(), eddyi_executor_call(), next_job(),
 * idle(), leave(), and the shutdown.
 *
 * The promises: every job runs, once; if a thread is idle, or may be made, a job does not wait for
 * another job to end (the jobs here all wait for each other at a barrier, so otherwise none would
 * end); after the shutdown every thread leaves, and the last one reports it. Each mutation breaks
 * one of them:
 *
 * mutation: SLEEPS_BLINDLY      a thread that found no job sleeps without re-checking the queue
 * mutation: COUNTS_TOO_LATE     a thread checks the inbox before it stops being counted as coming
 * mutation: CALLS_NO_FURTHER    a thread that takes a job does not call another, with more queued
 * mutation: IS_STILL_COMING     a called thread is still counted as coming when it has come
 * mutation: FORGETS_SLEEPERS    shutting down does not wake the sleeping threads
 */
#define THREADS 3
#define SUBMITTERS 2
#define JOBS 3 /* as many as threads may run, since the jobs wait for each other */

byte inbox, queued, n_threads, n_coming, n_asleep, n_called;
byte waiting, signals; /* the condition: waiting threads, and wake-ups in flight */
byte spurious; /* wake-ups for no reason, of which a run has one at most */
byte begun, ended, submitted;
bool shut_down, over;
bool mutex;

inline lock()   { atomic { !mutex -> mutex = true } }
inline unlock() { mutex = false }

/* One who waits is woken, if there is any. */
inline signal()
{
    d_step {
        if
        :: waiting > 0 -> waiting--; signals++
        :: else
        fi
    }
}

inline broadcast() { d_step { signals = signals + waiting; waiting = 0 } }

/* Gives the mutex up, waits, and has it again; may also return for no reason at all. */
inline cond_wait()
{
    atomic { waiting++; mutex = false };
    atomic {
        if
        :: signals > 0 -> signals--
        :: waiting > 0 && spurious < 1 -> waiting--; spurious++
        fi
    };
    lock()
}

/* Of proctype worker(), which is below. */
inline call_worker()
{
    if
    :: (queued == 0 && inbox == 0) || n_coming > 0
    :: else ->
        if
        :: n_asleep > 0 -> n_asleep--; n_called++; n_coming++; signal()
        :: n_asleep == 0 && n_threads < THREADS -> n_threads++; n_coming++; run worker(true)
        :: else
        fi
    fi
}

inline sleep_until_called()
{
    n_asleep++;
    cond_wait();
    do
    :: n_called == 0 && !shut_down -> cond_wait()
    :: else -> break
    od;
    if
    :: n_called > 0 ->
        n_called--;
#ifndef IS_STILL_COMING
        n_coming--
#endif
    :: else -> n_asleep--
    fi
}

/* has_work() */
inline look_into_inbox()
{
    if
    :: queued == 0 -> d_step { queued = inbox; inbox = 0 }
    :: else
    fi
}

proctype worker(bool starting)
{
    bool may_look;

next:
    may_look = true;
    lock();
    if
    :: starting -> n_coming--; starting = false
    :: else
    fi;
    do
    :: look_into_inbox();
        if
        :: queued > 0 -> break
        :: else
        fi;
        if
        :: shut_down -> goto leave
        :: else
        fi;
        if
        :: may_look && n_coming == 0 ->
            n_coming++;
            unlock();
            /* Looks for as long as it likes: sees a job, or gives up. */
            lock();
            may_look = false;
#ifdef COUNTS_TOO_LATE
            look_into_inbox();
            n_coming--;
            if
            :: queued > 0 -> break
            :: else -> sleep_until_called()
            fi
#else
            n_coming--;
#endif
#ifdef SLEEPS_BLINDLY
            sleep_until_called()
#endif
        :: else ->
            sleep_until_called();
            may_look = false
        fi
    od;
    queued--;
#ifndef CALLS_NO_FURTHER
    call_worker();
#endif
    unlock();
    atomic { begun++; assert(begun <= JOBS) };
    begun == JOBS; /* the barrier */
    ended++;
    goto next;

leave:
    n_threads--;
    if
    :: n_threads == 0 -> unlock(); assert(!over); over = true
    :: else -> unlock()
    fi
}

/* The submitters share the jobs in any way. */
proctype submitter()
{
    bool first;

    do
    :: atomic { submitted < JOBS -> submitted++ };
        if
        :: n_threads > 0 ->
            d_step { first = (inbox == 0); inbox++ };
            if
            :: first && n_coming == 0 -> lock(); call_worker(); unlock()
            :: else
            fi
        :: else ->
            lock();
            queued++;
            call_worker();
            unlock()
        fi
    :: submitted == JOBS -> break
    od
}

/* The threads that are there at the beginning, idle, looking or asleep as chance will have it. */
init {
    byte i;

    atomic {
        if
        :: n_threads = 0
        :: n_threads = 2; run worker(false); run worker(false)
        :: n_threads = THREADS; run worker(false); run worker(false); run worker(false)
        fi;
        for (i : 1 .. SUBMITTERS) {
            run submitter()
        }
    }
    ended == JOBS;
    lock();
    shut_down = true;
#ifndef FORGETS_SLEEPERS
    broadcast();
#endif
    if
    :: n_threads == 0 -> unlock(); over = true
    :: else -> unlock()
    fi;
    over;
    assert(begun == JOBS && queued == 0 && inbox == 0)
}
