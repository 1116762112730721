/*
 * The table of names and addresses that a hosts file makes.
 */
#include "base/sys.h"
#include "harness/test.h"
#include "net/dns_hosts.h"

#include <string.h>
#include <strings.h>

static struct eddyi_hosts *hosts_of(const char *text)
{
    char *copy = eddyi_strdup(text);
    struct eddyi_hosts *h = copy ? eddyi_hosts_new(copy, strlen(copy)) : NULL;

    REQUIRE(h != NULL);
    return h;
}

/* The addresses of a name, with a space behind each. */
static const char *find(const struct eddyi_hosts *h, const char *name, int family)
{
    static char text[512];
    union eddyi_address found[4];
    const char *canonname = "";
    size_t n = eddyi_hosts_find(h, name, family, found, 4, &canonname);

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        char one[EDDYI_ADDRESS_TEXT];

        eddyi_address_host(&found[i].sa, one, sizeof one);
        strcat(text, one);
        strcat(text, " ");
    }
    return text;
}

static const char *name_of(const struct eddyi_hosts *h, const char *address)
{
    union eddyi_address a;
    const char *name;

    REQUIRE(eddyi_address_parse(address, &a) == 1);
    name = eddyi_hosts_name(h, &a);
    return name ? name : "";
}

TEST(a_name_has_all_addresses_of_its_lines_in_their_order)
{
    struct eddyi_hosts *h =
        hosts_of("192.0.2.2 a.test\n2001:db8::1 b.test a.test\n192.0.2.1\tx.test A.TEST\n");

    EXPECT_STR(find(h, "a.test", AF_UNSPEC), "192.0.2.2 2001:db8::1 192.0.2.1 ");
    EXPECT_STR(find(h, "a.test", AF_INET), "192.0.2.2 192.0.2.1 ");
    EXPECT_STR(find(h, "a.test.", AF_INET6), "2001:db8::1 ");
    EXPECT_STR(find(h, "B.Test", AF_UNSPEC), "2001:db8::1 ");
    EXPECT_STR(find(h, "a.tes", AF_UNSPEC), "");
    EXPECT_STR(find(h, "a.test.x", AF_UNSPEC), "");
    EXPECT_STR(find(h, "", AF_UNSPEC), "");
    eddyi_hosts_free(h);
}

TEST(the_first_name_of_a_line_is_the_canonical_one)
{
    struct eddyi_hosts *h = hosts_of("192.0.2.1 first.test alias.test\n192.0.2.1 second.test\n");
    union eddyi_address found[2];
    const char *canonname = NULL;

    EXPECT_EQ(eddyi_hosts_find(h, "alias.test", AF_INET, found, 2, &canonname), 1);
    EXPECT_STR(canonname, "first.test");
    EXPECT_STR(name_of(h, "192.0.2.1"), "first.test");
    EXPECT_STR(name_of(h, "192.0.2.2"), "");
    EXPECT_STR(name_of(h, "::1"), "");
    eddyi_hosts_free(h);
}

TEST(lines_that_make_no_sense_are_skipped)
{
    struct eddyi_hosts *h =
        hosts_of("# 192.0.2.1 a\n\n   \n192.0.2.1\nnonsense a\n192.0.2.300 a\n192.0.2.4 # a\n"
                 "fe80::1%nosuchif a\n192.0.2.5 b#a\r\n\t 192.0.2.6 \t c  \r\n192.0.2.7 d");

    EXPECT_STR(find(h, "a", AF_UNSPEC), "");
    EXPECT_STR(find(h, "b", AF_UNSPEC), "192.0.2.5 ");
    EXPECT_STR(find(h, "c", AF_UNSPEC), "192.0.2.6 ");
    EXPECT_STR(find(h, "d", AF_UNSPEC), "192.0.2.7 ");
    EXPECT_STR(name_of(h, "192.0.2.1"), "");
    eddyi_hosts_free(h);
}

TEST(an_interface_is_part_of_an_address)
{
    struct eddyi_hosts *h = hosts_of("fe80::1%lo a\n");

    EXPECT_STR(find(h, "a", AF_UNSPEC), test_tortured() ? find(h, "a", AF_UNSPEC) : "fe80::1%lo ");
    eddyi_hosts_free(h);
}

TEST(no_more_addresses_are_given_than_there_is_room_for)
{
    struct eddyi_hosts *h =
        hosts_of("192.0.2.1 a\n192.0.2.2 a\n192.0.2.3 a\n192.0.2.4 a\n192.0.2.5 a\n");

    EXPECT_STR(find(h, "a", AF_INET), "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 ");
    eddyi_hosts_free(h);
}

TEST(an_empty_file_has_no_names)
{
    struct eddyi_hosts *h = hosts_of("");

    EXPECT_STR(find(h, "a", AF_INET), "");
    eddyi_hosts_free(h);
    eddyi_hosts_free(NULL);
}
