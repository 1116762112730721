#include "base/options.h"

#include "eddy/error.h"
#include "eddy/version.h"

#include <string.h>

int eddyi_options_take(void *own, size_t own_size, const void *given, size_t size)
{
    const char *bytes = given;

    memset(own, 0, own_size);
    memcpy(own, given, size < own_size ? size : own_size);
    for (size_t i = own_size; i < size; i++)
        if (bytes[i] != 0)
            return eddy_raise(-E2BIG, "an option is set that eddy " EDDY_VERSION
                                      " does not know: the program was compiled for a newer one");
    return 0;
}
