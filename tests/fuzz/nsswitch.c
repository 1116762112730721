/* Texts of /etc/nsswitch.conf. */
#include "fuzz.h"

#include "net/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n ? n : 1); /* of just that size, and not terminated */

    memcpy(text, data, n);
    (void)eddyi_nsswitch_needs_system(text, n);
    free(text);
    return 0;
}
