/*
 * Workers: one loop for each processor, in threads of one process.
 *
 *     static int worker(unsigned index, void *arg)
 *     {
 *         eddy_server *server;
 *
 *         eddy_try(eddy_start_server(handle, NULL, NULL, 8080, &server, .reuse_port = true,
 *                                    .read_timeout = 60, .write_timeout = 60, .grace = 10));
 *         eddy_server_free_at_end(server);
 *         return eddy_server_serve_forever(server);
 *     }
 *
 *     int main(void)
 *     {
 *         return eddy_exit_code(eddy_run_workers(0, worker, NULL, .sigterm = true));
 *     }
 *
 * With reuse_port the kernel distributes connections over the workers. The workers share nothing
 * unless the program makes them share it.
 */
#ifndef EDDY_WORKERS_H
#define EDDY_WORKERS_H

#include "defs.h"
#include "run.h"

EDDY_BEGIN_DECLS

/*
 * The function of a worker, which runs as a coroutine in a loop and a thread of its own. @index
 * counts from 0, the worker in the calling thread.
 */
typedef int eddy_worker_fn(unsigned index, void *arg);

/* The arguments of eddy_run_workers(). Only .fn is required. */
typedef struct eddy_workers_options {
    unsigned n; /* number of workers; 0: one for each processor that this process may use */
    eddy_worker_fn *fn;
    void *arg;
    bool debug;     /* runs the loops in debug mode */
    bool no_sigint; /* leaves SIGINT (Ctrl-C) alone */
    bool sigterm;   /* SIGTERM ends the workers as Ctrl-C does */
} eddy_workers_options;

/*
 * Runs @n workers and waits for all of them: eddy_run_workers(n, fn, arg, .sigterm = true, …). The
 * first worker that fails causes the others to be cancelled, and so does Ctrl-C. Returns 0 if all
 * succeeded, the first failure, -EINTR after Ctrl-C, or -EAGAIN if a thread could not be made.
 */
#ifndef __cplusplus
#define eddy_run_workers(number, worker, ...)                                                      \
    eddy_run_workers_with(                                                                         \
        &(eddy_workers_options){.n = (number), .fn = (worker), .arg = __VA_ARGS__})
#endif
EDDY_API int eddy_run_workers_with(const eddy_workers_options *options, size_t options_size);
#define eddy_run_workers_with(...) eddy_run_workers_with(__VA_ARGS__, sizeof(eddy_workers_options))

EDDY_END_DECLS

#ifdef __cplusplus
static inline int eddy_run_workers(unsigned n, eddy_worker_fn *fn, void *arg = nullptr,
                                   eddy_workers_options options = eddy_workers_options())
{
    options.n = n;
    options.fn = fn;
    options.arg = arg;
    return eddy_run_workers_with(&options);
}
#endif

#endif
