/*
 * Executors: blocking work in threads and in other processes (concurrent.futures,
 * asyncio.to_thread).
 *
 *     static int resolve(void *arg)                          // blocks, so not in the loop's thread
 *     {
 *         …
 *     }
 *
 *     rc = eddy_await(eddy_loop_run_in_executor(loop, NULL, resolve, host));
 *
 * A job is a function int fn(void *arg). Its status, and the message that it attached with
 * eddy_raise(), become those of the future. It can return a pointer as a coroutine does, `return
 * eddy_return(ptr);`, and bytes with eddy_return_bytes(). A job must not use the loop or its
 * futures and tasks; it may call eddy_loop_call_soon_threadsafe() and
 * eddy_run_coroutine_threadsafe().
 *
 * Cancelled: a job that has not begun is removed and never runs. A running job cannot be stopped:
 * the await ends at once, the job goes on, and its result is dropped. So the memory that @arg
 * points to must stay valid until the job is over, which may be later than the await. If that is
 * not possible, `.size = sizeof *arg` gives the job a copy, and `.drop = free` makes the job its
 * owner.
 *
 * A job ends by returning. A job that calls pthread_exit() fails with EDDY_EBROKEN, and another
 * thread replaces its thread; the threads of a pool cannot be cancelled. A job may fork; the child
 * must end by _exit() or exec. A child that returns from the job prints a message to standard error
 * and is ended. exit() in a thread ends the program.
 *
 * Under the virtual clock time does not advance while a job is awaited.
 */
#ifndef EDDY_EXECUTOR_H
#define EDDY_EXECUTOR_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"
#include "loop.h"
#include "threads.h"

EDDY_BEGIN_DECLS

/* The arguments of the functions below. Only .fn is required. */
typedef struct eddy_job {
    int (*fn)(void *arg);
    const char *name; /* of the function, static; set by the macros */
    void *arg;        /* the function's argument */
    size_t size;      /* if not 0: fn gets a copy of this many bytes at arg */
    /* called once, in any thread, when arg is no longer needed */
    void (*drop)(void *arg);
    /* called with a returned pointer that no caller can receive any more */
    void (*drop_value)(void *value);
} eddy_job;

/* A pool of threads or of worker processes (concurrent.futures.Executor). Opaque. */
typedef struct eddy_executor eddy_executor;

/*
 * Makes a pool of at most @n_threads threads (ThreadPoolExecutor); 0: the number of processors plus
 * 4, at most 32. Threads are made when needed. The caller owns the result. Returns NULL when memory
 * is short.
 */
EDDY_API EDDY_NODISCARD eddy_executor *eddy_thread_pool_new(unsigned n_threads);

/*
 * Makes a pool of at most @n_processes worker processes (ProcessPoolExecutor); 0: the number of
 * processors. Workers are made when needed. The caller owns the result. Raises -ENOMEM, -EAGAIN and
 * the like, and then returns NULL.
 *
 * The workers are forks of a server process, which is forked from the program when the first pool
 * is made, and ends with the last one. They have the program's memory as it was then, and all
 * functions that were loaded then. So make the pool early, before there are other threads: a lock
 * that another thread holds at that moment is never released in the workers. Workers have standard
 * input (empty), output and error, no other descriptors, the default signal handlers (Ctrl-C is
 * ignored), and no event loop; a job may run a loop of its own.
 *
 * The argument of a job must be meaningful in another process: pass it as bytes, with .size, or as
 * a pointer to something static. Results come back as status, message and eddy_return_bytes(); a
 * pointer does not (EDDY_EMISUSE). At most 2^31 - 1 bytes are sent in either direction (-EMSGSIZE),
 * and a message of more than 65535 bytes is truncated.
 *
 * When a worker dies, its job fails with EDDY_EBROKEN and a message that describes its end, and
 * another worker replaces it. The same happens to a worker whose job calls exit(), pthread_exit()
 * or exec, closes the worker's descriptors, or writes to the descriptor of the results: a result
 * that cannot be verified as the job's is never delivered. If workers die repeatedly and no job
 * completes, the pool backs off, for up to a second, before it starts the next.
 */
EDDY_API EDDY_NODISCARD eddy_executor *eddy_process_pool_new(unsigned n_processes);

/*
 * Stops accepting jobs (Executor.shutdown). The jobs in the queue are run, or cancelled with
 * @cancel_futures; running jobs are finished. With @wait the call blocks until all jobs are over.
 * Returns 0, -EDEADLK if a job waits for its own executor, or EDDY_EFORKED.
 */
EDDY_API int eddy_executor_shutdown(eddy_executor *e, bool wait, bool cancel_futures);

/* Shuts the executor down, waits for all jobs, and frees it. NULL is allowed. */
EDDY_API void eddy_executor_free(eddy_executor *e);

/*
 * Calls fn(arg) on an executor (loop.run_in_executor): eddy_loop_run_in_executor(loop, executor,
 * fn, arg, .size = …). @executor NULL is the loop's default executor, @loop NULL the running loop.
 * Returns a future that ends as the job does. The caller owns the result.
 *
 * Raises -ENOMEM, -EAGAIN (no thread could be made), EDDY_ECLOSED after the executor's shutdown,
 * EDDY_ETHREAD, -EINVAL without a function, or -EMSGSIZE; it has then called .drop, and returns
 * NULL.
 *
 * eddy_executor_submit(executor, fn, arg, …) is the form for threads without a loop
 * (Executor.submit). May be called from any thread.
 */
#ifndef __cplusplus
#define eddy_loop_run_in_executor(loop, executor, function, ...)                                   \
    eddy_loop_run_in_executor_with(                                                                \
        (loop), (executor), &(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__})
#define eddy_executor_submit(executor, function, ...)                                              \
    eddy_executor_submit_with(                                                                     \
        (executor), &(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__})
#endif
EDDY_API EDDY_NODISCARD eddy_future *eddy_loop_run_in_executor_with(eddy_loop *loop,
                                                                    eddy_executor *e,
                                                                    const eddy_job *job,
                                                                    size_t options_size);
#define eddy_loop_run_in_executor_with(...)                                                        \
    eddy_loop_run_in_executor_with(__VA_ARGS__, sizeof(eddy_job))
EDDY_API EDDY_NODISCARD eddy_concurrent_future *
eddy_executor_submit_with(eddy_executor *e, const eddy_job *job, size_t options_size);
#define eddy_executor_submit_with(...) eddy_executor_submit_with(__VA_ARGS__, sizeof(eddy_job))

/*
 * Makes a coroutine that calls fn(arg) on the default executor of its loop, in a copy of the
 * context in which the coroutine is awaited (asyncio.to_thread): eddy_to_thread(fn, arg, …). The
 * caller owns the result.
 */
#ifndef __cplusplus
#define eddy_to_thread(function, ...)                                                              \
    eddy_to_thread_with(&(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__},      \
                        EDDYI_WHERE)
#endif
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_to_thread_with(const eddy_job *job, const char *where,
                                                            size_t options_size);
#define eddy_to_thread_with(...) eddy_to_thread_with(__VA_ARGS__, sizeof(eddy_job))

/*
 * Defines a coroutine function with a blocking body: eddy_run_on_executor(name, (type, parameter)…)
 * { body }. As eddy_async(), but the body runs on the default executor, as with eddy_to_thread().
 * Its parameters are copies, which are valid while the body runs.
 */
#define eddy_run_on_executor(...)                                                                  \
    EDDYI_CAT(EDDYI_ON_EXECUTOR_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)

/*
 * Called from a job: attaches a copy of the @size bytes at @data to its result and returns 0:
 * `return eddy_return_bytes(p, n);`. Raises -ENOMEM, or EDDY_EMISUSE outside of a job.
 */
EDDY_API int eddy_return_bytes(const void *data, size_t size);

/*
 * Called from a job: returns the number of bytes of its argument, 0 if the argument is a pointer.
 */
EDDY_API size_t eddy_job_size(void);

/* Bytes that the caller owns. */
typedef struct eddy_bytes {
    void *data; /* NULL if there are none */
    size_t size;
} eddy_bytes;

/* Frees the bytes of @b. */
EDDY_API void eddy_bytes_fini(eddy_bytes *b);

/*
 * Awaits the future of a job, as eddy_await() does, and takes the bytes that the job returned. The
 * caller owns *ret, and frees it with eddy_bytes_fini(); *ret is empty if the job returned no
 * bytes.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_await_bytes(eddy_future *f, eddy_bytes *ret);

/*
 * Return the bytes that a job returned, or NULL, and store their number in *ret_size (may be NULL).
 * Borrowed from the future.
 */
EDDY_API const void *eddy_future_bytes(const eddy_future *f, size_t *ret_size);
EDDY_API const void *eddy_concurrent_future_bytes(const eddy_concurrent_future *cf,
                                                  size_t *ret_size);

/*
 * Makes the thread pool @e the loop's default executor, in place of the one that the first use
 * makes (loop.set_default_executor). Consumes @e: the loop shuts it down, without waiting, when the
 * loop closes or gets another one. Returns 0, or raises EDDY_EMISUSE for a process pool, -ENOMEM
 * also for NULL.
 */
EDDY_API int eddy_loop_set_default_executor(eddy_loop *loop, eddy_executor *e);

/*
 * Makes a coroutine that shuts the loop's default executor down and waits for at most @timeout
 * seconds until its threads have ended (loop.shutdown_default_executor). No job can be run on it
 * afterwards. The coroutine ends with 0, or with -ETIMEDOUT and a message that names the jobs that
 * are stuck; these are abandoned. eddy_run() does this, with 300 seconds. The caller owns the
 * result.
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_loop_shutdown_default_executor(eddy_loop *loop,
                                                                            double timeout);

EDDY_END_DECLS

/* Expansion of eddy_run_on_executor; see eddy_async. */
#define EDDYI_ON_EXECUTOR_0(name)                                                                  \
    EDDY_NODISCARD eddy_coroutine *name(void);                                                     \
    static int name##_eddy_body(void);                                                             \
    static int name##_eddy_entry(void *eddyi_p)                                                    \
    {                                                                                              \
        (void)eddyi_p;                                                                             \
        return name##_eddy_body();                                                                 \
    }                                                                                              \
    eddy_coroutine *name(void)                                                                     \
    {                                                                                              \
        eddy_job eddyi_job = {name##_eddy_entry, #name, NULL, 0, NULL, NULL};                      \
        return eddy_to_thread_with(&eddyi_job, NULL);                                              \
    }                                                                                              \
    static int name##_eddy_body(void)

#define EDDYI_ON_EXECUTOR_N(name, ...)                                                             \
    EDDY_NODISCARD eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__));                      \
    struct name##_eddy_args {                                                                      \
        EDDYI_FIELDS(__VA_ARGS__)                                                                  \
    };                                                                                             \
    EDDYI_PLAIN(struct name##_eddy_args)                                                           \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__));                              \
    static int name##_eddy_entry(void *eddyi_p)                                                    \
    {                                                                                              \
        struct name##_eddy_args *eddyi_args = (struct name##_eddy_args *)eddyi_p;                  \
        return name##_eddy_body(EDDYI_MAP(EDDYI_PARAM_FROM, __VA_ARGS__));                         \
    }                                                                                              \
    eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))                                      \
    {                                                                                              \
        struct name##_eddy_args eddyi_args = {EDDYI_MAP(EDDYI_PARAM_NAME, __VA_ARGS__)};           \
        eddy_job eddyi_job = {                                                                     \
            name##_eddy_entry, #name, &eddyi_args, sizeof eddyi_args, NULL, NULL};                 \
        return eddy_to_thread_with(&eddyi_job, NULL);                                              \
    }                                                                                              \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#ifdef __cplusplus
static inline eddy_future *eddy_loop_run_in_executor(eddy_loop *loop, eddy_executor *e,
                                                     int (*fn)(void *arg), void *arg = nullptr,
                                                     eddy_job job = eddy_job())
{
    job.fn = fn;
    job.arg = arg;
    return eddy_loop_run_in_executor_with(loop, e, &job);
}
static inline eddy_concurrent_future *eddy_executor_submit(eddy_executor *e, int (*fn)(void *arg),
                                                           void *arg = nullptr,
                                                           eddy_job job = eddy_job())
{
    job.fn = fn;
    job.arg = arg;
    return eddy_executor_submit_with(e, &job);
}
static inline eddy_coroutine *eddy_to_thread(int (*fn)(void *arg), void *arg = nullptr,
                                             eddy_job job = eddy_job())
{
    job.fn = fn;
    job.arg = arg;
    return eddy_to_thread_with(&job, nullptr);
}
#endif

#endif
