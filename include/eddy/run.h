/*
 * Running a program: eddy_run for one coroutine, a runner for several on one loop.
 */
#ifndef EDDY_RUN_H
#define EDDY_RUN_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

typedef struct eddy_run_options {
    eddy_coroutine *coro;             /* what to run; consumed. The macros' first argument */
    bool debug;                       /* run the loop in debug mode */
    bool no_sigint;                   /* leave Ctrl-C alone */
    bool sigterm;                     /* SIGTERM cancels the coroutine as Ctrl-C does */
    eddy_loop *(*loop_factory)(void); /* makes the loop; NULL: eddy_new_event_loop() */
    /* for eddy_runner_run(): to run in, instead of the runner's */
    eddy_context *context;
    void **ret_value; /* the pointer beside the result, as eddy_await_value() */
    /* seconds in which a peer may take nothing, at the end; 0: 30; see below */
    double close_timeout;
} eddy_run_options;

/*
 * eddy_run(amain(), .debug = true, …): makes a loop, runs the coroutine on it, cleans up and closes
 * it (asyncio.run). The usual last line of main(): `return eddy_run(amain());`.
 *
 * Cleaning up: every task left is cancelled, once, and waited for; failures among them are
 * reported. Then what was written to connections still goes out, as far as their peers take it
 * (asyncio drops it); whoever takes nothing for .close_timeout is cut off. A peer that has all of
 * it, and only owes the farewell of TLS, is waited for a second at most, and for no longer than
 * .tls_shutdown_timeout. Jobs of the default executor have 300 seconds. So no peer keeps eddy_run()
 * from returning; only a task that refuses to end does.
 *
 * A connection that is cut off ends with a reset, so that its peer does not take that for the end
 * of the data (a pipe or a Unix socket knows no reset), and the loop's exception handler is told
 * how much is lost. So it is when a loop is closed directly.
 *
 * Ctrl-C (in the main thread, unless SIGINT was taken or ignored already) cancels the coroutine; if
 * it ends because of that, eddy_run returns -EINTR (KeyboardInterrupt). A second Ctrl-C ends the
 * process as SIGINT does.
 *
 * Returns the coroutine's status; eddy_error() has its exception. EDDY_ERUNNING from within a
 * running loop, or why no loop could be made.
 */
#ifndef __cplusplus
#define eddy_run(...) eddy_run_with(&(eddy_run_options){.coro = __VA_ARGS__})
#define eddy_runner_run(runner, ...)                                                               \
    eddy_runner_run_with((runner), &(eddy_run_options){.coro = __VA_ARGS__})
#endif
EDDY_API int eddy_run_with(const eddy_run_options *options);

/*
 * For the last line of main(): prints the failed status and eddy_error() to standard error, if
 * @status is one, and gives the exit code: 0, 1, or 130 after Ctrl-C.
 */
EDDY_API int eddy_exit_code(int status);

/* Several runs on one loop and in one context (asyncio.Runner). In the caller's storage. */
typedef struct eddy_runner {
    eddy_loop *eddyi_loop;
    eddy_context *eddyi_context;
    eddy_loop *(*eddyi_loop_factory)(void);
    int eddyi_state;
    bool eddyi_debug;
    bool eddyi_no_sigint;
    bool eddyi_sigterm;
    bool eddyi_set_event_loop;
    double eddyi_close_timeout;
} eddy_runner;

/* The loop is made at the first use. Of @options (may be NULL) debug, no_sigint, sigterm,
 * loop_factory and close_timeout count. */
EDDY_API void eddy_runner_init(eddy_runner *r, const eddy_run_options *options);

/* Runs a coroutine; as eddy_run(), but the loop and its other tasks stay. EDDY_ECLOSED after
 * close. */
EDDY_API int eddy_runner_run_with(eddy_runner *r, const eddy_run_options *options);

/* The runner's loop, borrowed; NULL if it could not be made, or after close. */
EDDY_API eddy_loop *eddy_runner_get_loop(eddy_runner *r);

/* Cleans up as eddy_run() does and closes the loop. May be called twice. */
EDDY_API void eddy_runner_close(eddy_runner *r);

EDDY_END_DECLS

#ifdef __cplusplus
static inline int eddy_run(eddy_coroutine *coro, eddy_run_options options = eddy_run_options())
{
    options.coro = coro;
    return eddy_run_with(&options);
}
static inline int eddy_runner_run(eddy_runner *r, eddy_coroutine *coro,
                                  eddy_run_options options = eddy_run_options())
{
    options.coro = coro;
    return eddy_runner_run_with(r, &options);
}
#endif

#endif
