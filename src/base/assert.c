#include "base/assert.h"

#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes with one write(2), so that the line stays whole beside those of other threads, and not
 * through a stream, whose lock or buffer may be broken. */
EDDY_COLD _Noreturn void eddyi_assert_failed(const char *broken)
{
    char line[512];
    int n = snprintf(line, sizeof line, "eddy: %s\n", broken);

    if (n >= (int)sizeof line) {
        n = sizeof line;
        line[n - 1] = '\n';
    }
    eddyi_sys_write_all(STDERR_FILENO, line, (size_t)n);
    abort();
}
