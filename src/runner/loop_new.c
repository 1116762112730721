/*
 * Creating a loop that can be inspected from outside.
 */
#include "base/options.h"
#include "debug/dump.h"
#include "loop/loop.h"

eddy_loop *(eddy_loop_new)(const eddy_loop_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_loop_options, options, options_size, NULL);
    eddyi_debug_begin();
    return eddyi_loop_new(options);
}
