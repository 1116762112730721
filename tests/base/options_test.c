/* Structs of options of other sizes: of older programs, and of newer ones. */
#include "harness/test.h"

#include "base/options.h"

#include <string.h>

struct older {
    int first;
};
struct own {
    int first, second;
};
struct newer {
    int first, second, third;
};

TEST(options_that_an_older_program_does_not_know_are_zero)
{
    struct older given = {1};
    struct own taken = {7, 7};

    EXPECT_EQ(eddyi_options_take(&taken, sizeof taken, &given, sizeof given), 0);
    EXPECT_EQ(taken.first, 1);
    EXPECT_EQ(taken.second, 0);
}

TEST(options_that_a_newer_program_leaves_at_zero_are_no_error)
{
    struct newer given = {1, 2, 0};
    struct own taken;

    EXPECT_EQ(eddyi_options_take(&taken, sizeof taken, &given, sizeof given), 0);
    EXPECT_EQ(taken.first, 1);
    EXPECT_EQ(taken.second, 2);
}

TEST(an_option_that_the_library_does_not_know_is_refused)
{
    struct newer given = {1, 2, 3};
    struct own taken;

    EXPECT_EQ(eddyi_options_take(&taken, sizeof taken, &given, sizeof given), -E2BIG);
    EXPECT_IN("compiled for a newer one", eddy_exception_message(eddy_error()));
}

static int n_run;

static eddy_async(count)
{
    n_run++;
    return 0;
}

/* The options of runs as a program of a later version has them. */
struct newer_run_options {
    eddy_run_options known;
    int unknown;
};

TEST_VIRTUAL(calls_take_options_of_older_and_newer_programs)
{
    struct newer_run_options o = {
        .known = {.coro = count(), .loop_factory = test_virtual_loop, .ret_value = NULL}};
    int sigterm_exit_and_before = offsetof(eddy_run_options, context);

    EXPECT_EQ((eddy_run_with)(&o.known, sizeof o), 0);
    o.known.coro = count();
    EXPECT_EQ((eddy_run_with)(&o.known, (size_t)sigterm_exit_and_before), 0);
    EXPECT(n_run == 2 || test_tortured());
}

TEST_VIRTUAL(a_call_with_an_unknown_option_fails_and_consumes_the_coroutine)
{
    struct newer_run_options o = {.known = {.coro = count(), .loop_factory = test_virtual_loop},
                                  .unknown = 1};
    eddy_runner r;

    EXPECT_EQ((eddy_run_with)(&o.known, sizeof o), -E2BIG);
    EXPECT_EQ(n_run, 0);
    (eddy_runner_init)(&r, &o.known, sizeof o);
    EXPECT_EQ(eddy_runner_run(&r, count()), -E2BIG);
    eddy_runner_close(&r);
    EXPECT_EQ(n_run, 0);
}

struct newer_task_options {
    eddy_task_options known;
    int unknown;
};

TEST_ASYNC(a_task_with_an_unknown_option_is_not_made)
{
    struct newer_task_options o = {.known = {.coro = count()}, .unknown = 1};

    EXPECT(!(eddy_loop_create_task_with)(NULL, &o.known, sizeof o));
    EXPECT(eddy_exception_code(eddy_error()) == -E2BIG || test_tortured());
    o.known.coro = count();
    EXPECT_EQ((eddy_spawn_with)(&o.known, sizeof o), -E2BIG);
    EXPECT_EQ(n_run, 0);
    return 0;
}
