/*
 * Synchronisation between tasks of one loop: Lock, Event, Condition, Semaphore, Barrier.
 *
 * All of them live in the caller's own storage, need no clean-up, and wait without allocating. `=
 * {0}` or the initialiser given makes one. Each binds to a loop the first time a task has to wait
 * on it; from then on a task of another loop that would have to wait gets EDDY_EOTHERLOOP. None is
 * for several threads.
 *
 * It must stay where it is while a task waits on it: one in a task's own frame, for others to use,
 * must not be left before they have ended.
 *
 * A cancelled wait leaves nothing behind: a lock or token that was on its way to the cancelled task
 * goes to the next one. To limit a wait in time, put it into eddy_timeout_enter()/_exit().
 */
#ifndef EDDY_SYNC_H
#define EDDY_SYNC_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* The tasks that wait on something, first come, first served. The library's own; {0} is an empty
 * one. */
typedef struct eddy_wait_queue {
    void *eddyi_waiters[2];
    void *eddyi_next;
    size_t eddyi_n_waiting;
    eddy_loop *eddyi_loop;
} eddy_wait_queue;

/*
 * A mutual exclusion lock for tasks (asyncio.Lock): first come, first served, not owned by anybody,
 * not reentrant.
 */
typedef struct eddy_lock {
    eddy_wait_queue eddyi_queue;
    const void *eddyi_holder; /* the task that took it, for reports */
    bool eddyi_locked;
} eddy_lock;

/*
 * Takes the lock, waiting for it if need be; does not suspend if it is free and nobody waits.
 * Returns 0, -ECANCELED (the lock is not taken), EDDY_ENOTASK (only if it would have to wait),
 * EDDY_EOTHERLOOP.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_lock_acquire(eddy_lock *lock);

/* Frees the lock and wakes the first that waits. Any task may. EDDY_EMISUSE if it is not taken. */
EDDY_API int eddy_lock_release(eddy_lock *lock);
EDDY_API bool eddy_lock_locked(const eddy_lock *lock);

/*
 * After a successful acquire: releases the lock when the enclosing block is left, however it is
 * left (async with).
 */
#if defined(__GNUC__)
#define eddy_lock_release_at_end(lock)                                                             \
    EDDY_CLEANUP(eddyi_lock_release_guarded)                                                       \
    eddy_lock *const EDDYI_CAT(eddyi_guard, __LINE__) = (lock)
#endif
EDDY_API void eddyi_lock_release_guarded(eddy_lock *const *lock);

/* A flag that tasks wait for (asyncio.Event). */
typedef struct eddy_event {
    eddy_wait_queue eddyi_queue;
    bool eddyi_set;
} eddy_event;

/* Sets the flag: everybody who waits now goes on, even if it is cleared at once. And clears it. */
EDDY_API void eddy_event_set(eddy_event *event);
EDDY_API void eddy_event_clear(eddy_event *event);
EDDY_API bool eddy_event_is_set(const eddy_event *event);

/*
 * Waits until the flag is set; does not suspend if it is. Returns 0, -ECANCELED, EDDY_ENOTASK,
 * EDDY_EOTHERLOOP.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_event_wait(eddy_event *event);

/* Waiting, with a lock held, for something to change (asyncio.Condition). {0} has a lock of its
 * own. */
typedef struct eddy_condition {
    eddy_wait_queue eddyi_queue;
    eddy_lock *eddyi_shared_lock; /* NULL: the own one */
    eddy_lock eddyi_own_lock;
} eddy_condition;

/* A condition on a lock that others use as well. */
#define EDDY_CONDITION_INIT(lock)                                                                  \
    {                                                                                              \
        .eddyi_shared_lock = (lock)                                                                \
    }

/* Its lock, as eddy_lock_acquire() and so on. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_condition_acquire(eddy_condition *c);
EDDY_API int eddy_condition_release(eddy_condition *c);
EDDY_API bool eddy_condition_locked(const eddy_condition *c);
EDDY_API eddy_lock *eddy_condition_lock(eddy_condition *c);

/*
 * Releases the lock, waits to be notified, and takes the lock again. May return without anything
 * having changed: use it in a loop, or eddy_condition_wait_for(). Returns 0, -ECANCELED,
 * EDDY_EMISUSE if the lock is not taken.
 *
 * Whenever it returns, also cancelled, the lock is held again; a cancelled waiter that had been
 * notified passes the notification on. Where the lock cannot be had any more (the loop is closing,
 * or the lock is bound to another one, EDDY_EOTHERLOOP) it fails without.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_condition_wait(eddy_condition *c);

/* Waits until predicate(arg) is true; it is called with the lock held. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_condition_wait_for(eddy_condition *c, bool (*predicate)(void *arg), void *arg);

/* Wakes the first n that wait, or all. The lock must be held, else EDDY_EMISUSE. */
EDDY_API int eddy_condition_notify(eddy_condition *c, size_t n);
EDDY_API int eddy_condition_notify_all(eddy_condition *c);

/* A number of tokens (asyncio.Semaphore, BoundedSemaphore). {0} has none to begin with. */
typedef struct eddy_semaphore {
    eddy_wait_queue eddyi_queue;
    size_t eddyi_value;
    size_t eddyi_bound;
    bool eddyi_bounded;
} eddy_semaphore;

#define EDDY_SEMAPHORE_INIT(value)                                                                 \
    {                                                                                              \
        .eddyi_value = (value)                                                                     \
    }
/* One that refuses to be released more often than acquired. */
#define EDDY_BOUNDED_SEMAPHORE_INIT(value)                                                         \
    {                                                                                              \
        .eddyi_value = (value), .eddyi_bound = (value), .eddyi_bounded = true                      \
    }

/* Takes a token, waiting for one if need be, in turn. Returns as eddy_lock_acquire(). */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_semaphore_acquire(eddy_semaphore *s);

/* Gives one back. EDDY_EMISUSE from a bounded one that has all its tokens. */
EDDY_API int eddy_semaphore_release(eddy_semaphore *s);

/* Whether acquire would have to wait. */
EDDY_API bool eddy_semaphore_locked(const eddy_semaphore *s);

#if defined(__GNUC__)
#define eddy_semaphore_release_at_end(s)                                                           \
    EDDY_CLEANUP(eddyi_semaphore_release_guarded)                                                  \
    eddy_semaphore *const EDDYI_CAT(eddyi_guard, __LINE__) = (s)
#endif
EDDY_API void eddyi_semaphore_release_guarded(eddy_semaphore *const *s);

/* A place where a number of tasks wait for each other (asyncio.Barrier); usable again and again. */
typedef struct eddy_barrier {
    eddy_condition eddyi_condition;
    int eddyi_parties;
    int eddyi_count;
    int eddyi_state;
} eddy_barrier;

#define EDDY_BARRIER_INIT(parties)                                                                 \
    {                                                                                              \
        .eddyi_parties = (parties)                                                                 \
    }

/*
 * Waits until as many tasks as the barrier has parties are here. Returns the task's number among
 * them, 0 to parties-1, each once (after a cancelled wait one may come twice, and another not at
 * all); EDDY_EBROKENBARRIER if it was reset meanwhile or is broken; -EINVAL if it has less than one
 * party; -ECANCELED: the task is not counted any more, the others wait on.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_barrier_wait(eddy_barrier *b);

/* Sends those who wait away with EDDY_EBROKENBARRIER and begins anew. 0 or -ECANCELED. */
EDDY_API EDDY_AWAITS int eddy_barrier_reset(eddy_barrier *b);

/* Breaks it, for those who wait and for all who come, until it is reset. 0 or -ECANCELED. */
EDDY_API EDDY_AWAITS int eddy_barrier_abort(eddy_barrier *b);

EDDY_API int eddy_barrier_parties(const eddy_barrier *b);
EDDY_API int eddy_barrier_n_waiting(const eddy_barrier *b);
EDDY_API bool eddy_barrier_broken(const eddy_barrier *b);

EDDY_END_DECLS

#endif
