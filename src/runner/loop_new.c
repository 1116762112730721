/*
 * Creating a loop that can be inspected from outside.
 */
#include "debug/dump.h"
#include "loop/loop.h"

eddy_loop *eddy_loop_new(const eddy_loop_options *options)
{
    eddyi_debug_begin();
    return eddyi_loop_new(options);
}
