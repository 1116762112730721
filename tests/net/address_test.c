/* Addresses as messages show them. */
#include "harness/test.h"

#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const char *format(const void *address, size_t len)
{
    static char text[200];

    return eddyi_address_format(address, (socklen_t)len, text, sizeof text);
}

TEST(an_internet_address_is_shown_with_its_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};

    inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
    inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
    EXPECT_STR(format(&in, sizeof in), "192.0.2.1 port 80");
    EXPECT_STR(format(&in6, sizeof in6), "2001:db8::1 port 443");
}

TEST(the_scope_of_an_address_is_shown_by_name_or_else_by_number)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(1)};

    inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
    in6.sin6_scope_id = if_nametoindex("lo");
    if (in6.sin6_scope_id > 0)
        EXPECT_STR(format(&in6, sizeof in6), "fe80::1%lo port 1");
    in6.sin6_scope_id = 987654;
    EXPECT_STR(format(&in6, sizeof in6), "fe80::1%987654 port 1");
}

TEST(a_unix_socket_is_shown_by_its_path_its_abstract_name_or_as_unnamed)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/a.sock"};
    size_t head = offsetof(struct sockaddr_un, sun_path);

    EXPECT_STR(format(&un, head + strlen(un.sun_path)), "/run/a.sock");
    EXPECT_STR(format(&un, head), "an unnamed socket");
    memcpy(un.sun_path, "\0name", 5);
    EXPECT_STR(format(&un, head + 5), "@name");
    EXPECT_STR(format(&un, 0), "an unnamed socket");
}

TEST(an_address_of_another_family_is_shown_by_the_familys_number)
{
    struct sockaddr other = {.sa_family = 12345};

    EXPECT_STR(format(&other, sizeof other), "an address of family 12345");
}
