#include "base/assert.h"

#include "base/log.h"

#include <stdlib.h>

EDDY_COLD _Noreturn void eddyi_assert_failed(const char *broken)
{
    eddyi_log_fatal(broken);
    abort();
}
