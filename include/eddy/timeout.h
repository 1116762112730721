/*
 * Timeouts: a deadline for a block of code (asyncio.timeout).
 *
 *     eddy_timeout tm;
 *     eddy_timeout_enter(&tm, 0.5);
 *     int rc = eddy_await(fetch(url));
 *     rc = eddy_timeout_exit(&tm, rc);       // -ETIMEDOUT if this deadline ended it
 *
 * When the deadline passes, the task is cancelled, once; _exit turns that cancellation, and no
 * other, into -ETIMEDOUT. A scope that is left without _exit (by return or eddy_try) is disarmed
 * automatically.
 *
 * Scopes, both timeouts and task groups, must be left by the task that entered them, the innermost
 * first. A scope that a generator enters is not part of this order outside of the generator.
 * Storage in use cannot be entered again before its scope is left. Leaving a scope by longjmp() is
 * forbidden, and ends the process when the task ends.
 */
#ifndef EDDY_TIMEOUT_H
#define EDDY_TIMEOUT_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* The caller provides the storage; all fields are private to the library. */
typedef struct eddy_timeout {
    void *eddyi_scope[7];
    void *eddyi_timer[6];
    const char *eddyi_again;
    double eddyi_when;
    int eddyi_state;
    int eddyi_cancelling;
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
} eddy_timeout;

/*
 * Arms a deadline @delay seconds from now (asyncio.timeout), or at @when on the loop's clock
 * (asyncio.timeout_at); EDDY_FOREVER arms none. A deadline in the past expires at the first
 * suspension. Outside a task no deadline is armed, and _exit gives EDDY_ENOTASK. If this task has
 * entered @tm already, the task is cancelled, so that it does not wait without a limit, and _exit
 * gives EDDY_EMISUSE; if another task has, its scope goes on, and only this task's _exit gives
 * EDDY_EMISUSE.
 */
EDDY_API void eddy_timeout_enter(eddy_timeout *tm, double delay);
EDDY_API void eddy_timeout_enter_at(eddy_timeout *tm, double when);

/*
 * Ends the scope; @rc is the status of the code within it. Returns @rc, or -ETIMEDOUT if the code
 * was cancelled by this deadline and by no other request. Does not suspend.
 *
 * Returns EDDY_EMISUSE, and leaves the scope as it is, if it was left before, if another task
 * entered it, or if a scope within it was not left.
 */
EDDY_API EDDY_NODISCARD int eddy_timeout_exit(eddy_timeout *tm, int rc);

/*
 * Moves the deadline to @when on the loop's clock (Timeout.reschedule). Returns 0, or EDDY_EMISUSE
 * once the deadline has expired or outside the scope.
 */
EDDY_API int eddy_timeout_reschedule(eddy_timeout *tm, double when);

/* Returns the deadline on the loop's clock, EDDY_FOREVER if there is none (Timeout.when). */
EDDY_API double eddy_timeout_when(const eddy_timeout *tm);

/* Returns whether the deadline has expired (Timeout.expired). */
EDDY_API bool eddy_timeout_expired(const eddy_timeout *tm);

/* Ends a scope that was left without _exit; called by the guard below. */
EDDY_API void eddy_timeout_abandon(eddy_timeout *const *tm);

/* Begin the scope and declare the guard that ends it when the block is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_timeout_enter(tm, delay)                                                              \
    EDDYI_GUARD(eddy_timeout *const, eddy_timeout_abandon,                                         \
                eddyi_timeout_enter((tm), (delay), EDDYI_WHERE))
#define eddy_timeout_enter_at(tm, when)                                                            \
    EDDYI_GUARD(eddy_timeout *const, eddy_timeout_abandon,                                         \
                eddyi_timeout_enter_at((tm), (when), EDDYI_WHERE))
/*
 * Makes one call that suspends, with a limit of @seconds (asyncio.wait_for):
 *
 *     ssize_t n = eddy_within(5, eddy_reader_readline(reader, &line));
 *
 * The value is that of the call, with its type, or -ETIMEDOUT if the time ran out first. The call
 * is then cancelled, with the effects that its comment describes: a read consumes nothing, and the
 * stream stays usable. The call, the last argument, is evaluated once.
 */
#define eddy_within(seconds, ...)                                                                  \
    __extension__({                                                                                \
        eddy_timeout eddyi_within;                                                                 \
        EDDY_CLEANUP(eddy_timeout_abandon)                                                         \
        eddy_timeout *const eddyi_within_guard =                                                   \
            eddyi_timeout_enter(&eddyi_within, (seconds), EDDYI_WHERE);                            \
        __typeof__((__VA_ARGS__) + 0) eddyi_within_result = (__VA_ARGS__);                         \
        int eddyi_within_status = eddy_timeout_exit(                                               \
            eddyi_within_guard, eddyi_within_result < 0 ? (int)eddyi_within_result : 0);           \
        eddyi_within_status < 0 ? eddyi_within_status : eddyi_within_result;                       \
    })
#endif
EDDY_API eddy_timeout *eddyi_timeout_enter(eddy_timeout *tm, double delay, const char *where);
EDDY_API eddy_timeout *eddyi_timeout_enter_at(eddy_timeout *tm, double when, const char *where);

EDDY_END_DECLS

#endif
