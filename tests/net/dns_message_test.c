/*
 * Messages of the domain name system, byte by byte: questions, and what is made of answers.
 */
#include "harness/test.h"
#include "net/dns_message.h"
#include "net/query.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* A question for one.test with id 0x1234, and the answer under construction. */
static struct eddyi_dns_question question;
static unsigned char answer[4096];
static size_t n_answer;

static void ask_with(int type, int udp_size)
{
    REQUIRE(eddyi_dns_question_init(&question, "one.test", type, 0x1234, udp_size, false) == 0);
    n_answer = 12 + 10 + 4;
    memcpy(answer, eddyi_dns_message(&question), n_answer);
    answer[2] = 0x81;
    answer[3] = 0x80;
    memset(answer + 6, 0, 6);
}

static void ask(int type)
{
    ask_with(type, 0);
}

static void put(const void *data, size_t n)
{
    memcpy(answer + n_answer, data, n);
    n_answer += n;
}

/* A record whose owner is a name in wire format. */
static void record(const void *owner, size_t n_owner, int type, const void *data, size_t n)
{
    const unsigned char fixed[10] = {0, (unsigned char)type, 0, 1, 0, 0, 0, 60,
                                     0, (unsigned char)n};

    put(owner, n_owner);
    put(fixed, sizeof fixed);
    put(data, n);
    answer[7]++;
}

static enum eddyi_dns_verdict verdict(const char **ret_why)
{
    return eddyi_dns_judge(&question, answer, n_answer, ret_why);
}

static void expect_addresses(const char *expected, const char *canonname)
{
    struct eddyi_dns_addresses a;
    char text[200] = "", one[EDDYI_ADDRESS_TEXT];

    if (EXPECT_EQ(eddyi_dns_addresses_init(&a, answer, n_answer, answer[23]), 0)) {
        for (size_t i = 0; i < a.n; i++) {
            eddyi_address_host(&a.addresses[i].sa, one, sizeof one);
            strcat(text, one);
            strcat(text, " ");
        }
        EXPECT_STR(text, expected);
        EXPECT_STR(a.canonname ? a.canonname : "", canonname);
    }
    eddyi_dns_addresses_fini(&a);
}

static int address_error(void)
{
    struct eddyi_dns_addresses a;
    int rc = eddyi_dns_addresses_init(&a, answer, n_answer, answer[23]);

    eddyi_dns_addresses_fini(&a);
    return rc;
}

TEST(a_question_is_written_as_the_standard_has_it)
{
    static const unsigned char expected[] =
        "\0\32\x12\x34\1\0\0\1\0\0\0\0\0\0\3one\4test\0\0\34\0\1";

    ask(EDDYI_DNS_AAAA);
    EXPECT_EQ(question.size, sizeof expected - 1);
    EXPECT(memcmp(question.bytes, expected, question.size) == 0);
    eddyi_dns_question_fini(&question);
    ask_with(EDDYI_DNS_A, 1232);
    EXPECT_EQ(eddyi_dns_message_size(&question), 26 + 11);
    eddyi_dns_question_fini(&question);
}

TEST(what_is_no_name_is_no_question)
{
    struct eddyi_dns_question q;
    char label[80];

    memset(label, 'x', 64);
    label[64] = '\0';
    EXPECT_EQ(eddyi_dns_question_init(&q, label, EDDYI_DNS_A, 1, 0, false), EDDY_EBADNAME);
    EXPECT_EQ(eddyi_dns_question_init(&q, "a..b", EDDYI_DNS_A, 1, 0, false), EDDY_EBADNAME);
    EXPECT_EQ(eddyi_dns_question_init(&q, "hidden.onion", EDDYI_DNS_A, 1, 0, false), EDDY_ENONAME);
    eddyi_dns_question_fini(&q);
}

TEST(only_an_answer_to_the_question_is_one)
{
    const char *why = NULL;

    ask(EDDYI_DNS_A);
    answer[2] |= 4; /* the server's own word, though it is empty */
    EXPECT_EQ(verdict(&why), EDDYI_DNS_ANSWER);
    answer[14] ^= 0x20; /* in capitals */
    EXPECT_EQ(verdict(&why), EDDYI_DNS_ANSWER);
    for (size_t i = 0; i < n_answer; i++) {
        static const unsigned char bits[26] = {1,    1,    0x80, 0, 0xff, 0xff, 0,    0,    0,
                                               0,    0,    0,    1, 0x40, 0x40, 0x40, 0x01, 0x40,
                                               0x40, 0x40, 0x40, 1, 1,    1,    1,    1};

        answer[i] ^= bits[i];
        if (bits[i] && !EXPECT_EQ(verdict(&why), EDDYI_DNS_STRAY))
            FAIL("byte %zu", i);
        answer[i] ^= bits[i];
    }
    for (; n_answer > 0; n_answer--) {
        enum eddyi_dns_verdict v = eddyi_dns_judge(&question, answer, n_answer - 1, &why);

        if (!EXPECT_EQ(v, EDDYI_DNS_STRAY))
            FAIL("cut at %zu", n_answer - 1);
    }
    eddyi_dns_question_fini(&question);
}

TEST(what_a_server_says_decides_what_is_done)
{
    static const enum eddyi_dns_verdict expected[16] = {
        EDDYI_DNS_ANSWER, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_NO_SUCH,
        EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED,
        EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED,
        EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED, EDDYI_DNS_FAILED};

    ask(EDDYI_DNS_A);
    for (unsigned rcode = 0; rcode < 16; rcode++) {
        const char *why = NULL;

        answer[3] = (unsigned char)(0x80 | rcode);
        EXPECT_EQ(verdict(&why), expected[rcode]);
        EXPECT((why != NULL) == (expected[rcode] == EDDYI_DNS_FAILED));
    }
    answer[3] = 0x80;
    answer[2] |= 2;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_TRUNCATED);
    eddyi_dns_question_fini(&question);
}

TEST(a_server_that_fails_may_leave_out_the_question)
{
    ask(EDDYI_DNS_A);
    answer[5] = 0;
    n_answer = 12;
    answer[3] = 0x82;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_FAILED);
    answer[3] = 0x83;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_STRAY);
    answer[3] = 0x80;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_STRAY);
    eddyi_dns_question_fini(&question);
}

TEST(a_server_that_knows_neither_the_answer_nor_edns_is_found_out)
{
    ask_with(EDDYI_DNS_A, 1232);
    answer[3] = 0;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_FAILED);
    answer[3] = 0x81;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_PLAIN);
    answer[3] = 0x84;
    EXPECT_EQ(verdict(&(const char *){NULL}), EDDYI_DNS_PLAIN);
    eddyi_dns_question_fini(&question);
}

TEST(addresses_are_read_in_their_order)
{
    ask(EDDYI_DNS_A);
    record("\xc0\x0c", 2, 1, "\xc0\0\2\2", 4);
    record("\xc0\x0c", 2, 1, "\xc0\0\2\1", 4);
    expect_addresses("192.0.2.2 192.0.2.1 ", "one.test");
    eddyi_dns_question_fini(&question);
    ask(EDDYI_DNS_AAAA);
    record("\xc0\x0c", 2, 28, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    expect_addresses("2001:db8::1 ", "one.test");
    eddyi_dns_question_fini(&question);
}

TEST(the_canonical_name_is_at_the_end_of_the_chain_of_aliases)
{
    ask(EDDYI_DNS_A);
    record("\xc0\x0c", 2, 5, "\1b\4test", 8);
    record("\1b\4test", 8, 5, "\1c\4test", 8);
    record("\1c\4test", 8, 1, "\xc0\0\2\1", 4);
    expect_addresses("192.0.2.1 ", "c.test");
    eddyi_dns_question_fini(&question);
}

TEST(an_answer_without_addresses_has_none)
{
    ask(EDDYI_DNS_A);
    expect_addresses("", "");
    record("\xc0\x0c", 2, 5, "\xc0\x0c", 2);
    expect_addresses("", "");
    record("\xc0\x0c", 2, 16, "\3txt", 4);
    expect_addresses("", "");
    eddyi_dns_question_fini(&question);
}

TEST(an_answer_that_makes_no_sense_is_an_error)
{
    ask(EDDYI_DNS_A);
    record("\xc0\x0c", 2, 1, "\xc0\0\2\1", 4);
    for (size_t n = n_answer - 1; n > 0; n--) {
        n_answer = n;
        if (!EXPECT_EQ(address_error(), EDDY_ENAMEFAIL))
            FAIL("cut at %zu", n);
    }
    eddyi_dns_question_fini(&question);
    ask(EDDYI_DNS_A);
    record("\xc0\x1a", 2, 1, "\xc0\0\2\1", 4); /* its name points to itself */
    EXPECT_EQ(address_error(), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);
}

/* A name of four labels, the last one of @last bytes, in wire format. Returns its size. */
static size_t long_name(char buf[260], size_t last)
{
    size_t n = 0;

    for (int i = 0; i < 4; i++) {
        size_t label = i < 3 ? 63 : last;

        buf[n] = (char)label;
        memset(buf + n + 1, 'x', label);
        n += label + 1;
    }
    buf[n] = '\0';
    return n + 1;
}

/* Each costs the time that it takes to copy it, and a message refers to one as often as it
 * likes. */
TEST(a_name_longer_than_names_may_be_makes_no_sense)
{
    char name[260], to_name[70] = {63};

    ask(EDDYI_DNS_A);
    record(name, long_name(name, 61), EDDYI_DNS_A, "\xc0\0\2\1", 4);
    record("\xc0\x0c", 2, EDDYI_DNS_A, "\xc0\0\2\2", 4);
    EXPECT_EQ(address_error(), 0);
    eddyi_dns_question_fini(&question);

    ask(EDDYI_DNS_A);
    record(name, long_name(name, 62), EDDYI_DNS_A, "\xc0\0\2\1", 4);
    record("\xc0\x0c", 2, EDDYI_DNS_A, "\xc0\0\2\2", 4);
    EXPECT_EQ(address_error(), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);

    /* An alias, by reference to the name of the first record. */
    memset(to_name + 1, 'y', 63);
    memcpy(to_name + 64, "\xc0\x1a", 2);
    ask(EDDYI_DNS_A);
    record(name, long_name(name, 61), EDDYI_DNS_A, "\xc0\0\2\1", 4);
    record("\xc0\x0c", 2, ns_t_cname, to_name, 66);
    EXPECT_EQ(address_error(), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);
}

TEST(a_host_name_longer_than_names_may_be_makes_no_sense)
{
    union eddyi_address address = {.in = {.sin_family = AF_INET}};
    char name[260], to_name[70] = {63}, host[NI_MAXHOST];

    memset(to_name + 1, 'y', 63);
    memcpy(to_name + 64, "\xc0\x1a", 2);
    ask(EDDYI_DNS_PTR);
    record(name, long_name(name, 61), EDDYI_DNS_PTR, "\1x", 3);
    record("\xc0\x0c", 2, EDDYI_DNS_PTR, to_name, 66);
    EXPECT_EQ(eddyi_dns_host_of(answer, n_answer, &address, host), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);
}

TEST(names_that_refer_to_each_other_make_no_sense)
{
    ask(EDDYI_DNS_A);
    record("\xc0\x1a", 2, EDDYI_DNS_A, "\xc0\0\2\1", 4);
    EXPECT_EQ(address_error(), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);
}

TEST(addresses_have_names_under_arpa)
{
    union eddyi_address a;
    char name[EDDYI_DNS_ARPA], host[NI_MAXHOST] = "";

    REQUIRE(eddyi_address_parse("192.0.2.1", &a) == 1);
    eddyi_dns_arpa(&a, name);
    EXPECT_STR(name, "1.2.0.192.in-addr.arpa");
    REQUIRE(eddyi_dns_question_init(&question, name, EDDYI_DNS_PTR, 1, 0, false) == 0);
    n_answer = eddyi_dns_message_size(&question);
    memcpy(answer, eddyi_dns_message(&question), n_answer);
    answer[2] = 0x81;
    EXPECT_EQ(eddyi_dns_host_of(answer, n_answer, &a, host), EDDY_ENONAME);
    record("\xc0\x0c", 2, 12, "\4host\4test", 11);
    EXPECT_EQ(eddyi_dns_host_of(answer, n_answer, &a, host), 0);
    EXPECT_STR(host, "host.test");
    EXPECT_EQ(eddyi_dns_host_of(answer, n_answer - 1, &a, host), EDDY_ENAMEFAIL);
    eddyi_dns_question_fini(&question);
    REQUIRE(eddyi_address_parse("2001:db8::12", &a) == 1);
    eddyi_dns_arpa(&a, name);
    EXPECT_STR(name, "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
