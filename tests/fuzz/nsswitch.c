/* Texts of /etc/nsswitch.conf: the order names each source once. */
#include "fuzz.h"

#include "net/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    char *text = (char *)fuzz_rest(&in, &n), order[3];

    (void)eddyi_nsswitch_needs_system(text, n);
    memset(order, 'x', sizeof order);
    eddyi_nsswitch_order(text, n, order);
    FUZZ_CHECK(memchr(order, '\0', sizeof order));
    FUZZ_CHECK(strspn(order, "fd") == strlen(order));
    FUZZ_CHECK(strlen(order) < 2 || order[0] != order[1]);
    free(text);
    return 0;
}
