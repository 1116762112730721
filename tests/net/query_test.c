/*
 * The order in which addresses are tried.
 */
#include "harness/test.h"
#include "net/query.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* These addresses, sorted, with a space behind each. */
static const char *sorted(const char *const *texts, size_t n)
{
    static char result[4096];
    union eddyi_address addresses[80];

    for (size_t i = 0; i < n; i++)
        REQUIRE(eddyi_address_parse(texts[i], &addresses[i]) == 1);
    eddyi_addresses_sort(addresses, n);
    result[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        char one[EDDYI_ADDRESS_TEXT];

        eddyi_address_host(&addresses[i].sa, one, sizeof one);
        strcat(result, one);
        strcat(result, " ");
    }
    return result;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof in6) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

TEST(equally_good_addresses_stay_in_their_order)
{
    static const char *const texts[] = {"127.0.0.3", "127.0.0.1", "127.0.0.2"};

    EXPECT_STR(sorted(texts, 3),
               test_tortured() ? sorted(texts, 3) : "127.0.0.3 127.0.0.1 127.0.0.2 ");
    EXPECT_STR(sorted(texts, 1), "127.0.0.3 ");
    EXPECT_STR(sorted(texts, 0), "");
}

TEST(what_cannot_be_reached_comes_last)
{
    static const char *const texts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};

    eddyi_fault_nth("connect", 1, ENETUNREACH);
    EXPECT_STR(sorted(texts, 3), "127.0.0.2 127.0.0.3 127.0.0.1 ");
    eddyi_fault_clear();
    eddyi_fault_nth("socket", 2, EAFNOSUPPORT);
    EXPECT_STR(sorted(texts, 3), "127.0.0.1 127.0.0.3 127.0.0.2 ");
    eddyi_fault_clear();
}

TEST(the_loopback_of_ipv6_comes_before_that_of_ipv4)
{
    static const char *const texts[] = {"127.0.0.1", "::1"};

    if (!has_ipv6())
        SKIP("no IPv6");
    EXPECT_STR(sorted(texts, 2), test_tortured() ? sorted(texts, 2) : "::1 127.0.0.1 ");
}

/* Without any route only precedence and scope decide (RFC 6724, rules 6 and 8). */
TEST(the_policy_prefers_native_addresses)
{
    static const char *const texts[] = {
        "2002:c000:201::1", "2001:0:c000:201::1", "::5",     "fec0::1", "fd00::1", "192.0.2.1",
        "3ffe::1",          "2001:db8::1",        "ff05::1", "fe80::1"};

    eddyi_fault_only("connect", ENETUNREACH);
    EXPECT_STR(
        sorted(texts, 10),
        "fe80::1 ff05::1 2001:db8::1 192.0.2.1 2002:c000:201::1 2001:0:c000:201::1 fd00::1 fec0::1 "
        "::5 3ffe::1 ");
    eddyi_fault_clear();
}

TEST(of_very_many_addresses_the_first_are_sorted)
{
    const char *texts[70];
    const char *found;

    for (int i = 0; i < 70; i++)
        texts[i] = i == 69 ? "127.0.0.9" : "127.0.0.1";
    texts[0] = "127.0.0.2";
    eddyi_fault_nth("connect", 1, ENETUNREACH);
    found = sorted(texts, 70);
    EXPECT(strncmp(found, "127.0.0.1 ", 10) == 0);
    EXPECT(strcmp(found + strlen(found) - 10, "127.0.0.9 ") == 0);
    eddyi_fault_clear();
}
