#include "harness/harness.h"

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
