/*
 * Generators: functions that yield one value after another and are suspended in between.
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
 * A value is a pointer; it may point into the generator's own variables, which do not change until
 * the generator is resumed. A generator needs no event loop. An asynchronous generator runs inside
 * a task, and its body may await.
 *
 * Threads may pass a generator on and use it one at a time. Its body can then continue in another
 * thread after an eddy_yield(): across a yield it must not keep anything that belongs to a thread
 * (errno, a mutex, a timeout or task group; leaving such a scope in another thread ends the process
 * with a message). An asynchronous generator belongs to the loop in which it was first resumed
 * (EDDY_EOTHERLOOP).
 */
#ifndef EDDY_GENERATOR_H
#define EDDY_GENERATOR_H

#include "coroutine.h"
#include "defs.h"

EDDY_BEGIN_DECLS

/* A suspended function that yields values (generator). Opaque. */
typedef struct eddy_generator eddy_generator;

/* A generator whose body may await (asynchronous generator). Opaque. */
typedef struct eddy_async_generator eddy_async_generator;

/*
 * Define a generator function: eddy_gen(name, (type, parameter)…) { body } defines `eddy_generator
 * *name(type parameter, …)`, eddy_async_gen(…) defines `eddy_async_generator *name(…)`, as
 * eddy_async() defines a coroutine function.
 *
 * Calling it copies the arguments and runs nothing. The caller owns the result, and frees it with
 * eddy_generator_free() or eddy_async_generator_free(). Returns NULL when memory is short; every
 * function here accepts NULL and returns -ENOMEM. The memory that the arguments point to belongs to
 * the body once the generator has been resumed, and to the caller if it never is.
 */
#define eddy_gen(...)                                                                              \
    EDDYI_CAT(EDDYI_GEN_, EDDYI_PARAMS(__VA_ARGS__))                                               \
    (eddy_generator, eddy_generator_new, __VA_ARGS__)
#define eddy_async_gen(...)                                                                        \
    EDDYI_CAT(EDDYI_GEN_, EDDYI_PARAMS(__VA_ARGS__))                                               \
    (eddy_async_generator, eddy_async_generator_new, __VA_ARGS__)

/*
 * Make a generator that will call fn with a copy of the @size bytes at @args; the macros above are
 * built on them.
 */
EDDY_API EDDY_NODISCARD eddy_generator *eddy_generator_new(const char *name, int (*fn)(void *args),
                                                           const void *args, size_t size);
EDDY_API EDDY_NODISCARD eddy_async_generator *
eddy_async_generator_new(const char *name, int (*fn)(void *args), const void *args, size_t size);

/*
 * Called from a generator's body: yields @value and suspends the generator until it is resumed
 * (yield). *ret_sent (@ret_sent may be NULL) is then the value that was sent, NULL if by
 * eddy_next().
 *
 * Returns 0, or the error that was thrown into the generator, with which the body should end:
 * EDDY_EGENERATOREXIT when it is closed. Raises EDDY_EMISUSE outside a generator.
 */
EDDY_API int eddy_yield(void *value, void **ret_sent);

/*
 * Called from a generator's body: yields every value of @inner, and passes on to @inner all values
 * and errors that are sent and thrown (yield from). Consumes @inner. Returns the status of the body
 * of @inner.
 */
EDDY_API int eddy_yield_from(eddy_generator *inner);

/*
 * Resumes the generator until it yields its next value (next). Returns 1 and stores the value in
 * *ret_value (@ret_value may be NULL); 0 when the generator has ended (StopIteration), and then
 * eddy_generator_result() returns the status of its body; < 0, the error with which its body ended,
 * once; EDDY_EMISUSE if it is already running.
 */
EDDY_API int eddy_next(eddy_generator *g, void **ret_value);
#define eddy_next(g, ret_value) eddy_next((g), EDDYI_OUT(ret_value))

/*
 * Resumes the generator as eddy_next() does, and makes its present eddy_yield() receive @value
 * (generator.send). Raises EDDY_EMISUSE if the generator has not begun, since no eddy_yield() could
 * receive the value (unless @value is NULL).
 */
EDDY_API int eddy_generator_send(eddy_generator *g, void *value, void **ret_value);
#define eddy_generator_send(g, value, ret_value)                                                   \
    eddy_generator_send((g), (value), EDDYI_OUT(ret_value))

/*
 * Resumes the generator as eddy_next() does, and makes its present eddy_yield() fail with the
 * negative @code and a printf-style message (generator.throw); @fmt may be NULL. A generator that
 * has not begun ends with that error.
 */
EDDY_API EDDY_PRINTF(4, 5) int eddy_generator_throw(eddy_generator *g, void **ret_value, int code,
                                                    const char *fmt, ...);
#define eddy_generator_throw(g, ret_value, ...)                                                    \
    eddy_generator_throw((g), EDDYI_OUT(ret_value), __VA_ARGS__)

/*
 * Ends the generator (generator.close): its present eddy_yield() gives EDDY_EGENERATOREXIT. Returns
 * 0, another error with which the body ended, or EDDY_EMISUSE if the body yields another value.
 */
EDDY_API int eddy_generator_close(eddy_generator *g);

/*
 * Returns the status of the generator's body, or EDDY_EINVALIDSTATE while it has not ended
 * (StopIteration.value).
 */
EDDY_API int eddy_generator_result(const eddy_generator *g);

/*
 * Closes and frees the generator. NULL is allowed. If the generator is running (the call comes from
 * its own body, or, for an asynchronous generator, from another task), it is closed and freed when
 * it next yields or ends, and the call that runs it gives EDDY_EMISUSE. A failure of the body while
 * it is closed is ignored; eddy_generator_close() returns it.
 */
EDDY_API void eddy_generator_free(eddy_generator *g);

/*
 * Resume an asynchronous generator as eddy_next(), eddy_generator_send(), _throw() and _close()
 * resume a plain one (__anext__, asend, athrow, aclose). Must be called from a task (EDDY_ENOTASK).
 * The body runs in the calling task, on a stack of its own. Only one task may be in these calls at
 * a time (EDDY_EMISUSE).
 *
 * A generator that was begun, and neither ended nor freed, is closed when its loop is shut down.
 *
 * Cancelled while the body awaits: that await gives -ECANCELED in the body.
 */
EDDY_API EDDY_AWAITS int eddy_anext(eddy_async_generator *g, void **ret_value);
EDDY_API EDDY_AWAITS int eddy_asend(eddy_async_generator *g, void *value, void **ret_value);
EDDY_API EDDY_AWAITS EDDY_PRINTF(4, 5) int eddy_athrow(eddy_async_generator *g, void **ret_value,
                                                       int code, const char *fmt, ...);
#define eddy_anext(g, ret_value) eddy_anext((g), EDDYI_OUT(ret_value))
#define eddy_asend(g, value, ret_value) eddy_asend((g), (value), EDDYI_OUT(ret_value))
#define eddy_athrow(g, ret_value, ...) eddy_athrow((g), EDDYI_OUT(ret_value), __VA_ARGS__)
EDDY_API EDDY_AWAITS int eddy_aclose(eddy_async_generator *g);

/*
 * Closes and frees the asynchronous generator. NULL is allowed. Outside a task its awaits fail with
 * EDDY_ENOTASK. In a thread that does not run the generator's loop, while another thread does, the
 * generator is left as it is, and a message is printed to standard error. A failure of the body
 * while it is closed is ignored; eddy_aclose() returns it.
 */
EDDY_API EDDY_AWAITS void eddy_async_generator_free(eddy_async_generator *g);

/*
 * Makes a coroutine that closes every suspended asynchronous generator of the loop
 * (loop.shutdown_asyncgens); eddy_run() does so automatically. The caller owns the result.
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
