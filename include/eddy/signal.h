/*
 * Signals: callbacks on the loop, and tasks that wait for signals.
 *
 * Only the main thread may subscribe to signals. Callbacks and tasks run in the loop's thread,
 * between other callbacks and tasks, and may call any function; no code of the program runs in a
 * signal handler. A signal that arrives n times while the loop is busy is delivered n times, in
 * order. (While a signal is blocked, the kernel itself keeps only one of each number pending.)
 *
 * A signal goes to every subscriber: the callback, and each task that waits. When the last one has
 * unsubscribed, the former action is restored: a handler of the program's own, SIG_DFL, or the
 * Ctrl-C of eddy_run().
 *
 * The virtual clock does not wait for signals: a signal is noticed only while something else keeps
 * the loop running, and waiting for nothing but signals is a deadlock.
 *
 * SIGKILL and SIGSTOP cannot be subscribed to, nor can the faults SIGSEGV, SIGBUS, SIGFPE and
 * SIGILL.
 */
#ifndef EDDY_SIGNAL_H
#define EDDY_SIGNAL_H

#include "defs.h"
#include "loop.h"

#include <signal.h>

EDDY_BEGIN_DECLS

/*
 * Calls fn(arg) each time the signal @signo arrives, as an ordinary callback of the loop, in a copy
 * of the current context (loop.add_signal_handler). A second call for the same signal replaces the
 * first. Returns 0, -EINVAL for a signal that cannot be handled, EDDY_ETHREAD outside of the main
 * thread, -ENOMEM, or EDDY_ECLOSED.
 */
EDDY_API int eddy_loop_add_signal_handler(eddy_loop *loop, int signo, eddy_callback_fn *fn,
                                          void *arg);

/*
 * Removes the callback of @signo (loop.remove_signal_handler). Calls that are already due are still
 * made, as in asyncio. Returns whether there was a callback.
 */
EDDY_API bool eddy_loop_remove_signal_handler(eddy_loop *loop, int signo);

/*
 * Suspends the task until one of the signals arrives, and returns its number:
 * eddy_signal_wait(SIGTERM, SIGINT, …).
 *
 * Before and after the call these signals have their former action, so this is for a signal that
 * ends the program; use eddy_signals_open() for signals that arrive repeatedly. Returns -ECANCELED,
 * EDDY_ENOTASK, or the errors of eddy_loop_add_signal_handler(). No signal is lost: signals other
 * than the returned one that arrive before the call returns are raised again then.
 *
 * Cancelled: a signal that arrives together with the cancellation is returned, and the cancellation
 * takes effect at the next suspension.
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
 * No signal is lost between _open and _close: _next returns each once, in the order of arrival.
 */
typedef struct eddy_signals {
    void *eddyi_receiver; /* NULL: not open */
} eddy_signals;

/*
 * Subscribes to signals, in a task or callback of the loop. Returns 0, or the errors of
 * eddy_loop_add_signal_handler(), or EDDY_ENOLOOP. Close @s with eddy_signals_close().
 */
#ifndef __cplusplus
#define eddy_signals_open(s, ...)                                                                  \
    eddy_signals_open_list((s), (const int[]){__VA_ARGS__},                                        \
                           sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#endif
EDDY_API EDDY_NODISCARD int eddy_signals_open_list(eddy_signals *s, const int *signos, size_t n);

/*
 * Returns the number of the next signal; suspends only if none has arrived. Returns -EBUSY if
 * another task is in this call, EDDY_ENOTASK, or EDDY_ECLOSED once the loop is closed.
 *
 * Cancelled: returns -ECANCELED; no signal is lost, the next call returns it.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_signals_next(eddy_signals *s);

/*
 * Unsubscribes. A signal that arrived and was neither taken nor delivered to another subscriber is
 * raised again, so that it has its former action. Harmless if @s is not open.
 */
EDDY_API void eddy_signals_close(eddy_signals *s);

EDDY_END_DECLS

#ifdef __cplusplus
template <typename... Signals> EDDY_NODISCARD static inline int eddy_signal_wait(Signals... signos)
{
    const int list[] = {signos...};

    return eddy_signal_wait_list(list, sizeof...(signos));
}
template <typename... Signals>
EDDY_NODISCARD static inline int eddy_signals_open(eddy_signals *s, Signals... signos)
{
    const int list[] = {signos...};

    return eddy_signals_open_list(s, list, sizeof...(signos));
}
#endif

#endif
