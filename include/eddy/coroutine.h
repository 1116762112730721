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
 * A coroutine that is never consumed is reported when its loop closes.
 *
 * In C++ parameters must be trivially copyable. An exception that leaves the body propagates to the
 * caller that awaits the coroutine; if the body is that of a task, it ends the process
 * (docs/cxx.md).
 */
#ifndef EDDY_COROUTINE_H
#define EDDY_COROUTINE_H

#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * Makes a coroutine object that will call fn(arg); eddy_async() is built on it. The caller owns the
 * result. Borrows @arg, which must stay valid until the coroutine has ended. Returns NULL when
 * memory is short; every consumer accepts NULL and reports -ENOMEM.
 */
#define eddy_coro(fn, arg) eddy_coroutine_new(#fn, (fn), (arg), EDDYI_WHERE)
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_coroutine_new(const char *name, int (*fn)(void *arg),
                                                           void *arg, const char *where);

/*
 * Makes a coroutine object as eddy_coro() does, which owns @arg: drop(arg) is called once if fn
 * never runs, because its task is cancelled before its first step, its group or loop has ended, it
 * is closed or never awaited, or memory is short, also in this call. drop() must not suspend, and
 * runs in the thread that gives the coroutine up.
 */
#define eddy_coro_owning(fn, arg, drop)                                                            \
    eddy_coroutine_new_owning(#fn, (fn), (arg), (drop), EDDYI_WHERE)
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_coroutine_new_owning(const char *name,
                                                                  int (*fn)(void *arg), void *arg,
                                                                  void (*drop)(void *arg),
                                                                  const char *where);

/*
 * Makes a coroutine object that will call fn with a copy of the @size bytes at @args. The copy is
 * freed with the object. Otherwise as eddy_coroutine_new().
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_coroutine_new_copy(const char *name,
                                                                int (*fn)(void *args),
                                                                const void *args, size_t size,
                                                                const void *caller);

/*
 * Makes a coroutine object as eddy_coroutine_new_copy() does; drop() gets the copy, or, if memory
 * is short, @args, as eddy_coro_owning() says.
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *
eddy_coroutine_new_copy_owning(const char *name, int (*fn)(void *args), void (*drop)(void *args),
                               const void *args, size_t size, const void *caller);

/* Frees a coroutine that will not be run (coroutine.close). NULL is allowed. */
EDDY_API void eddy_coroutine_close(eddy_coroutine *coro);

/* Returns the name of the coroutine function (coroutine.__name__). Borrowed. */
EDDY_API const char *eddy_coroutine_name(const eddy_coroutine *coro);

/*
 * Defines a coroutine function (async def): eddy_async(name, (type, parameter)…) { body }
 *
 * The result is `eddy_coroutine *name(type parameter, …)`. The braces that follow hold its body, a
 * function that returns a status. At most 12 parameters are possible; a type that cannot stand
 * before a name (an array, a function pointer) needs a typedef. `static eddy_async(…)` keeps the
 * function local to the file; eddy_async_declare(name, …) declares it in a header.
 *
 * Arguments are copied byte by byte. A reference or memory that an argument owns can be released
 * only by the body, and the body never runs if its task is cancelled before its first step: then
 * eddy_async_owning() is for it.
 */
#define eddy_async(...) EDDYI_CAT(EDDYI_ASYNC_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)
#define eddy_async_declare(...)                                                                    \
    EDDYI_CAT(EDDYI_ASYNC_DECLARE_, EDDYI_PARAMS(__VA_ARGS__))(__VA_ARGS__)

/*
 * Defines a coroutine function that owns what its arguments stand for:
 *
 *     static void forget(int fd, char *name) { close(fd); free(name); }
 *
 *     eddy_async_owning(serve, forget, (int, fd), (char *, name)) { body, which releases both }
 *
 * Either the body runs, or drop() is called with the arguments, as eddy_coro_owning() says. At
 * least one parameter; otherwise as eddy_async(), and declared by eddy_async_declare().
 */
#define eddy_async_owning(name, drop, ...) EDDYI_ASYNC_OWNING(name, drop, __VA_ARGS__)

/*
 * Returns 0 and attaches @value to the coroutine's result: `return eddy_return(ptr);`. The awaiting
 * caller receives @value from eddy_await_value(). Coroutine and caller agree on the ownership of
 * the memory behind it.
 */
EDDY_API int eddy_return(void *value);

/*
 * Waits for @x, a coroutine, Future or Task, and returns its status (await x).
 *
 * Consumes @x; to use a future again, call eddy_await(eddy_ref(x)). A coroutine runs at once, in
 * the current task and on its stack. Awaiting a future that is done does not suspend. Errors of the
 * call itself:
 *
 *   -ENOMEM          @x is NULL: making it ran out of memory
 *   EDDY_EMISUSE     @x is a coroutine that a task already runs, or that is already being awaited
 *   EDDY_EMISUSE     @x was consumed before: "awaited twice; made at FILE:LINE". Detected while the
 *                    memory of @x has no new owner; in debug mode, and in tests with the test kit,
 *                    for the last 200 coroutines, 200 tasks and 200 futures of the loop
 *   EDDY_ENOTASK     not called from a task; @x is consumed all the same
 *   EDDY_EMISUSE     a task cannot await itself
 *   EDDY_EOTHERLOOP  @x belongs to another loop
 *
 * Cancelled: @x is cancelled too, and the call returns -ECANCELED once @x has ended. Wrap @x in
 * eddy_shield() to keep it running.
 */
#define eddy_await(x) eddy_awaitable_await(EDDY_AWAITABLE(x), NULL)

/*
 * Waits for @x as eddy_await() does, and stores in *ret_value the pointer that came with its status
 * (NULL if there was none). @ret_value is the address of a pointer of any type, or NULL.
 */
#define eddy_await_value(x, ret_value)                                                             \
    eddy_awaitable_await(EDDY_AWAITABLE(x), EDDYI_OUT(ret_value))

/* Waits for @x as eddy_await_value() does; the macros are built on it. @ret_value may be NULL. */
EDDY_API EDDY_AWAITS int eddy_awaitable_await(eddy_awaitable *x, void **ret_value);

/*
 * Return whether @x is a coroutine (asyncio.iscoroutine), or a Future or Task (asyncio.isfuture).
 * Both return false for NULL. Borrow @x.
 */
#define eddy_iscoroutine(x) eddy_awaitable_iscoroutine(EDDY_AWAITABLE(x))
#define eddy_isfuture(x) eddy_awaitable_isfuture(EDDY_AWAITABLE(x))
EDDY_API bool eddy_awaitable_iscoroutine(const eddy_awaitable *x);
EDDY_API bool eddy_awaitable_isfuture(const eddy_awaitable *x);

/*
 * Releases an awaitable that will not be awaited: closes a coroutine, drops a reference to a
 * future.
 */
EDDY_API void eddy_awaitable_drop(eddy_awaitable *x);

/* Expands to two arguments, an array of awaitables of any kind and their number. */
#ifdef __cplusplus
#define EDDY_LIST(...) eddyi_list(__VA_ARGS__), EDDYI_COUNT(__VA_ARGS__)
#else
#define EDDY_LIST(...)                                                                             \
    ((eddy_awaitable *[]){EDDYI_MAP(EDDY_AWAITABLE, __VA_ARGS__)}), EDDYI_COUNT(__VA_ARGS__)
#endif

EDDY_END_DECLS

/* Converts a coroutine, Future or Task to the type that they have in common. */
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

/* The array of EDDY_LIST, which is valid until the end of the full expression. */
template <typename... Awaitables> struct eddyi_awaitables {
    eddy_awaitable *list[sizeof...(Awaitables)];
    operator eddy_awaitable * const *() const
    {
        return list;
    }
};
template <typename... Awaitables>
static inline eddyi_awaitables<Awaitables...> eddyi_list(Awaitables... xs)
{
    return {{EDDY_AWAITABLE(xs)...}};
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
 * Expansion of eddy_async: a struct of the arguments, the body as a static function with named
 * parameters, an entry function that unpacks the struct into the parameters, and the constructor.
 * The constructor's prototype comes first, so that a `static` in front of the macro makes it
 * static.
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

#define EDDYI_ASYNC_BEGIN(name, ...)                                                               \
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
    }

#define EDDYI_ASYNC_OWNING(name, drop, ...)                                                        \
    EDDYI_ASYNC_BEGIN(name, __VA_ARGS__)                                                           \
    static void name##_eddy_drop(void *eddyi_p)                                                    \
    {                                                                                              \
        struct name##_eddy_args *eddyi_args = (struct name##_eddy_args *)eddyi_p;                  \
        drop(EDDYI_MAP(EDDYI_PARAM_FROM, __VA_ARGS__));                                            \
    }                                                                                              \
    EDDYI_NOINLINE eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))                       \
    {                                                                                              \
        struct name##_eddy_args eddyi_args = {EDDYI_MAP(EDDYI_PARAM_NAME, __VA_ARGS__)};           \
        return eddy_coroutine_new_copy_owning(#name, name##_eddy_entry, name##_eddy_drop,          \
                                              &eddyi_args, sizeof eddyi_args, EDDYI_CALLER);       \
    }                                                                                              \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#define EDDYI_ASYNC_N(name, ...)                                                                   \
    EDDYI_ASYNC_BEGIN(name, __VA_ARGS__)                                                           \
    EDDYI_NOINLINE eddy_coroutine *name(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))                       \
    {                                                                                              \
        struct name##_eddy_args eddyi_args = {EDDYI_MAP(EDDYI_PARAM_NAME, __VA_ARGS__)};           \
        return eddy_coroutine_new_copy(#name, name##_eddy_entry, &eddyi_args, sizeof eddyi_args,   \
                                       EDDYI_CALLER);                                              \
    }                                                                                              \
    static int name##_eddy_body(EDDYI_MAP(EDDYI_PARAM, __VA_ARGS__))

#endif
