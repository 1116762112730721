/*
 * Posting to a loop that is falling asleep (src/loop/turn.c): eddyi_loop_post_locked(), wait(), take_posted(), and the
 * signal handler's eddyi_loop_signal().
 *
 * The promise: whatever was posted is taken, however the steps of the threads fall between each other. Otherwise the loop sleeps for
 * ever, which Spin finds as an end that is none.
 *
 * The accesses that are sequentially consistent in C are single steps here. The one relaxed store that others look at, asleep =
 * false, may be seen late, so here it may not happen at all before the next one. Each mutation breaks the promise:
 *
 * mutation: NO_SECOND_LOOK     the loop does not look again once it has said that it sleeps
 * mutation: LOOKS_FIRST        the poster looks whether the loop sleeps before it says that there is something
 * mutation: LOWERS_TOO_LATE    the loop lowers any_posted when it has given the mutex up
 */
#define POSTERS 2
#define EACH 2

bool any_posted, asleep, signalled;
bool woken; /* the backend: what wake() leaves and wait() takes */
byte posted, taken;
bool signal_seen;
bool mutex;

inline lock()   { atomic { !mutex -> mutex = true } }
inline unlock() { mutex = false }

proctype poster()
{
    byte i;
    bool saw;

    for (i : 1 .. EACH) {
        lock();
        posted++;
        if
        :: any_posted
        :: else ->
#ifdef LOOKS_FIRST
            saw = asleep;
            any_posted = true;
#else
            any_posted = true;
            saw = asleep;
#endif
            if
            :: saw -> woken = true
            :: else
            fi
        fi;
        unlock();
    }
}

proctype signal_handler()
{
    signalled = true;
    woken = true;
}

inline sleep()
{
    asleep = true;
#ifdef NO_SECOND_LOOK
    woken;
    woken = false;
#else
    if
    :: any_posted -> woken = false
    :: else -> woken; woken = false
    fi;
#endif
    if
    :: asleep = false
    :: skip
    fi
}

inline take_posted()
{
    if
    :: any_posted ->
        lock();
        taken = taken + posted;
        posted = 0;
#ifdef LOWERS_TOO_LATE
        unlock();
        any_posted = false
#else
        any_posted = false;
        unlock()
#endif
    :: else
    fi
}

proctype loop()
{
    do
    :: taken == POSTERS * EACH && signal_seen -> break
    :: else ->
        if
        :: any_posted || signalled
        :: else -> sleep()
        fi;
        take_posted();
        if
        :: signalled -> signalled = false; signal_seen = true
        :: else
        fi
    od
}

init {
    byte i;

    atomic {
        run loop();
        run signal_handler();
        for (i : 1 .. POSTERS) {
            run poster()
        }
    }
}
