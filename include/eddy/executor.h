/*
 * Executors: blocking work in threads and in other processes (concurrent.futures, to_thread).
 *
 *     static int resolve(void *arg)                          // blocks, so not in the loop's thread
 *     {
 *         …
 *     }
 *
 *     rc = eddy_await(eddy_loop_run_in_executor(loop, NULL, resolve, host));
 *
 * A job is a function int fn(void *arg). Its status, and whatever it attached with eddy_raise(),
 * becomes the future's; a pointer travels beside it as from a coroutine, `return
 * eddy_return(ptr);`, and bytes with eddy_return_bytes(). A job must not use the loop, its futures
 * or tasks; it may call eddy_loop_call_soon_threadsafe() and eddy_run_coroutine_threadsafe().
 *
 * Cancelling: a job that has not begun is taken out and never runs. One that runs cannot be
 * stopped: the await ends at once, the job goes on, and its result is dropped. So what @arg points
 * to must stay valid until the job is over, which may be later than the await. Where it cannot,
 * `.size = sizeof *arg` gives the job a copy, `.drop = free` an owner.
 *
 * A job ends by returning. One that calls pthread_exit() fails with EDDY_EBROKEN, and another
 * thread takes the place of its own; the threads of a pool cannot be cancelled. A job may fork; the
 * child must end by _exit() or exec: one that comes back from the job says so on standard error and
 * is ended. exit() in a thread ends the program.
 *
 * Under the virtual clock time stands still as long as a job is awaited.
 */
#ifndef EDDY_EXECUTOR_H
#define EDDY_EXECUTOR_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"
#include "loop.h"
#include "threads.h"

EDDY_BEGIN_DECLS

/* What is to be done; all but fn may be left out. */
typedef struct eddy_job {
    int (*fn)(void *arg);
    const char *name; /* of the function, static; set by the macros */
    void *arg;        /* what fn gets */
    size_t size;      /* if not 0: fn gets a copy of so many bytes at arg */
    /* called once, in some thread, when arg is not needed any more */
    void (*drop)(void *arg);
    void (*drop_value)(void *value); /* called on a pointer that nobody was left to receive */
} eddy_job;

typedef struct eddy_executor eddy_executor;

/*
 * A pool of at most @n_threads threads (ThreadPoolExecutor), made as they are needed; 0: as many as
 * the machine has processors and 4 more, at most 32. NULL when memory is short.
 */
EDDY_API EDDY_NODISCARD eddy_executor *eddy_thread_pool_new(unsigned n_threads);

/*
 * A pool of at most @n_processes worker processes (ProcessPoolExecutor), made as they are needed;
 * 0: as many as the machine has processors. NULL with -ENOMEM, -EAGAIN and the like.
 *
 * The workers are forks of a process that is itself forked from the program when the first pool is
 * made, and ends with the last one: they know the program's memory as it was then, and every
 * function that was loaded then. So make the pool early, before there are other threads: a lock
 * that one of those holds at that moment is never released in the workers. They have standard input
 * (empty), output and error, no other descriptor, the default signal handlers (Ctrl-C does
 * nothing), and no event loop: a job may run one of its own.
 *
 * A job's argument has to make the journey: give it as bytes, with .size, or as a pointer that
 * means the same there, to something static. Results come back as status, message and
 * eddy_return_bytes(); a pointer does not (EDDY_EMISUSE). Bytes in either direction are at most
 * 2^31 - 1 (-EMSGSIZE), and a message longer than 65535 bytes is cut.
 *
 * A worker that dies fails its job with EDDY_EBROKEN, and a message that says how it died; another
 * one takes its place. So does one whose job calls exit(), pthread_exit() or exec, closes the
 * worker's descriptors, or writes where the result is sent: a result that does not prove to be the
 * job's is never delivered. If workers die again and again with no job done, there is a pause
 * before the next, up to a second.
 */
EDDY_API EDDY_NODISCARD eddy_executor *eddy_process_pool_new(unsigned n_processes);

/*
 * Takes no more jobs; those that it has are done, or cancelled as far as they have not begun
 * (@cancel_futures). With
 * @wait it blocks until all is over. Returns 0, -EDEADLK if a job waits for its own executor,
 *       EDDY_EFORKED.
 */
EDDY_API int eddy_executor_shutdown(eddy_executor *e, bool wait, bool cancel_futures);

/* Shuts it down, waiting for all jobs, and frees it. NULL is allowed. */
EDDY_API void eddy_executor_free(eddy_executor *e);

/*
 * eddy_loop_run_in_executor(loop, executor, fn, arg, .size = …): has an executor call fn(arg); NULL
 * stands for the loop's default executor, and for the running loop. The future ends as the job
 * does.
 *
 * NULL with -ENOMEM, -EAGAIN (no thread could be made), EDDY_ECLOSED after the executor's shutdown,
 * EDDY_ETHREAD, -EINVAL without a function, -EMSGSIZE; .drop has been called then.
 *
 * eddy_executor_submit(executor, fn, arg, …) does so for plain threads (Executor.submit).
 */
#ifndef __cplusplus
#define eddy_loop_run_in_executor(loop, executor, function, ...)                                   \
    eddy_loop_run_in_executor_with(                                                                \
        (loop), (executor), &(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__})
#define eddy_executor_submit(executor, function, ...)                                              \
    eddy_executor_submit_with(                                                                     \
        (executor), &(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__})
#endif
EDDY_API EDDY_NODISCARD eddy_future *
eddy_loop_run_in_executor_with(eddy_loop *loop, eddy_executor *e, const eddy_job *job);
EDDY_API EDDY_NODISCARD eddy_concurrent_future *eddy_executor_submit_with(eddy_executor *e,
                                                                          const eddy_job *job);

/*
 * eddy_to_thread(fn, arg, …): a coroutine that has the default executor of its loop call fn(arg),
 * in a copy of the context in which it is awaited (asyncio.to_thread).
 */
#ifndef __cplusplus
#define eddy_to_thread(function, ...)                                                              \
    eddy_to_thread_with(&(eddy_job){.fn = (function), .name = #function, .arg = __VA_ARGS__},      \
                        EDDYI_WHERE)
#endif
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_to_thread_with(const eddy_job *job, const char *where);

/*
 * eddy_run_on_executor(name, (type, parameter)…) { body }
 *
 * Defines a coroutine function as eddy_async() does, whose body is blocking code: it runs on the
 * default executor, as with eddy_to_thread(). Its parameters are copies, which live as long as the
 * body runs.
 */
#define eddy_run_on_executor(...)                                                                  \
    EDDYI_CAT(EDDYI_ON_EXECUTOR_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)

/* In a job: leaves a copy of @size bytes beside status 0, `return eddy_return_bytes(p, n);`.
 * -ENOMEM, EDDY_EMISUSE elsewhere. */
EDDY_API int eddy_return_bytes(const void *data, size_t size);

/* In a job: how many bytes its argument has, 0 if it is a pointer. */
EDDY_API size_t eddy_job_size(void);

/* Bytes of the caller's own. */
typedef struct eddy_bytes {
    void *data; /* NULL if there are none */
    size_t size;
} eddy_bytes;
EDDY_API void eddy_bytes_fini(eddy_bytes *b);

/*
 * Awaits the future of a job, as eddy_await() does, and takes the bytes that it returned, to be
 * given back with eddy_bytes_fini(). *ret is untouched if the status is negative, and empty if
 * there were none.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_await_bytes(eddy_future *f, eddy_bytes *ret);

/* The bytes that a job returned, or NULL. They belong to the future, and die with it. */
EDDY_API const void *eddy_future_bytes(const eddy_future *f, size_t *ret_size);
EDDY_API const void *eddy_concurrent_future_bytes(const eddy_concurrent_future *cf,
                                                  size_t *ret_size);

/*
 * Makes a thread pool the loop's default executor, in place of the one that is made at the first
 * use (loop.set_default_executor). The loop takes it over: it shuts it down, without waiting, when
 * it closes or gets another one. Returns 0, EDDY_EMISUSE for a process pool, -ENOMEM also for NULL;
 * @e is taken in any case.
 */
EDDY_API int eddy_loop_set_default_executor(eddy_loop *loop, eddy_executor *e);

/*
 * A coroutine that shuts the loop's default executor down and waits until its threads have ended,
 * at most @timeout seconds (loop.shutdown_default_executor); nothing can be run on it from then on.
 * Ends with 0, or -ETIMEDOUT and a message that names the jobs that are stuck; they are left to
 * themselves. eddy_run() does this, with 300 seconds.
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_loop_shutdown_default_executor(eddy_loop *loop,
                                                                            double timeout);

EDDY_END_DECLS

/* What eddy_run_on_executor expands to; see eddy_async. */
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
