/* Running a program: eddy_run() for one coroutine, a runner for several on one loop. */
#ifndef EDDY_RUN_H
#define EDDY_RUN_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

/* The keyword arguments of eddy_run(), eddy_main() and runners. Only .coro is required. */
typedef struct eddy_run_options {
    /* the coroutine to run, consumed; the macros' first argument */
    eddy_coroutine *coro;
    bool debug;                       /* runs the loop in debug mode */
    bool no_sigint;                   /* leaves SIGINT (Ctrl-C) alone */
    bool sigterm;                     /* SIGTERM cancels the coroutine, as Ctrl-C does */
    int sigterm_exit;                 /* eddy_main()'s exit code after that; 143: as a shell says */
    eddy_loop *(*loop_factory)(void); /* makes the loop; NULL: eddy_new_event_loop() */
    /* for eddy_runner_run(): runs in this context, not in the runner's */
    eddy_context *context;
    void **ret_value; /* gets the result's pointer, as by eddy_await_value() */
    /* seconds for which a peer may accept no bytes at the end; 0: 30; see below */
    double close_timeout;
    size_t stack_size; /* of the coroutine's task, as in eddy_task_options */
} eddy_run_options;

/*
 * Makes a loop, runs @coro on it, cleans up and closes it (asyncio.run): eddy_run(amain(), .debug =
 * true, …). eddy_main() does this for a whole program.
 *
 * Cleaning up: every task that is left is cancelled, once, and awaited; their failures are
 * reported. Then the bytes written to connections before are sent, as far as the peers accept them
 * (asyncio drops them); a peer that accepts none for .close_timeout is cut off. A peer that has
 * received everything and only owes TLS's close_notify is awaited for at most one second, and for
 * at most .tls_shutdown_timeout. Jobs of the default executor have 300 seconds. So no peer can keep
 * eddy_run() from returning; only a task that does not end can.
 *
 * A connection that is cut off ends with a reset, so that its peer does not mistake this for the
 * end of the data (pipes and Unix sockets have no reset), and the number of lost bytes is reported
 * to the loop's exception handler. Closing a loop directly does the same.
 *
 * Ctrl-C cancels the coroutine; if the coroutine ends because of that, eddy_run() returns -EINTR
 * (KeyboardInterrupt). A second Ctrl-C ends the process as SIGINT does by default. This applies in
 * the main thread only, and only if SIGINT had its default action before. With .sigterm the same
 * holds for SIGTERM, and the status is EDDY_ETERMINATED.
 *
 * Returns the coroutine's status; eddy_error() has its exception. Raises EDDY_ERUNNING inside a
 * running loop, or the reason why no loop could be made.
 */
#ifndef __cplusplus
#define eddy_run(...) eddy_run_with(&(eddy_run_options){.coro = __VA_ARGS__})
#endif
EDDY_API int eddy_run_with(const eddy_run_options *options, size_t options_size);
#define eddy_run_with(...) eddy_run_with(__VA_ARGS__, sizeof(eddy_run_options))

/*
 * Runs @coro as eddy_run() does, prints its failure to standard error (see eddy_set_log()) and
 * returns the exit code of the process. Usually the last line of main(): `return eddy_main(amain(),
 * .sigterm = true);`.
 *
 * Returns 0 if the coroutine succeeded, .sigterm_exit (0) if SIGTERM ended it, 130 if Ctrl-C did,
 * and 1 for any other failure. A coroutine that SIGTERM or Ctrl-C cancels, and that returns another
 * status than -ECANCELED, decides itself: an error of its clean-up gives 1.
 */
#ifndef __cplusplus
#define eddy_main(...) eddy_main_with(&(eddy_run_options){.coro = __VA_ARGS__})
#endif
EDDY_API int eddy_main_with(const eddy_run_options *options, size_t options_size);
#define eddy_main_with(...) eddy_main_with(__VA_ARGS__, sizeof(eddy_run_options))

/*
 * Prints the failure @status and eddy_error() as eddy_main() does, and returns its exit code: for
 * the status of eddy_run_workers() or of a runner. Returns 0 for EDDY_ETERMINATED.
 */
EDDY_API int eddy_exit_code(int status);

/*
 * Runs several coroutines on one loop and in one context (asyncio.Runner). The caller provides the
 * storage.
 */
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
    void *eddyi_reserved[4]; /* zero; see docs/abi.md */
} eddy_runner;

/*
 * Initializes @r; the loop is made at the first use. Of @options (NULL: defaults) it takes debug,
 * no_sigint, sigterm, loop_factory and close_timeout.
 */
EDDY_API void eddy_runner_init(eddy_runner *r, const eddy_run_options *options,
                               size_t options_size);
#define eddy_runner_init(...) eddy_runner_init(__VA_ARGS__, sizeof(eddy_run_options))

/*
 * Runs a coroutine as eddy_run() does, but keeps the loop and its other tasks (Runner.run). Raises
 * EDDY_ECLOSED after eddy_runner_close().
 */
#ifndef __cplusplus
#define eddy_runner_run(runner, ...)                                                               \
    eddy_runner_run_with((runner), &(eddy_run_options){.coro = __VA_ARGS__})
#endif
EDDY_API int eddy_runner_run_with(eddy_runner *r, const eddy_run_options *options,
                                  size_t options_size);
#define eddy_runner_run_with(...) eddy_runner_run_with(__VA_ARGS__, sizeof(eddy_run_options))

/*
 * Returns the runner's loop; NULL if it could not be made, or after eddy_runner_close()
 * (Runner.get_loop). Borrowed.
 */
EDDY_API eddy_loop *eddy_runner_get_loop(eddy_runner *r);

/* Cleans up as eddy_run() does and closes the loop (Runner.close). May be called twice. */
EDDY_API void eddy_runner_close(eddy_runner *r);

EDDY_END_DECLS

#ifdef __cplusplus
static inline int eddy_run(eddy_coroutine *coro, eddy_run_options options = eddy_run_options())
{
    options.coro = coro;
    return eddy_run_with(&options);
}
static inline int eddy_main(eddy_coroutine *coro, eddy_run_options options = eddy_run_options())
{
    options.coro = coro;
    return eddy_main_with(&options);
}
static inline int eddy_runner_run(eddy_runner *r, eddy_coroutine *coro,
                                  eddy_run_options options = eddy_run_options())
{
    options.coro = coro;
    return eddy_runner_run_with(r, &options);
}
#endif

#endif
