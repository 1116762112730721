/*
 * Detects a C++ runtime in the program; its exceptions then belong to fibers (fiber.h).
 *
 * The runtime is there when eddy is loaded, or it comes with a C++ source that includes eddy.h, in
 * the program or in a library that dlopen() loads later: such a source reports the runtime before
 * any of its code runs. A C program pays for the test of one byte.
 */
#include "eddy/defs.h"
#include "fiber/fiber.h"

extern void *__cxa_get_globals(void) __attribute__((weak));

__attribute__((constructor)) static void look(void)
{
    eddyi_fiber_watch_exceptions(__cxa_get_globals);
}

int eddyi_cxx_begin(void *(*get_globals)(void))
{
    eddyi_fiber_watch_exceptions(get_globals);
    return 0;
}
