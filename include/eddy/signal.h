/*
 * Signals: callbacks on the loop, and tasks that wait.
 *
 * Only the main thread may ask for signals. Whatever runs because of one runs in the loop's thread,
 * between other callbacks and tasks, and is free to call anything; nothing of the program's runs in
 * a signal handler. A signal that comes n times while the loop is busy is delivered n times, in
 * order. (The kernel itself keeps only one of the same number pending while that is blocked.)
 *
 * A signal goes to everybody who asked for it: the callback, and each task that waits. When nobody
 * is left, what was there before is put back: a handler of the program's own, SIG_DFL, or the
 * Ctrl-C of eddy_run().
 *
 * The virtual clock waits for nobody: there a signal is noticed while something else keeps the loop
 * going, and waiting for nothing but signals is a deadlock.
 *
 * SIGKILL and SIGSTOP cannot be asked for, nor the faults SIGSEGV, SIGBUS, SIGFPE and SIGILL.
 */
#ifndef EDDY_SIGNAL_H
#define EDDY_SIGNAL_H

#include "defs.h"
#include "loop.h"

#include <signal.h>

EDDY_BEGIN_DECLS

/*
 * Has fn(arg) called each time the signal comes, as an ordinary callback of the loop, in a copy of
 * the current context (loop.add_signal_handler). A second call for the same signal replaces the
 * first. Returns 0, -EINVAL for a signal that cannot be handled, EDDY_ETHREAD outside of the main
 * thread, -ENOMEM, EDDY_ECLOSED.
 */
EDDY_API int eddy_loop_add_signal_handler(eddy_loop *loop, int signo, eddy_callback_fn *fn,
                                          void *arg);

/* Removes it; calls that are due already still come, as in asyncio. True if there was one. */
EDDY_API bool eddy_loop_remove_signal_handler(eddy_loop *loop, int signo);

/*
 * eddy_signal_wait(SIGTERM, SIGINT, …): suspends the task until one of the signals comes, and
 * returns its number.
 *
 * Before and after the call these signals do what they did otherwise, so this is for one that ends
 * the program; for those that come again and again see eddy_signals_open(). Returns -ECANCELED,
 * EDDY_ENOTASK, or why one cannot be waited for, as above. A signal is never lost: one that comes
 * together with a cancellation is returned, and the cancellation strikes at the next suspension;
 * others that come before the call returns are raised once more then.
 */
#ifndef __cplusplus
#define eddy_signal_wait(...)                                                                      \
    eddy_signal_wait_list((const int[]){__VA_ARGS__},                                              \
                          sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_signal_wait_list(const int *signos, size_t n);

/*
 * Signals as a stream:
 *
 *     eddy_signals signals;
 *     eddy_try(eddy_signals_open(&signals, SIGHUP, SIGUSR1));
 *     while ((signo = eddy_signals_next(&signals)) > 0)
 *         signo == SIGHUP ? reload() : rotate_logs();
 *     eddy_signals_close(&signals);
 *
 * From _open to _close no signal is lost: each is given once by _next, in the order of arrival.
 */
typedef struct eddy_signals {
    void *eddyi_receiver; /* NULL: not open */
} eddy_signals;

/*
 * In a task or callback of the loop. Returns 0, or why not, as eddy_loop_add_signal_handler(), or
 * EDDY_ENOLOOP.
 */
#ifndef __cplusplus
#define eddy_signals_open(s, ...)                                                                  \
    eddy_signals_open_list((s), (const int[]){__VA_ARGS__},                                        \
                           sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#endif
EDDY_API EDDY_NODISCARD int eddy_signals_open_list(eddy_signals *s, const int *signos, size_t n);

/*
 * Gives the number of the next signal; suspends only if none has come. -ECANCELED: nothing is lost,
 * the next call gets it. -EBUSY if another task waits here already, EDDY_ENOTASK, EDDY_ECLOSED once
 * its loop is closed.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_signals_next(eddy_signals *s);

/*
 * Ends it. What has come and was not taken, and nobody else was told of, is raised once more, so
 * that it has the effect that it has without us. Harmless if it is not open.
 */
EDDY_API void eddy_signals_close(eddy_signals *s);

EDDY_END_DECLS

#endif
