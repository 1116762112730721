/*
 * The test harness.
 *
 *     #include "harness/test.h"
 *
 *     TEST(a_name_that_states_the_promise)              a plain function
 *     {
 *         EXPECT_EQ(1 + 1, 2);
 *     }
 *
 *     TEST_ASYNC(a_sleep_takes_its_time)                a coroutine on a fresh loop, virtual clock
 *     {
 *         eddy_try(eddy_sleep(3600));
 *         EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 3600.0);
 *         return 0;
 *     }
 *
 * Each tests/<layer>/<file>_test.c is a program of its own. It runs every test in a forked process
 * that a timer watches over, and checks afterwards that the test left no descriptor, no allocation
 * of the library, no thread and no child process. A test about threads has "thread" in its name:
 * such tests also run under ThreadSanitizer.
 *
 * With EDDY_SHUFFLE=seed in the environment every loop runs its ready items in an order that
 * follows from the seed. The promise of a test must hold in any order, unless the promise is that
 * order or is observed through it. Such a test says so, and is left out:
 *
 *     TEST_ASYNC(callbacks_run_first_come_first_served, .ordered = true)
 *
 * With EDDY_SHORT=n no read or write moves more than n bytes. That is legal, and all code must cope
 * with it; a test whose promise is how much one call moves says .whole = true.
 *
 * Torture (--torture) runs each test many times: each call n of the library to the kernel or for
 * memory fails, once and for ever after. The test must not crash, hang or leak then. Its
 * expectations may fail, since an error was injected; EXPECT goes on after a failure, so that the
 * test's own clean-up runs. A test that cannot go on (it would follow a null pointer) says REQUIRE,
 * which ends it at once. What a test leaves behind does not count when it ended in the middle, by
 * REQUIRE or by returning an error from the body of TEST_ASYNC (eddy_try); so EXPECT finds most.
 * Two traps: an object that is passed to a call which takes no null pointer needs a REQUIRE; and a
 * reference that is an argument of a coroutine is lost with a coroutine that never ran, so the task
 * that runs it needs a reference as well.
 */
#ifndef EDDY_HARNESS_TEST_H
#define EDDY_HARNESS_TEST_H

#include "base/fault.h"
#include "eddy.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The loops of a test; the runner repeats it on the backends that these need. */
enum test_kind {
    TEST_KIND_ANY,     /* plain functions: any loops, or none */
    TEST_KIND_VIRTUAL, /* the virtual clock only: the same on all backends */
    TEST_KIND_REAL     /* the backend that the environment chooses */
};

struct test {
    const char *name;
    const char *file;
    enum test_kind kind;
    void (*body)(void);
    bool ordered; /* its promise is an order: left out where the order is shuffled */
    /* its promise is how much one call moves: left out where transfers are cut short */
    bool whole;
    struct test *next; /* in the order of the source file */
};

/* Adds a test to the list; the macros call it before main(). */
void test_register(struct test *t);

#define TEST(name, ...) TEST_OF_KIND(name, TEST_KIND_ANY, __VA_ARGS__)
#define TEST_OF_KIND(test_name, test_kind, ...)                                                    \
    static void test_name(void);                                                                   \
    static struct test test_name##_test = {.name = #test_name,                                     \
                                           .file = __FILE__,                                       \
                                           .kind = (test_kind),                                    \
                                           .body = test_name,                                      \
                                           __VA_ARGS__};                                           \
    __attribute__((constructor)) static void test_name##_register(void)                            \
    {                                                                                              \
        test_register(&test_name##_test);                                                          \
    }                                                                                              \
    static void test_name(void)

/*
 * Define a test whose body is a coroutine: it returns a status, and any other than 0 is a failure.
 * TEST_ASYNC runs it on the virtual clock, where a deadlock is a failure at once; TEST_ASYNC_REAL
 * on the backend of the environment.
 */
#define TEST_ASYNC(name, ...) TEST_CORO(name, TEST_KIND_VIRTUAL, test_run, __VA_ARGS__)
#define TEST_ASYNC_REAL(name, ...) TEST_CORO(name, TEST_KIND_REAL, test_run_real, __VA_ARGS__)
#define TEST_CORO(name, kind, run, ...)                                                            \
    static int name##_coro(void *unused);                                                          \
    static int name##_main(void *unused)                                                           \
    {                                                                                              \
        return test_left_with(name##_coro(unused));                                                \
    }                                                                                              \
    TEST_OF_KIND(name, kind, __VA_ARGS__)                                                          \
    {                                                                                              \
        test_expect_status(run(eddy_coro(name##_main, NULL)), TEST_WHERE);                         \
    }                                                                                              \
    static int name##_coro(void *unused)

/* Define a plain function whose loops are all real (TEST_REAL) or all virtual (TEST_VIRTUAL). */
#define TEST_REAL(name, ...) TEST_OF_KIND(name, TEST_KIND_REAL, __VA_ARGS__)
#define TEST_VIRTUAL(name, ...) TEST_OF_KIND(name, TEST_KIND_VIRTUAL, __VA_ARGS__)

/*
 * Run a coroutine as eddy_run() does, on a fresh loop with the virtual clock, or on the real
 * backend of the environment (EDDY_BACKEND), and return its status.
 */
int test_run(eddy_coroutine *coro);
int test_run_real(eddy_coroutine *coro);

/* Create a fresh loop, for tests that drive loops themselves; also usable as a loop_factory. */
eddy_loop *test_virtual_loop(void);
eddy_loop *test_real_loop(void);

/*
 * Expectations. Each is an expression that is true if it was met; one that is not met fails the
 * test, which goes on. Usable in coroutines, callbacks and other threads.
 */
#define EXPECT(cond) test_expect((cond) ? true : false, #cond, TEST_WHERE)
#define EXPECT_EQ(a, b) test_expect_eq(TEST_VALUE(a), TEST_VALUE(b), #a " == " #b, TEST_WHERE)
#define EXPECT_NE(a, b) test_expect_ne(TEST_VALUE(a), TEST_VALUE(b), #a " != " #b, TEST_WHERE)
#define EXPECT_STR(a, b) test_expect_str((a), (b), #a " is " #b, TEST_WHERE)
/* Expects string @a to contain @b. */
#define EXPECT_IN(b, a) test_expect_in((b), (a), #b " in " #a, TEST_WHERE)

/* Expects @cond as EXPECT does, but ends the test at once if it is not met. */
#define REQUIRE(cond) test_require((cond) ? true : false, #cond, TEST_WHERE)

/* Fails the test with a message of its own. It goes on. */
#define FAIL(...) test_fail(TEST_WHERE, __VA_ARGS__)

/* Ends the test as skipped, from anywhere, for the reason given. */
#define SKIP(...) test_skip(__VA_ARGS__)

/*
 * Runs fn(arg), which must end its process, in a child. Returns the wait status (WIFSIGNALED and so
 * on). The child's standard output and standard error are in @output, cut to @size and always
 * terminated.
 */
int test_in_child(void (*fn)(void *arg), void *arg, char *output, size_t size);

/* Returns true under torture: for the rare test that makes no sense, or would not end, under it. */
bool test_tortured(void);

/* Returns how many times slower than natively this runs (sanitizers, valgrind), for tests of real
 * time. */
int test_slowness(void);

/* The implementation of the macros. */
#define TEST_WHERE __FILE__ ":" EDDYI_STR(__LINE__)

struct test_value {
    enum { TEST_SIGNED, TEST_UNSIGNED, TEST_DOUBLE, TEST_POINTER } type;
    union {
        long long i;
        unsigned long long u;
        double d;
        const void *p;
    };
};
struct test_value test_value_signed(long long i);
struct test_value test_value_unsigned(unsigned long long u);
struct test_value test_value_double(double d);
struct test_value test_value_pointer(const volatile void *p);
/* clang-format off */
#define TEST_VALUE(x)                                                                              \
    _Generic((x),                                                                                  \
        char: test_value_signed, signed char: test_value_signed, short: test_value_signed,         \
        int: test_value_signed, long: test_value_signed, long long: test_value_signed,             \
        bool: test_value_unsigned, unsigned char: test_value_unsigned,                             \
        unsigned short: test_value_unsigned, unsigned: test_value_unsigned,                        \
        unsigned long: test_value_unsigned, unsigned long long: test_value_unsigned,               \
        float: test_value_double, double: test_value_double,                                       \
        default: test_value_pointer)(x)
/* clang-format on */

bool test_expect(bool met, const char *what, const char *where);
bool test_expect_eq(struct test_value a, struct test_value b, const char *what, const char *where);
bool test_expect_ne(struct test_value a, struct test_value b, const char *what, const char *where);
bool test_expect_str(const char *a, const char *b, const char *what, const char *where);
bool test_expect_in(const char *part, const char *whole, const char *what, const char *where);
void test_expect_status(int status, const char *where);
int test_left_with(int status);
void test_require(bool met, const char *what, const char *where);
void test_fail(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
