/*
 * Models posting to a loop that is falling asleep, or is being closed (src/loop/post.c, turn.c):
 * put(), eddyi_loop_post_elsewhere(), wait(), take(), eddyi_loop_close_inbox(), and the signal
 * handler's eddyi_loop_signal().
 *
 * The promises: every item that the inbox accepted is taken, in all interleavings of the threads'
 * steps (otherwise the loop sleeps forever, which Spin reports as an invalid end state); and no
 * thread touches a closed loop on account of an item that the loop had already taken. Each access
 * to the inbox is one atomic step in C. Each mutation breaks a promise:
 *
 * mutation: MARKS_BLINDLY   the loop marks itself asleep without checking for posted items
 * mutation: WAKES_NOBODY    a thread that posts to a sleeping loop does not wake it
 * mutation: WAKES_UNLOCKED  a thread that posts to a sleeping loop wakes it without the mutex
 * mutation: CLOSES_UNLOCKED closing does not wait for the mutex
 */
#define POSTERS 2
#define EACH 2

mtype = { EMPTY, ASLEEP, CLOSED, ITEMS };
mtype inbox = EMPTY;
byte posted; /* how many items the inbox has */

bool woken; /* the backend: what wake() leaves and wait() takes */
bool signalled, signal_seen, closed, gone;
byte accepted, refused, taken;
bool mutex;

inline lock()   { atomic { !mutex -> mutex = true } }
inline unlock() { assert(!gone); mutex = false }

inline put(will_wake)
{
    d_step {
        before = inbox;
        if
        :: before == CLOSED || (before == ASLEEP && !will_wake)
        :: else -> inbox = ITEMS; posted++; accepted++
        fi
    }
}

proctype poster()
{
    byte i;
    mtype before;

    for (i : 1 .. EACH) {
#ifdef WAKES_UNLOCKED
        put(true);
        if
        :: before == ASLEEP -> assert(!gone); woken = true
        :: else
        fi;
#else
        put(false);
        if
        :: before == ASLEEP ->
            lock();
            put(true);
#ifndef WAKES_NOBODY
            if
            :: before == ASLEEP -> assert(!gone); woken = true
            :: else
            fi;
#endif
            if
            :: before == CLOSED -> mutex = false /* its item was not taken: it has a reference */
            :: else -> unlock()
            fi
        :: else
        fi;
#endif
        if
        :: before == CLOSED -> refused++
        :: else
        fi
    }
}

proctype signal_handler()
{
    signalled = true;
    woken = true
}

inline sleep()
{
#ifdef MARKS_BLINDLY
    inbox = ASLEEP;
    marked = true;
#else
    d_step {
        marked = (inbox == EMPTY);
        if
        :: marked -> inbox = ASLEEP
        :: else
        fi
    }
#endif
    if
    :: marked ->
        woken;
        woken = false;
        d_step {
            if
            :: inbox == ASLEEP -> inbox = EMPTY
            :: else
            fi
        }
    :: else -> woken = false
    fi
}

/* take() */
inline take(instead)
{
    d_step {
        taken = taken + posted;
        posted = 0;
        inbox = instead
    }
}

proctype loop()
{
    bool marked;

    do
    :: accepted + refused < POSTERS * EACH || taken < accepted || !signal_seen ->
        if
        :: inbox == ITEMS || signalled
        :: else -> sleep()
        fi;
        take(EMPTY);
        if
        :: signalled -> signalled = false; signal_seen = true
        :: else
        fi
    :: break /* it may be closed at any moment when it is awake */
    od;
#ifdef CLOSES_UNLOCKED
    take(CLOSED);
#else
    lock();
    take(CLOSED);
    unlock();
#endif
    gone = true
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
    _nr_pr == 1;
    assert(taken == accepted && posted == 0)
}
