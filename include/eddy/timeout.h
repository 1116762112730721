/*
 * Timeouts: a deadline around a block of code (asyncio.timeout).
 *
 *     eddy_timeout tm;
 *     eddy_timeout_enter(&tm, 0.5);
 *     int rc = eddy_await(fetch(url));
 *     rc = eddy_timeout_exit(&tm, rc);       // -ETIMEDOUT if this deadline ended it
 *
 * When the deadline passes, the task is cancelled, once; _exit turns that cancellation, and no
 * other, into -ETIMEDOUT. A scope that is left without _exit (by return or eddy_try) is disarmed by
 * itself.
 *
 * Scopes, timeouts and task groups alike, are left by the task that entered them, the innermost
 * first; what a generator enters is no part of that order outside of it. Storage that is entered
 * cannot be entered again before it was left. Leaving one by longjmp() is forbidden, and ends the
 * process when the task ends.
 */
#ifndef EDDY_TIMEOUT_H
#define EDDY_TIMEOUT_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* In the caller's own storage; every field is the library's. */
typedef struct eddy_timeout {
    void *eddyi_scope[7];
    void *eddyi_timer[6];
    const char *eddyi_again;
    double eddyi_when;
    int eddyi_state;
    int eddyi_cancelling;
} eddy_timeout;

/*
 * Arms a deadline @delay seconds from now, or at @when on the loop's clock (timeout_at);
 * EDDY_FOREVER for none. A deadline in the past strikes at the first suspension. Outside a task
 * nothing is armed, and _exit gives EDDY_ENOTASK. If @tm is entered already, the task is cancelled
 * instead of waiting without a limit, and _exit gives EDDY_EMISUSE; if another task has entered it,
 * its scope goes on, and only the caller's _exit gives that error.
 */
EDDY_API void eddy_timeout_enter(eddy_timeout *tm, double delay);
EDDY_API void eddy_timeout_enter_at(eddy_timeout *tm, double when);

/*
 * Ends the scope; @rc is how the code within it ended. Returns @rc, or -ETIMEDOUT if it was
 * cancelled by this deadline and by nobody else. Does not suspend.
 *
 * EDDY_EMISUSE, and the scope is as it was: it has been left already, another task entered it, or a
 * scope within it has not been left.
 */
EDDY_API EDDY_NODISCARD int eddy_timeout_exit(eddy_timeout *tm, int rc);

/* Moves the deadline to @when on the loop's clock. Returns 0, or EDDY_EMISUSE once it has struck or
 * outside the scope. */
EDDY_API int eddy_timeout_reschedule(eddy_timeout *tm, double when);

EDDY_API double eddy_timeout_when(const eddy_timeout *tm); /* EDDY_FOREVER: none */
EDDY_API bool eddy_timeout_expired(const eddy_timeout *tm);

/* Ends a scope that was left without _exit; the guard below calls it. */
EDDY_API void eddy_timeout_abandon(eddy_timeout *const *tm);

/* With gcc and clang entering also declares the guard that watches over the scope. */
#if defined(__GNUC__)
#define eddy_timeout_enter(tm, delay)                                                              \
    EDDY_CLEANUP(eddy_timeout_abandon)                                                             \
    eddy_timeout *const EDDYI_CAT(eddyi_guard, __LINE__) =                                         \
        eddyi_timeout_enter((tm), (delay), EDDYI_WHERE)
#define eddy_timeout_enter_at(tm, when)                                                            \
    EDDY_CLEANUP(eddy_timeout_abandon)                                                             \
    eddy_timeout *const EDDYI_CAT(eddyi_guard, __LINE__) =                                         \
        eddyi_timeout_enter_at((tm), (when), EDDYI_WHERE)
#endif
EDDY_API eddy_timeout *eddyi_timeout_enter(eddy_timeout *tm, double delay, const char *where);
EDDY_API eddy_timeout *eddyi_timeout_enter_at(eddy_timeout *tm, double when, const char *where);

EDDY_END_DECLS

#endif
