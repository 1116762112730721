#include "harness/harness.h"

#include "eddy/test.h"

#include <stdlib.h>

/*
 * Makes every loop of a test, or of the library for it: the linker puts this function in the place
 * of eddy_loop_new().
 */
eddy_loop *__real_eddy_loop_new(const eddy_loop_options *options, size_t size);
eddy_loop *__wrap_eddy_loop_new(const eddy_loop_options *options, size_t size);

eddy_loop *__wrap_eddy_loop_new(const eddy_loop_options *options, size_t size)
{
    eddy_loop *loop = __real_eddy_loop_new(options, size);
    const char *seed = getenv("EDDY_SHUFFLE");

    if (loop && seed && eddy_test_loop_shuffle(loop, strtoul(seed, NULL, 0)) < 0) {
        eddy_loop_unref(loop);
        return NULL;
    }
    return loop;
}

eddy_loop *test_virtual_loop(void)
{
    return eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL});
}

eddy_loop *test_real_loop(void)
{
    return eddy_loop_new(NULL);
}

int test_run(eddy_coroutine *coro)
{
    return eddy_run(coro, .loop_factory = test_virtual_loop);
}

int test_run_real(eddy_coroutine *coro)
{
    return eddy_run(coro, .loop_factory = test_real_loop);
}
