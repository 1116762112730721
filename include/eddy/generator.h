/*
 * Generators: functions that hand out one value after the other and are suspended in between.
 *
 *     eddy_gen(count_to, (int, n))                 // def count_to(n):
 *     {
 *         for (int i = 1; i <= n; i++)
 *             eddy_try(eddy_yield(&i, NULL));      //     yield i
 *         return 0;
 *     }
 *
 *     eddy_generator *g = count_to(3);
 *     void *value;
 *
 *     while (eddy_next(g, &value) > 0)             // for i in count_to(3):
 *         printf("%d\n", *(int *)value);
 *     eddy_generator_free(g);
 *
 * A value is a pointer; it may point into the generator's own variables, which stay as they are
 * until it is resumed. A generator needs no event loop. An asynchronous generator is the same
 * inside a task: its body may await.
 *
 * A generator may be handed on from thread to thread, which use it one at a time. Then its body may
 * go on in another thread after an eddy_yield(): it must not keep there what belongs to a thread
 * (errno, a mutex, a timeout or task group; leaving such a scope elsewhere ends the process with a
 * message). An asynchronous one belongs to the loop in which it has begun (EDDY_EOTHERLOOP).
 */
#ifndef EDDY_GENERATOR_H
#define EDDY_GENERATOR_H

#include "coroutine.h"
#include "defs.h"

EDDY_BEGIN_DECLS

typedef struct eddy_generator eddy_generator;
typedef struct eddy_async_generator eddy_async_generator;

/*
 * eddy_gen(name, (type, parameter)…) { body } defines `eddy_generator *name(type parameter, …)`,
 * and eddy_async_gen(…) `eddy_async_generator *name(…)`, as eddy_async does a coroutine function.
 * Calling it copies the arguments and runs nothing. NULL when memory is short; every function here
 * takes NULL and gives -ENOMEM. What the arguments point to belongs to the body from its first
 * resumption on, and to the caller if that never comes.
 */
#define eddy_gen(...)                                                                              \
    EDDYI_CAT(EDDYI_GEN_, EDDYI_PARAMS(__VA_ARGS__))                                               \
    (eddy_generator, eddy_generator_new, __VA_ARGS__)
#define eddy_async_gen(...)                                                                        \
    EDDYI_CAT(EDDYI_GEN_, EDDYI_PARAMS(__VA_ARGS__))                                               \
    (eddy_async_generator, eddy_async_generator_new, __VA_ARGS__)

/* The form beneath: fn gets a copy of the @size bytes at @args. */
EDDY_API EDDY_NODISCARD eddy_generator *eddy_generator_new(const char *name, int (*fn)(void *args),
                                                           const void *args, size_t size);
EDDY_API EDDY_NODISCARD eddy_async_generator *
eddy_async_generator_new(const char *name, int (*fn)(void *args), const void *args, size_t size);

/*
 * In a generator's body: hands out @value and suspends the generator until it is resumed (yield).
 * *ret_sent, which may be NULL, is then what was sent to it, NULL by eddy_next().
 *
 * Returns 0, or the error that was thrown into it, which should end the body: EDDY_EGENERATOREXIT
 * when it is closed. EDDY_EMISUSE outside a generator.
 */
EDDY_API int eddy_yield(void *value, void **ret_sent);

/*
 * In a generator's body: hands out everything that @inner does, and passes on to it what is sent
 * and thrown (yield from). Consumes @inner. Returns what its body returned.
 */
EDDY_API int eddy_yield_from(eddy_generator *inner);

/*
 * Resumes the generator until it hands out the next value: 1, and *ret_value (which may be NULL).
 * 0: it has ended (StopIteration), eddy_generator_result() is what it returned. < 0: the error with
 * which its body ended; after that it is at its end. EDDY_EMISUSE if it is running already.
 */
EDDY_API int eddy_next(eddy_generator *g, void **ret_value);

/*
 * The same, with what its present eddy_yield() gets. EDDY_EMISUSE if it has not begun, for then
 * there is nothing that could get the value (unless @value is NULL).
 */
EDDY_API int eddy_generator_send(eddy_generator *g, void *value, void **ret_value);

/*
 * The same, but its present eddy_yield() fails with the negative @code and a message (@fmt may be
 * NULL). One that has not begun ends with that error.
 */
EDDY_API EDDY_PRINTF(4, 5) int eddy_generator_throw(eddy_generator *g, void **ret_value, int code,
                                                    const char *fmt, ...);

/*
 * Ends the generator: its present eddy_yield() gives EDDY_EGENERATOREXIT. Returns 0, the other
 * error with which the body ended, or EDDY_EMISUSE if it hands out another value instead.
 */
EDDY_API int eddy_generator_close(eddy_generator *g);

/* What its body returned; EDDY_EINVALIDSTATE while it has not ended. */
EDDY_API int eddy_generator_result(const eddy_generator *g);

/*
 * Closes and frees it. NULL is allowed. One that is running, by its own body, or an asynchronous
 * one by another task, is closed and freed when it next yields or ends, and the call that runs it
 * gives EDDY_EMISUSE.
 */
EDDY_API void eddy_generator_free(eddy_generator *g);

/*
 * The same for asynchronous generators: __anext__, asend, athrow, aclose. Only in a task
 * (EDDY_ENOTASK). The body runs in the task that calls, on a stack of its own; if that task is
 * cancelled while the body awaits, the await gives -ECANCELED in the body. One task at a time:
 * EDDY_EMISUSE otherwise.
 *
 * One that was begun and neither ended nor freed is closed when its loop is shut down.
 */
EDDY_API EDDY_AWAITS int eddy_anext(eddy_async_generator *g, void **ret_value);
EDDY_API EDDY_AWAITS int eddy_asend(eddy_async_generator *g, void *value, void **ret_value);
EDDY_API EDDY_AWAITS EDDY_PRINTF(4, 5) int eddy_athrow(eddy_async_generator *g, void **ret_value,
                                                       int code, const char *fmt, ...);
EDDY_API EDDY_AWAITS int eddy_aclose(eddy_async_generator *g);

/*
 * Closes (outside a task its awaits fail with EDDY_ENOTASK) and frees it. NULL is allowed. In a
 * thread that does not run its loop, while another one does, it stays as it is, which is said on
 * standard error.
 */
EDDY_API EDDY_AWAITS void eddy_async_generator_free(eddy_async_generator *g);

/*
 * A coroutine that closes every asynchronous generator of the loop that is suspended
 * (loop.shutdown_asyncgens); eddy_run() does so by itself.
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_loop_shutdown_asyncgens(eddy_loop *loop);

EDDY_END_DECLS

#define EDDYI_GEN_0(type, make, name)                                                              \
    EDDY_NODISCARD type *name(void);                                                               \
    static int name##_eddy_body(void);                                                             \
    static int name##_eddy_entry(void *eddyi_p)                                                    \
    {                                                                                              \
        (void)eddyi_p;                                                                             \
        return name##_eddy_body();                                                                 \
    }                                                                                              \
    type *name(void)                                                                               \
    {                                                                                              \
        return make(#name, name##_eddy_entry, NULL, 0);                                            \
    }                                                                                              \
    static int name##_eddy_body(void)

#define EDDYI_GEN_N(type, make, name, ...)                                                         \
    EDDY_NODISCARD type *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__));                                \
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
    type *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))                                                \
    {                                                                                              \
        struct name##_eddy_args eddyi_args = {EDDYI_MAP(EDDYI_PARAM_NAME, __VA_ARGS__)};           \
        return make(#name, name##_eddy_entry, &eddyi_args, sizeof eddyi_args);                     \
    }                                                                                              \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#endif
