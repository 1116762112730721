/*
 * Finding out that the program has a C++ runtime, whose exceptions belong to fibers then (fiber.h):
 * it is there when eddy is loaded; or eddy.h is included by a C++ source, of the program or of a
 * library that dlopen() loads later, which says so before anything in it runs. A C program pays
 * nothing but a look at a byte.
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
