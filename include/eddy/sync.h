/*
 * Synchronisation between tasks of one loop: Lock, Event, Condition, Semaphore, Barrier.
 *
 * The caller provides the storage of each object. `= {0}`, or the initializer given below, makes
 * one; none needs clean-up, and no wait allocates memory. An object binds to a loop the first time
 * a task has to wait on it; after that a task of another loop that would have to wait gets
 * EDDY_EOTHERLOOP. None of them is thread-safe.
 *
 * An object must not move or go out of scope while a task waits on it: a task that shares an object
 * in its own frame must not leave that frame before the other tasks have ended.
 *
 * Cancelled: a cancelled wait leaves no trace. A lock or token that was on its way to the cancelled
 * task goes to the next one. To limit the time of a wait, put it between eddy_timeout_enter() and
 * eddy_timeout_exit().
 */
#ifndef EDDY_SYNC_H
#define EDDY_SYNC_H

#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * The tasks that wait on an object, in first-come order. Private to the library; {0} is an empty
 * queue.
 */
typedef struct eddy_wait_queue {
    void *eddyi_waiters[2];
    void *eddyi_next;
    size_t eddyi_n_waiting;
    eddy_loop *eddyi_loop;
    void *eddyi_reserved[1]; /* zero; see docs/abi.md */
} eddy_wait_queue;

/*
 * A mutual exclusion lock for tasks (asyncio.Lock). Waiting tasks get it in first-come order. It
 * has no owner, and is not reentrant.
 */
typedef struct eddy_lock {
    eddy_wait_queue eddyi_queue;
    const void *eddyi_holder; /* the task that acquired it, for reports */
    bool eddyi_locked;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_lock;

/*
 * Acquires the lock, waiting for it if need be (Lock.acquire); does not suspend if the lock is free
 * and no task waits for it. Returns 0, -ECANCELED (the lock is not acquired), and only if it would
 * have to wait EDDY_ENOTASK or EDDY_EOTHERLOOP.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_lock_acquire(eddy_lock *lock);

/*
 * Releases the lock and wakes the first waiting task (Lock.release). Any task may release it.
 * Returns 0, or EDDY_EMISUSE if the lock is not held.
 */
EDDY_API int eddy_lock_release(eddy_lock *lock);

/* Returns whether the lock is held (Lock.locked). */
EDDY_API bool eddy_lock_locked(const eddy_lock *lock);

/*
 * Declares a guard, after a successful acquire, that releases the lock when the enclosing block is
 * left, in whatever way (async with).
 */
#if defined(__GNUC__)
#define eddy_lock_release_at_end(lock)                                                             \
    EDDYI_GUARD(eddy_lock *const, eddyi_lock_release_guarded, lock)
#endif
EDDY_API void eddyi_lock_release_guarded(eddy_lock *const *lock);

/* A flag that tasks can wait for (asyncio.Event). */
typedef struct eddy_event {
    eddy_wait_queue eddyi_queue;
    bool eddyi_set;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_event;

/* Sets the flag and wakes all waiting tasks, even if the flag is cleared at once (Event.set). */
EDDY_API void eddy_event_set(eddy_event *event);

/* Clears the flag (Event.clear). */
EDDY_API void eddy_event_clear(eddy_event *event);

/* Returns whether the flag is set (Event.is_set). */
EDDY_API bool eddy_event_is_set(const eddy_event *event);

/*
 * Waits until the flag is set; does not suspend if it is (Event.wait). Returns 0, -ECANCELED,
 * EDDY_ENOTASK, or EDDY_EOTHERLOOP.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_event_wait(eddy_event *event);

/*
 * A condition variable: tasks that hold its lock can wait for a change (asyncio.Condition). {0} has
 * a lock of its own.
 */
typedef struct eddy_condition {
    eddy_wait_queue eddyi_queue;
    eddy_lock *eddyi_shared_lock; /* NULL: eddyi_own_lock */
    eddy_lock eddyi_own_lock;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_condition;

/* Initializes a condition with a lock that is used elsewhere too. */
#ifdef __cplusplus /* which names members in initializers only from C++20 on */
#define EDDY_CONDITION_INIT(lock)                                                                  \
    {                                                                                              \
        {}, (lock), {},                                                                            \
        {                                                                                          \
        }                                                                                          \
    }
#else
#define EDDY_CONDITION_INIT(lock)                                                                  \
    {                                                                                              \
        .eddyi_shared_lock = (lock)                                                                \
    }
#endif

/*
 * Acquire, release and examine the condition's lock, as eddy_lock_acquire() and so on do
 * (Condition.acquire, release, locked). eddy_condition_lock() returns the lock. Borrowed.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_condition_acquire(eddy_condition *c);
EDDY_API int eddy_condition_release(eddy_condition *c);
EDDY_API bool eddy_condition_locked(const eddy_condition *c);
EDDY_API eddy_lock *eddy_condition_lock(eddy_condition *c);

/*
 * Releases the lock, waits for a notification, and acquires the lock again (Condition.wait). May
 * also return without a change, so call it in a loop, or call eddy_condition_wait_for(). Returns 0,
 * -ECANCELED, or EDDY_EMISUSE if the lock is not held.
 *
 * Cancelled: the lock is held again, as after every return. A task that was notified and is
 * cancelled passes the notification on. Only if the lock can no longer be acquired (the loop is
 * closing, or EDDY_EOTHERLOOP: the lock is bound to another loop) the call fails without holding
 * it.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_condition_wait(eddy_condition *c);

/*
 * Waits until predicate(arg) is true (Condition.wait_for). The lock is held while @predicate runs.
 * Returns as eddy_condition_wait().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_condition_wait_for(eddy_condition *c, bool (*predicate)(void *arg), void *arg);

/*
 * Wakes the first @n waiting tasks, or all of them (Condition.notify, Condition.notify_all).
 * Returns 0, or EDDY_EMISUSE if the lock is not held.
 */
EDDY_API int eddy_condition_notify(eddy_condition *c, size_t n);
EDDY_API int eddy_condition_notify_all(eddy_condition *c);

/* A number of tokens (asyncio.Semaphore, asyncio.BoundedSemaphore). {0} has none at first. */
typedef struct eddy_semaphore {
    eddy_wait_queue eddyi_queue;
    size_t eddyi_value;
    size_t eddyi_bound;
    bool eddyi_bounded;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_semaphore;

/*
 * Initialize a semaphore with its number of tokens; _BOUNDED_ makes one that cannot be released
 * more often than acquired.
 */
#ifdef __cplusplus
#define EDDY_SEMAPHORE_INIT(value)                                                                 \
    {                                                                                              \
        {}, (value), 0, false,                                                                     \
        {                                                                                          \
        }                                                                                          \
    }
#define EDDY_BOUNDED_SEMAPHORE_INIT(value)                                                         \
    {                                                                                              \
        {}, (value), (value), true,                                                                \
        {                                                                                          \
        }                                                                                          \
    }
#else
#define EDDY_SEMAPHORE_INIT(value)                                                                 \
    {                                                                                              \
        .eddyi_value = (value)                                                                     \
    }
#define EDDY_BOUNDED_SEMAPHORE_INIT(value)                                                         \
    {                                                                                              \
        .eddyi_value = (value), .eddyi_bound = (value), .eddyi_bounded = true                      \
    }
#endif

/*
 * Acquires a token, waiting for one in first-come order if need be (Semaphore.acquire). Returns as
 * eddy_lock_acquire().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_semaphore_acquire(eddy_semaphore *s);

/*
 * Returns a token to the semaphore (Semaphore.release). Returns 0, or EDDY_EMISUSE if the semaphore
 * is bounded and has all its tokens.
 */
EDDY_API int eddy_semaphore_release(eddy_semaphore *s);

/* Returns whether eddy_semaphore_acquire() would have to wait (Semaphore.locked). */
EDDY_API bool eddy_semaphore_locked(const eddy_semaphore *s);

/*
 * Declares a guard, after a successful acquire, that returns the token when the enclosing block is
 * left, in whatever way (async with).
 */
#if defined(__GNUC__)
#define eddy_semaphore_release_at_end(s)                                                           \
    EDDYI_GUARD(eddy_semaphore *const, eddyi_semaphore_release_guarded, s)
#endif
EDDY_API void eddyi_semaphore_release_guarded(eddy_semaphore *const *s);

/* A meeting point where a number of tasks wait for each other, repeatedly (asyncio.Barrier). */
typedef struct eddy_barrier {
    eddy_condition eddyi_condition;
    int eddyi_parties;
    int eddyi_count;
    int eddyi_state;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_barrier;

/* Initializes a barrier with the number of tasks that meet at it. */
#ifdef __cplusplus
#define EDDY_BARRIER_INIT(parties)                                                                 \
    {                                                                                              \
        {}, (parties), 0, 0,                                                                       \
        {                                                                                          \
        }                                                                                          \
    }
#else
#define EDDY_BARRIER_INIT(parties)                                                                 \
    {                                                                                              \
        .eddyi_parties = (parties)                                                                 \
    }
#endif

/*
 * Waits until as many tasks wait as the barrier has parties (Barrier.wait). Returns the task's
 * number among them, 0 to parties - 1, each once (after a cancelled wait one number may be returned
 * twice and another not at all); EDDY_EBROKENBARRIER if the barrier is broken, or is reset
 * meanwhile; -EINVAL if it has less than one party; or -ECANCELED.
 *
 * Cancelled: the task is no longer counted; the others keep waiting.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_barrier_wait(eddy_barrier *b);

/*
 * Resets the barrier (Barrier.reset): waiting tasks get EDDY_EBROKENBARRIER. Returns 0 or
 * -ECANCELED.
 */
EDDY_API EDDY_AWAITS int eddy_barrier_reset(eddy_barrier *b);

/*
 * Breaks the barrier until it is reset (Barrier.abort): waiting tasks, and all that come later, get
 * EDDY_EBROKENBARRIER. Returns 0 or -ECANCELED.
 */
EDDY_API EDDY_AWAITS int eddy_barrier_abort(eddy_barrier *b);

/*
 * Return the number of parties, the number of tasks that wait, and whether the barrier is broken
 * (Barrier.parties, n_waiting, broken).
 */
EDDY_API int eddy_barrier_parties(const eddy_barrier *b);
EDDY_API int eddy_barrier_n_waiting(const eddy_barrier *b);
EDDY_API bool eddy_barrier_broken(const eddy_barrier *b);

EDDY_END_DECLS

#endif
