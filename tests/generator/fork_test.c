/* Generators whose bodies fork: plain ones need no loop and go on in the child, asynchronous ones
 * end. */
#include "loop/forks.h"

static eddy_gen(forks_between)
{
    eddy_try(eddy_yield("one", NULL));
    fork_here(NULL);
    eddy_try(eddy_yield("two", NULL));
    return 3;
}

static eddy_async(goes_through)
{
    eddy_generator *g = forks_between();
    void *value;
    int n = 0, rc;

    REQUIRE(g);
    while ((rc = eddy_next(g, &value)) > 0)
        n++;
    rc = rc == 0 && n == 2 && eddy_generator_result(g) == 3 ? 0 : -EINVAL;
    eddy_generator_free(g);
    if (is_child() && rc < 0)
        _exit(2);
    return rc;
}

TEST_REAL(a_generator_that_forks_goes_on_in_both_processes)
{
    forks_init();
    run_twice(goes_through());
}

static eddy_async_gen(naps_and_forks)
{
    eddy_try(eddy_sleep(0.001));
    eddy_try(eddy_yield("one", NULL));
    fork_here(NULL);
    eddy_try(eddy_sleep(0.001));
    eddy_try(eddy_yield("two", NULL));
    return 0;
}

static eddy_async(goes_through_async)
{
    eddy_async_generator *g = naps_and_forks();
    void *value;
    int n = 0, rc;

    REQUIRE(g);
    while ((rc = eddy_anext(g, &value)) > 0)
        n++;
    eddy_async_generator_free(g);
    if (is_child() && (n != 1 || rc != EDDY_EFORKED))
        _exit(2);
    return rc;
}

TEST_REAL(in_the_child_of_an_asynchronous_generator_nothing_can_be_awaited_and_the_run_ends)
{
    forks_init();
    run_twice(goes_through_async());
}
