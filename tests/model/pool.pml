/*
 * The hand-over between those who submit jobs and the threads of an executor (src/executor/executor.c): enqueue(),
 * call_worker(), next_job(), idle(), leave(), and the shutdown.
 *
 * The promises: every job runs, once; if a thread is free, or may be made, it does not wait for another job to end (the jobs here all
 * wait for each other at a barrier, so otherwise nobody ever gets on); after the shutdown every thread leaves, and
 * the last one says so. Each mutation breaks one of them:
 *
 * mutation: SLEEPS_BLINDLY      a thread that has looked in vain sleeps without another look at the queue
 * mutation: COUNTS_ON_ONE_LOOK  no thread is woken if some thread looks, however many jobs there are
 * mutation: FORGETS_SLEEPERS    shutting down does not wake the threads that sleep
 */
#define THREADS 3
#define SUBMITTERS 2
#define JOBS 3 /* as many as threads may run, for they wait for each other */

byte queued, n_threads, n_idle, n_asleep;
byte waiting, signals; /* the condition: who waits, and wake-ups on their way */
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
    atomic { signals > 0 -> signals-- };
    lock()
}

proctype worker()
{
    bool may_look;

next:
    may_look = true;
    lock();
    do
    :: queued > 0 -> break
    :: else ->
        if
        :: shut_down -> goto leave
        :: else
        fi;
        n_idle++;
        if
        :: may_look ->
            unlock();
            /* Looks for as long as it likes: sees a job, or gives up. */
            lock();
            may_look = false;
            n_idle--;
#ifdef SLEEPS_BLINDLY
            n_idle++; n_asleep++;
            cond_wait();
            n_asleep--; n_idle--
#endif
        :: else ->
            n_asleep++;
            cond_wait();
            n_asleep--;
            n_idle--
        fi
    od;
    queued--;
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

inline call_worker()
{
    if
    :: queued > n_idle && n_threads < THREADS ->
        n_threads++;
        run worker()
#ifdef COUNTS_ON_ONE_LOOK
    :: else ->
        if
        :: n_asleep > 0 && n_idle - n_asleep == 0 -> signal()
        :: else
        fi
#else
    :: else ->
        if
        :: n_asleep > 0 && queued > n_idle - n_asleep -> signal()
        :: else
        fi
#endif
    fi
}

/* The submitters share the jobs in any way. */
proctype submitter()
{
    do
    :: atomic { submitted < JOBS -> submitted++ };
        lock();
        queued++;
        call_worker();
        unlock()
    :: submitted == JOBS -> break
    od
}

/* The threads that are there at the beginning, idle, looking or asleep as chance will have it. */
init {
    byte i;

    atomic {
        if
        :: n_threads = 0
        :: n_threads = 2; run worker(); run worker()
        :: n_threads = THREADS; run worker(); run worker(); run worker()
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
    assert(begun == JOBS && queued == 0)
}
