/*
 * Definitions that every public header of eddy needs: attributes, the names of the types, and the
 * preprocessor helpers of the macros that read like Python.
 */
#ifndef EDDY_DEFS_H
#define EDDY_DEFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enclose declarations of C functions in a header that C++ can include too. */
#ifdef __cplusplus
#include <type_traits>
#define EDDY_BEGIN_DECLS extern "C" {
#define EDDY_END_DECLS }
#else
#define EDDY_BEGIN_DECLS
#define EDDY_END_DECLS
#endif

#if defined(__GNUC__)
/* Marks a function that the library exports. */
#define EDDY_API __attribute__((visibility("default")))
/* Marks a function whose result must not be ignored: the compiler warns. */
#define EDDY_NODISCARD __attribute__((warn_unused_result))
/* Marks a function whose parameter number @fmt is a printf-style format of those from @args on. */
#define EDDY_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Marks a rarely called function: the compiler keeps the path to it out of the hot code. */
#define EDDY_COLD __attribute__((cold, noinline))
/* Marks a variable for which fn(&variable) is called when its block is left. */
#define EDDY_CLEANUP(fn) __attribute__((cleanup(fn), unused))
#else
#define EDDY_API
#define EDDY_NODISCARD
#define EDDY_PRINTF(fmt, args)
#define EDDY_COLD
#define EDDY_CLEANUP(fn)
#endif

/*
 * Marks every function that may suspend the calling task: other tasks and callbacks of the loop can
 * run before it returns. Nothing else in C shows this to a reader.
 */
#if defined(__clang__)
#define EDDY_AWAITS __attribute__((annotate("eddy_awaits")))
#else
#define EDDY_AWAITS
#endif

/* No time limit (None in Python); a wait of more than 292 years means the same. */
#define EDDY_FOREVER 1.7976931348623157e308

/*
 * Passes an output: the address of a pointer of any type, or NULL where the output is not wanted.
 * Any other argument, such as a pointer whose & was forgotten, does not compile (gcc and clang).
 */
#ifdef __cplusplus
template <typename T> inline void **eddyi_out(T **p)
{
    return static_cast<void **>(static_cast<void *>(p));
}
inline void **eddyi_out(decltype(nullptr))
{
    return nullptr;
}
#define EDDYI_OUT(p) eddyi_out(p)
#elif defined(__GNUC__)
#define EDDYI_OUT(p)                                                                               \
    ((void)sizeof(&**_Generic((p), void *: (void **)0, default: (p))),                             \
     (void)sizeof(char[_Generic((p), void *: __builtin_constant_p(p), default: 1) ? 1 : -1]),      \
     (void **)(void *)(p))
#else
#define EDDYI_OUT(p) ((void **)(void *)(p))
#endif

/* An object that can be awaited: a coroutine, Future or Task. Opaque. */
typedef struct eddy_awaitable eddy_awaitable;

/* A call of a coroutine function that has not begun (eddy/coroutine.h). Opaque. */
typedef struct eddy_coroutine eddy_coroutine;

/* A result that comes later (asyncio.Future; eddy/future.h). Opaque. */
typedef struct eddy_future eddy_future;

/* A coroutine that runs concurrently (asyncio.Task; eddy/task.h); an eddy_future too. Opaque. */
typedef struct eddy_task eddy_task;

/* An event loop (asyncio.EventLoop; eddy/loop.h). Opaque. */
typedef struct eddy_loop eddy_loop;

/* An error with a code, a message and, for a group, members (eddy/error.h). Opaque, immutable. */
typedef struct eddy_exception eddy_exception;

/* A set of values of context variables (contextvars.Context; eddy/contextvars.h). Opaque. */
typedef struct eddy_context eddy_context;

/*
 * Tells the library, before any other code of this source file runs, that there is a C++ runtime
 * (docs/cxx.md).
 */
EDDY_BEGIN_DECLS
EDDY_API int eddyi_cxx_begin(void *(*get_globals)(void));
EDDY_END_DECLS
#if defined(__cplusplus) && defined(__GNUC__) && defined(__cpp_exceptions)
extern "C" void *eddyi_cxa_get_globals() __asm__("__cxa_get_globals") __attribute__((weak));
namespace
{
__attribute__((unused)) const int eddyi_cxx = eddyi_cxx_begin(eddyi_cxa_get_globals);
}
#endif

/* Checks that parameters can be copied byte by byte, since C has no other way to copy them. */
#ifdef __cplusplus
#define EDDYI_PLAIN(args)                                                                          \
    static_assert(                                                                                 \
        std::is_trivially_copyable<args>::value,                                                   \
        "eddy copies these parameters byte by byte, so each must be trivially copyable: "          \
        "pass a pointer, a reference or plain data (docs/cxx.md)");
#else
#define EDDYI_PLAIN(args)
#endif

/* Declares a variable with the type of its initializer. */
#ifdef __cplusplus
#define EDDYI_AUTO auto
#else
#define EDDYI_AUTO __auto_type
#endif

/*
 * Converts @fd to the form in which options take a descriptor: 0 means none there, so descriptor 0
 * is represented by another number. Every other number is returned unchanged; a negative one stays
 * an error.
 */
enum { EDDY_FD_0 = INT_MIN + 4 };
static inline int eddy_fd(int fd)
{
    return fd == 0 ? EDDY_FD_0 : fd;
}

/* Expands to the place in the source where a macro is used: "file.c:12". */
#define EDDYI_STR2(x) #x
#define EDDYI_STR(x) EDDYI_STR2(x)
#define EDDYI_WHERE __FILE__ ":" EDDYI_STR(__LINE__)

#define EDDYI_CAT2(a, b) a##b
#define EDDYI_CAT(a, b) EDDYI_CAT2(a, b)

/*
 * Declares a variable with a generated name, for which end(&variable) is called when the block is
 * left: EDDYI_GUARD(type, end, init). The name has a number of its own, so several guards can stand
 * in one line, as in a macro. A guard must be a statement of a block: after if, else or a loop
 * without braces it would end at once, so the two declarations make that an error, with a message.
 */
#if defined(__GNUC__)
typedef char eddyi_a_scope_needs_a_block_so_put_braces_after_if_else_or_a_loop;
#define EDDYI_GUARD(type, end, init) EDDYI_GUARD_(type, end, __COUNTER__, init)
#define EDDYI_GUARD_(type, end, n, init)                                                           \
    eddyi_a_scope_needs_a_block_so_put_braces_after_if_else_or_a_loop EDDYI_CAT(                   \
        eddyi_put_braces_around_this_scope_, n) __attribute__((unused)) = 0;                       \
    type EDDYI_CAT(eddyi_guard_, n) EDDY_CLEANUP(end) =                                            \
        ((void)EDDYI_CAT(eddyi_put_braces_around_this_scope_, n), (init))
#endif

/* Expands to the number of arguments, 1 to 32. */
#define EDDYI_COUNT(...)                                                                           \
    EDDYI_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,  \
                 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define EDDYI_COUNT_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17,   \
                     a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, n, \
                     ...)                                                                          \
    n

/* Applies a macro to each of 1 to 32 arguments: m(a), m(b), …. */
#define EDDYI_MAP(m, ...) EDDYI_CAT(EDDYI_MAP_, EDDYI_COUNT(__VA_ARGS__))(m, __VA_ARGS__)
#define EDDYI_MAP_1(m, a) m(a)
#define EDDYI_MAP_2(m, a, ...) m(a), EDDYI_MAP_1(m, __VA_ARGS__)
#define EDDYI_MAP_3(m, a, ...) m(a), EDDYI_MAP_2(m, __VA_ARGS__)
#define EDDYI_MAP_4(m, a, ...) m(a), EDDYI_MAP_3(m, __VA_ARGS__)
#define EDDYI_MAP_5(m, a, ...) m(a), EDDYI_MAP_4(m, __VA_ARGS__)
#define EDDYI_MAP_6(m, a, ...) m(a), EDDYI_MAP_5(m, __VA_ARGS__)
#define EDDYI_MAP_7(m, a, ...) m(a), EDDYI_MAP_6(m, __VA_ARGS__)
#define EDDYI_MAP_8(m, a, ...) m(a), EDDYI_MAP_7(m, __VA_ARGS__)
#define EDDYI_MAP_9(m, a, ...) m(a), EDDYI_MAP_8(m, __VA_ARGS__)
#define EDDYI_MAP_10(m, a, ...) m(a), EDDYI_MAP_9(m, __VA_ARGS__)
#define EDDYI_MAP_11(m, a, ...) m(a), EDDYI_MAP_10(m, __VA_ARGS__)
#define EDDYI_MAP_12(m, a, ...) m(a), EDDYI_MAP_11(m, __VA_ARGS__)
#define EDDYI_MAP_13(m, a, ...) m(a), EDDYI_MAP_12(m, __VA_ARGS__)
#define EDDYI_MAP_14(m, a, ...) m(a), EDDYI_MAP_13(m, __VA_ARGS__)
#define EDDYI_MAP_15(m, a, ...) m(a), EDDYI_MAP_14(m, __VA_ARGS__)
#define EDDYI_MAP_16(m, a, ...) m(a), EDDYI_MAP_15(m, __VA_ARGS__)
#define EDDYI_MAP_17(m, a, ...) m(a), EDDYI_MAP_16(m, __VA_ARGS__)
#define EDDYI_MAP_18(m, a, ...) m(a), EDDYI_MAP_17(m, __VA_ARGS__)
#define EDDYI_MAP_19(m, a, ...) m(a), EDDYI_MAP_18(m, __VA_ARGS__)
#define EDDYI_MAP_20(m, a, ...) m(a), EDDYI_MAP_19(m, __VA_ARGS__)
#define EDDYI_MAP_21(m, a, ...) m(a), EDDYI_MAP_20(m, __VA_ARGS__)
#define EDDYI_MAP_22(m, a, ...) m(a), EDDYI_MAP_21(m, __VA_ARGS__)
#define EDDYI_MAP_23(m, a, ...) m(a), EDDYI_MAP_22(m, __VA_ARGS__)
#define EDDYI_MAP_24(m, a, ...) m(a), EDDYI_MAP_23(m, __VA_ARGS__)
#define EDDYI_MAP_25(m, a, ...) m(a), EDDYI_MAP_24(m, __VA_ARGS__)
#define EDDYI_MAP_26(m, a, ...) m(a), EDDYI_MAP_25(m, __VA_ARGS__)
#define EDDYI_MAP_27(m, a, ...) m(a), EDDYI_MAP_26(m, __VA_ARGS__)
#define EDDYI_MAP_28(m, a, ...) m(a), EDDYI_MAP_27(m, __VA_ARGS__)
#define EDDYI_MAP_29(m, a, ...) m(a), EDDYI_MAP_28(m, __VA_ARGS__)
#define EDDYI_MAP_30(m, a, ...) m(a), EDDYI_MAP_29(m, __VA_ARGS__)
#define EDDYI_MAP_31(m, a, ...) m(a), EDDYI_MAP_30(m, __VA_ARGS__)
#define EDDYI_MAP_32(m, a, ...) m(a), EDDYI_MAP_31(m, __VA_ARGS__)

#endif
