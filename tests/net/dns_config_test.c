/*
 * The configuration of name servers from a resolv.conf, the environment and a list of servers.
 */
#include "harness/test.h"
#include "net/dns_config.h"
#include "net/resolver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct eddyi_dns_config *parse(const char *text)
{
    struct eddyi_dns_config *c = eddyi_dns_config_new();

    REQUIRE(c != NULL);
    REQUIRE(eddyi_dns_config_read(c, text, strlen(text)) == 0 || test_tortured());
    return c;
}

static const char *server(const struct eddyi_dns_config *c, unsigned i)
{
    static char text[EDDYI_ADDRESS_TEXT];

    return i < c->n_servers ? eddyi_address_format(&c->servers[i].sa,
                                                   eddyi_address_size(c->servers[i].sa.sa_family),
                                                   text, sizeof text)
                            : "";
}

/* The domains, with a space behind each. */
static const char *domains(const struct eddyi_dns_config *c)
{
    static char text[256];

    text[0] = '\0';
    for (const char *d = c->search; d && *d; d += strlen(d) + 1) {
        strcat(text, d);
        strcat(text, " ");
    }
    return text;
}

TEST(servers_are_taken_in_their_order_and_what_is_none_is_skipped)
{
    struct eddyi_dns_config *c =
        parse("nameserver 192.0.2.1\nnameserver nonsense\n# nameserver 192.0.2.2\n"
              "; nameserver 192.0.2.2\nnameserver\t2001:db8::1  # a comment\n"
              "nameserver\nnameserver [2001:db8::2]:5353\nnameserver 192.0.2.3:54\n"
              "nameserver 192.0.2.4:0\nnameserver 192.0.2.4:65536\n"
              "nameserver [192.0.2.4\nnameservers 192.0.2.4");

    EXPECT_STR(server(c, 0), "192.0.2.1 port 53");
    EXPECT_STR(server(c, 1), "2001:db8::1 port 53");
    EXPECT_STR(server(c, 2), "2001:db8::2 port 5353");
    EXPECT_STR(server(c, 3), "192.0.2.3 port 54");
    EXPECT_EQ(c->n_servers, 4);
    eddyi_dns_config_unref(c);
}

TEST(more_servers_than_can_be_asked_are_left_out)
{
    char text[2000] = "";
    struct eddyi_dns_config *c;

    for (int i = 0; i < 20; i++)
        strcat(text, "nameserver 192.0.2.1\n");
    c = parse(text);
    EXPECT_EQ(c->n_servers, EDDYI_DNS_SERVERS_MAX);
    eddyi_dns_config_unref(c);
}

TEST(the_last_of_search_and_domain_counts)
{
    struct eddyi_dns_config *c = parse("domain a.test\nsearch b.test  c.test\t\n");

    EXPECT_STR(domains(c), test_tortured() ? domains(c) : "b.test c.test ");
    eddyi_dns_config_unref(c);
    c = parse("search b.test c.test\ndomain a.test b.test\n");
    EXPECT_STR(domains(c), test_tortured() ? domains(c) : "a.test ");
    eddyi_dns_config_unref(c);
}

TEST(options_have_the_limits_of_the_c_library)
{
    struct eddyi_dns_config *c = parse("options ndots:99 timeout:99 attempts:99\n");

    EXPECT_EQ(c->ndots, 15);
    EXPECT_EQ(c->timeout, 30 * INT64_C(1000000000));
    EXPECT_EQ(c->attempts, 5);
    eddyi_dns_config_unref(c);
    c = parse("options ndots:0 timeout:0 attempts:0\n");
    EXPECT_EQ(c->ndots, 0);
    EXPECT_EQ(c->timeout, INT64_C(1000000000));
    EXPECT_EQ(c->attempts, 1);
    eddyi_dns_config_unref(c);
    c = parse("options ndots: timeout:x attempts inet6 rotate5 retrans:99999999999999\n");
    EXPECT_EQ(c->ndots, 1);
    EXPECT_EQ(c->timeout, 30 * INT64_C(1000000000));
    EXPECT_EQ(c->attempts, 2);
    EXPECT(!c->rotate);
    eddyi_dns_config_unref(c);
}

TEST(flags_are_off_until_they_are_named)
{
    struct eddyi_dns_config *c = parse("");

    EXPECT(!c->rotate && !c->use_vc && !c->edns0 && !c->trust_ad && !c->single_request &&
           !c->no_aaaa);
    eddyi_dns_config_unref(c);
    c = parse("options rotate use-vc edns0\noptions trust-ad single-request no-aaaa no-reload\n");
    EXPECT(c->rotate && c->use_vc && c->edns0 && c->trust_ad && c->single_request && c->no_aaaa &&
           c->no_reload);
    eddyi_dns_config_unref(c);
}

TEST(a_file_that_is_not_there_means_a_server_on_this_machine)
{
    struct eddyi_dns_config *c = NULL;

    if (EXPECT_EQ(eddyi_dns_config_load("/nonexistent/resolv.conf", NULL, &c), 0))
        EXPECT_STR(server(c, 0), "127.0.0.1 port 53");
    eddyi_dns_config_unref(c);
}

TEST(the_environment_adds_to_the_file)
{
    struct eddyi_dns_config *c = NULL;

    setenv("LOCALDOMAIN", "x.test y.test", 1);
    setenv("RES_OPTIONS", "ndots:3", 1);
    if (EXPECT_EQ(
            eddyi_dns_config_load("/nonexistent/resolv.conf", "192.0.2.1, 192.0.2.2:5353", &c),
            0)) {
        EXPECT_STR(domains(c), "x.test y.test ");
        EXPECT_EQ(c->ndots, 3);
        EXPECT_STR(server(c, 1), "192.0.2.2 port 5353");
    }
    eddyi_dns_config_unref(c);
}

TEST(a_list_of_servers_is_right_or_refused)
{
    static const char *const bad[] = {
        "",
        ",",
        "192.0.2.1,",
        "192.0.2.1 192.0.2.2",
        "localhost",
        "192.0.2.1:x",
        "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1"};
    struct eddyi_dns_config *c = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!EXPECT_EQ(eddyi_dns_config_load("/nonexistent/resolv.conf", bad[i], &c), -EINVAL))
            FAIL("which was '%s'", bad[i]);
    EXPECT_IN("name servers 1.1.1.1", eddy_exception_message(eddy_error()));
}

TEST(a_list_of_servers_may_have_spaces_and_ends_with_its_last)
{
    struct eddyi_dns_config *c = NULL;

    if (EXPECT_EQ(
            eddyi_dns_config_load("/nonexistent/resolv.conf", " 192.0.2.1 , 192.0.2.2:5353", &c),
            0))
        EXPECT_EQ(c->n_servers, 2);
    eddyi_dns_config_unref(c);
}

TEST(a_file_that_cannot_be_read_for_want_of_descriptors_is_an_error)
{
    struct eddyi_dns_config *c = NULL;

    eddyi_fault_only("read_file", EMFILE);
    EXPECT_EQ(eddyi_dns_config_load("/nonexistent/resolv.conf", NULL, &c), -EMFILE);
    EXPECT_IN("/nonexistent/resolv.conf", eddy_exception_message(eddy_error()));
    eddyi_fault_clear();
}
