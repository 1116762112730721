/*
 * Coroutines: C functions that may suspend, as objects that can be handed around.
 *
 *     eddy_async(say_after, (double, delay), (const char *, what))
 *     {
 *         eddy_try(eddy_sleep(delay));
 *         puts(what);
 *         return 0;
 *     }
 *
 * defines a coroutine function. Calling it, say_after(1, "hello"), copies the arguments into a
 * coroutine object and runs nothing. The object is handed to exactly one consumer (eddy_await,
 * eddy_create_task, eddy_gather, eddy_wait_for, eddy_shield, eddy_run, …), which runs and frees it.
 * One that nobody consumes is reported when its loop closes. In C++ parameters must be trivially
 * copyable; an exception that leaves the body goes on to whoever awaits the coroutine, and ends the
 * process if that is a task: docs/cxx.md.
 */
#ifndef EDDY_COROUTINE_H
#define EDDY_COROUTINE_H

#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * A coroutine object that will call fn(arg), the form beneath eddy_async. @arg is
 * the caller's and must stay valid until the coroutine has ended. NULL when memory is short;
 * every consumer takes NULL and reports -ENOMEM.
 */
#define eddy_coro(fn, arg) eddy_coroutine_new(#fn, (fn), (arg), EDDYI_WHERE)
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_coroutine_new(const char *name, int (*fn)(void *arg),
                                                           void *arg, const char *where);

/* The same with a copy of the @size bytes at @args, which fn gets and which die with the object. */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_coroutine_new_copy(const char *name,
                                                                int (*fn)(void *args),
                                                                const void *args, size_t size,
                                                                const void *caller);

/* Frees a coroutine that will not be run after all (coroutine.close()). NULL is allowed. */
EDDY_API void eddy_coroutine_close(eddy_coroutine *coro);

/* The name of the coroutine function. */
EDDY_API const char *eddy_coroutine_name(const eddy_coroutine *coro);

/*
 * eddy_async(name, (type, parameter)…) { body }
 *
 * Defines `eddy_coroutine *name(type parameter, …)`; the braces that follow are its body, a
 * function that returns a status. At most 12 parameters; a type that cannot stand before its name
 * (arrays, function pointers) needs a typedef. `static eddy_async(…)` keeps it to the file;
 * eddy_async_declare(name, …) announces it in a header. Arguments are copied as they are: what one
 * of them owns (a reference, memory) only the body can give back, and the body never runs if its
 * task is cancelled before its first step.
 */
#define eddy_async(...) EDDYI_CAT(EDDYI_ASYNC_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)
#define eddy_async_declare(...)                                                                    \
    EDDYI_CAT(EDDYI_ASYNC_DECLARE_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)

/*
 * Leaves a coroutine with a pointer beside its status 0: `return eddy_return(ptr);`. Whoever awaits
 * with eddy_await_value() gets it. What it points to is then theirs, by whatever rule the two agree
 * on.
 */
EDDY_API int eddy_return(void *value);

/*
 * eddy_await(x): waits for a coroutine, Future or Task and returns its status (await x).
 *
 * Consumes x; to use a future again, eddy_await(eddy_ref(x)). A coroutine runs at once, in the
 * current task and on its stack. A future that is done does not suspend. Errors of its own:
 *
 *   -ENOMEM         x is NULL: making it ran out of memory
 *   EDDY_EMISUSE    in debug mode: x was consumed before, and is gone
 *   EDDY_ENOTASK    not called from a task; x is consumed all the same
 *   EDDY_EMISUSE    a task cannot await itself
 *   EDDY_EOTHERLOOP x belongs to another loop
 *
 * Cancelled: x is cancelled too, and -ECANCELED comes back once x has ended (wrap x in
 * eddy_shield() to leave it alone).
 */
#define eddy_await(x) eddy_awaitable_await(EDDY_AWAITABLE(x), NULL)

/* The same, and puts the pointer that came beside the status in *ret_value (NULL if there was
 * none). */
#define eddy_await_value(x, ret_value) eddy_awaitable_await(EDDY_AWAITABLE(x), (ret_value))

EDDY_API EDDY_AWAITS int eddy_awaitable_await(eddy_awaitable *x, void **ret_value);

/* asyncio.iscoroutine, asyncio.isfuture; false for NULL. */
#define eddy_iscoroutine(x) eddy_awaitable_iscoroutine(EDDY_AWAITABLE(x))
#define eddy_isfuture(x) eddy_awaitable_isfuture(EDDY_AWAITABLE(x))
EDDY_API bool eddy_awaitable_iscoroutine(const eddy_awaitable *x);
EDDY_API bool eddy_awaitable_isfuture(const eddy_awaitable *x);

/* Gives back an awaitable that will not be awaited: closes a coroutine, drops a reference to a
 * future. */
EDDY_API void eddy_awaitable_drop(eddy_awaitable *x);

/* Several awaitables of any kind as the two arguments (list, count). */
#define EDDY_LIST(...)                                                                             \
    ((eddy_awaitable *[]){EDDYI_MAP(EDDY_AWAITABLE, __VA_ARGS__)}), EDDYI_COUNT(__VA_ARGS__)

EDDY_END_DECLS

/* EDDY_AWAITABLE(x): a coroutine, Future or Task as what they have in common. */
#ifdef __cplusplus
static inline eddy_awaitable *EDDY_AWAITABLE(eddy_awaitable *x)
{
    return x;
}
static inline eddy_awaitable *EDDY_AWAITABLE(eddy_coroutine *x)
{
    return reinterpret_cast<eddy_awaitable *>(x);
}
static inline eddy_awaitable *EDDY_AWAITABLE(eddy_future *x)
{
    return reinterpret_cast<eddy_awaitable *>(x);
}
static inline eddy_awaitable *EDDY_AWAITABLE(eddy_task *x)
{
    return reinterpret_cast<eddy_awaitable *>(x);
}
#else
static inline eddy_awaitable *eddyi_awaitable_of_awaitable(eddy_awaitable *x)
{
    return x;
}
static inline eddy_awaitable *eddyi_awaitable_of_coroutine(eddy_coroutine *x)
{
    return (eddy_awaitable *)(void *)x;
}
static inline eddy_awaitable *eddyi_awaitable_of_future(eddy_future *x)
{
    return (eddy_awaitable *)(void *)x;
}
static inline eddy_awaitable *eddyi_awaitable_of_task(eddy_task *x)
{
    return (eddy_awaitable *)(void *)x;
}
#define EDDY_AWAITABLE(x)                                                                          \
    _Generic((x), eddy_awaitable *                                                                 \
             : eddyi_awaitable_of_awaitable, eddy_coroutine *                                      \
             : eddyi_awaitable_of_coroutine, eddy_future *                                         \
             : eddyi_awaitable_of_future, eddy_task *                                              \
             : eddyi_awaitable_of_task)(x)
#endif

/*
 * What eddy_async expands to: a struct of the arguments, the body as a static function with
 * named parameters, an entry that unpacks the one into the other, and the constructor. The
 * constructor's prototype comes first, so that a `static` in front of the macro makes it static.
 */
#define EDDYI_PARAMS(...) EDDYI_PARAMS_(__VA_ARGS__, N, N, N, N, N, N, N, N, N, N, N, N, 0, 0)
#define EDDYI_PARAMS_(name, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, n, ...) n

#define EDDYI_PARAM(p) EDDYI_PARAM_ p
#define EDDYI_PARAM_(type, name) type name
#define EDDYI_PARAM_NAME(p) EDDYI_PARAM_NAME_ p
#define EDDYI_PARAM_NAME_(type, name) name
#define EDDYI_PARAM_FROM(p) EDDYI_PARAM_FROM_ p
#define EDDYI_PARAM_FROM_(type, name) eddyi_args->name

#define EDDYI_FIELDS(...) EDDYI_CAT(EDDYI_FIELDS_, EDDYI_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define EDDYI_FIELDS_1(p) EDDYI_PARAM(p);
#define EDDYI_FIELDS_2(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_1(__VA_ARGS__)
#define EDDYI_FIELDS_3(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_2(__VA_ARGS__)
#define EDDYI_FIELDS_4(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_3(__VA_ARGS__)
#define EDDYI_FIELDS_5(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_4(__VA_ARGS__)
#define EDDYI_FIELDS_6(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_5(__VA_ARGS__)
#define EDDYI_FIELDS_7(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_6(__VA_ARGS__)
#define EDDYI_FIELDS_8(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_7(__VA_ARGS__)
#define EDDYI_FIELDS_9(p, ...)                                                                     \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_8(__VA_ARGS__)
#define EDDYI_FIELDS_10(p, ...)                                                                    \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_9(__VA_ARGS__)
#define EDDYI_FIELDS_11(p, ...)                                                                    \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_10(__VA_ARGS__)
#define EDDYI_FIELDS_12(p, ...)                                                                    \
    EDDYI_PARAM(p);                                                                                \
    EDDYI_FIELDS_11(__VA_ARGS__)

#if defined(__GNUC__)
#define EDDYI_CALLER __builtin_return_address(0)
#define EDDYI_NOINLINE __attribute__((noinline))
#else
#define EDDYI_CALLER NULL
#define EDDYI_NOINLINE
#endif

#define EDDYI_ASYNC_DECLARE_0(name) eddy_coroutine *name(void)
#define EDDYI_ASYNC_DECLARE_N(name, ...) eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#define EDDYI_ASYNC_0(name)                                                                        \
    EDDY_NODISCARD eddy_coroutine *name(void);                                                     \
    static int name##_eddy_body(void);                                                             \
    static int name##_eddy_entry(void *eddyi_p)                                                    \
    {                                                                                              \
        (void)eddyi_p;                                                                             \
        return name##_eddy_body();                                                                 \
    }                                                                                              \
    EDDYI_NOINLINE eddy_coroutine *name(void)                                                      \
    {                                                                                              \
        return eddy_coroutine_new_copy(#name, name##_eddy_entry, NULL, 0, EDDYI_CALLER);           \
    }                                                                                              \
    static int name##_eddy_body(void)

#define EDDYI_ASYNC_N(name, ...)                                                                   \
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
    EDDYI_NOINLINE eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))                       \
    {                                                                                              \
        struct name##_eddy_args eddyi_args = {EDDYI_MAP(EDDYI_PARAM_NAME, __VA_ARGS__)};           \
        return eddy_coroutine_new_copy(#name, name##_eddy_entry, &eddyi_args, sizeof eddyi_args,   \
                                       EDDYI_CALLER);                                              \
    }                                                                                              \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#endif
