/*
 * getaddrinfo and getnameinfo: what is answered here, and what name servers answer.
 */
#include "base/libc.h"
#include "net/fake_dns.h"
#include "net/name_files.h"

#include <netdb.h>
#include <stdlib.h>

static const struct addrinfo stream = {.ai_socktype = SOCK_STREAM};

static void count(void *arg)
{
    ++*(int *)arg;
}

/* "192.0.2.1 port 80", of the i-th entry; "" if there is none. */
static const char *entry(const struct addrinfo *list, int i)
{
    static char text[EDDYI_ADDRESS_TEXT];

    for (; list && i > 0; i--)
        list = list->ai_next;
    return list ? eddyi_address_format(list->ai_addr, list->ai_addrlen, text, sizeof text) : "";
}

static int length(const struct addrinfo *list)
{
    int n = 0;

    for (; list; list = list->ai_next)
        n++;
    return n;
}

/* Names that need no query. */

TEST_ASYNC(literals_are_answered_without_suspending)
{
    static const struct {
        const char *host, *found;
    } cases[] = {{"192.0.2.1", "192.0.2.1 port 80"},
                 {"2001:db8::1", "2001:db8::1 port 80"},
                 {"::ffff:192.0.2.1", "::ffff:192.0.2.1 port 80"},
                 {"fe80::1%lo", "fe80::1%lo port 80"},
                 {"fe80::1%1", "fe80::1%lo port 80"}};
    int others = 0;

    (void)eddy_loop_call_soon(eddy_get_running_loop(), count, &others);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct addrinfo *list = NULL;

        if (!EXPECT_EQ(eddy_getaddrinfo(cases[i].host, "80", &stream, &list), 0))
            continue;
        EXPECT_STR(entry(list, 0), cases[i].found);
        EXPECT_EQ(length(list), 1);
        EXPECT_EQ(list->ai_protocol, IPPROTO_TCP);
        eddy_freeaddrinfo(list);
    }
    EXPECT_EQ(others, 0);
    return eddy_sleep(0);
}

TEST_ASYNC(without_hints_each_type_of_socket_is_listed)
{
    struct addrinfo *list = NULL;

    if (EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "53", NULL, &list), 0)) {
        EXPECT_EQ(length(list), 3);
        EXPECT_EQ(list->ai_socktype, SOCK_STREAM);
        EXPECT_EQ(list->ai_next->ai_socktype, SOCK_DGRAM);
        EXPECT_EQ(list->ai_next->ai_protocol, IPPROTO_UDP);
        EXPECT_EQ(list->ai_next->ai_next->ai_socktype, SOCK_RAW);
    }
    eddy_freeaddrinfo(list);
    return 0;
}

TEST_ASYNC(this_machine_is_loopback_or_all_interfaces)
{
    struct addrinfo *list = NULL, passive = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE};

    if (EXPECT_EQ(eddy_getaddrinfo(NULL, "80", &stream, &list), 0)) {
        EXPECT_STR(entry(list, 0), "::1 port 80");
        EXPECT_STR(entry(list, 1), "127.0.0.1 port 80");
    }
    eddy_freeaddrinfo(list);
    list = NULL;
    if (EXPECT_EQ(eddy_getaddrinfo(NULL, "80", &passive, &list), 0)) {
        EXPECT_STR(entry(list, 0), "0.0.0.0 port 80");
        EXPECT_STR(entry(list, 1), ":: port 80");
    }
    eddy_freeaddrinfo(list);
    return 0;
}

TEST_ASYNC(services_are_found_by_name_for_the_protocols_that_have_them)
{
    struct addrinfo *list = NULL, dgram = {.ai_socktype = SOCK_DGRAM};

    if (EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "http", &stream, &list), 0))
        EXPECT_STR(entry(list, 0), "192.0.2.1 port 80");
    eddy_freeaddrinfo(list);
    EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "no-such-service", &stream, &list), EDDY_ENOSERVICE);
    EXPECT_IN("no-such-service", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "ssh", &dgram, &list), EDDY_ENOSERVICE);
    EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "65536", &stream, &list), EDDY_ENOSERVICE);
    EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "80x", &stream, &list), EDDY_ENOSERVICE);
    return 0;
}

TEST_ASYNC(an_address_of_the_wrong_family_is_none)
{
    struct addrinfo *list = NULL, six = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    struct addrinfo mapped = {
        .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_V4MAPPED};
    struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};

    EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "1", &six, &list), EDDY_ENONAME);
    if (EXPECT_EQ(eddy_getaddrinfo("192.0.2.1", "1", &mapped, &list), 0))
        EXPECT_STR(entry(list, 0), "::ffff:192.0.2.1 port 1");
    eddy_freeaddrinfo(list);
    EXPECT_EQ(eddy_getaddrinfo("example.com", "1", &numeric, &list), EDDY_ENONAME);
    EXPECT_EQ(eddy_getaddrinfo("fe80::1%nosuchif", "1", &stream, &list), EDDY_ENONAME);
    return 0;
}

TEST_ASYNC(hints_that_make_no_sense_are_refused)
{
    struct addrinfo *list = NULL, family = {.ai_family = AF_UNIX}, flags = {.ai_flags = 1 << 30},
                    type = {.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_UDP},
                    name = {.ai_flags = AI_CANONNAME};

    EXPECT_EQ(eddy_getaddrinfo("::1", "1", &family, &list), -EAFNOSUPPORT);
    EXPECT_EQ(eddy_getaddrinfo("::1", "1", &flags, &list), -EINVAL);
    EXPECT_EQ(eddy_getaddrinfo(NULL, "1", &name, &list), -EINVAL);
    EXPECT_EQ(eddy_getaddrinfo(NULL, NULL, NULL, &list), -EINVAL);
    EXPECT_EQ(eddy_getaddrinfo("::1", "1", &type, &list), -ESOCKTNOSUPPORT);
    return 0;
}

TEST_ASYNC(bad_names_are_refused_before_any_server_is_asked)
{
    char long_label[80], long_name[300];
    const char *bad[] = {"",      ".",        "a..b",        ".a",     "a..",
                         "a b",   "a\nb",     "\xc3\xbc.de", "1",      "256.1.1.1",
                         "127.1", "a.b.0x7f", long_label,    long_name};
    struct addrinfo *list = NULL;

    memset(long_label, 'x', 64);
    strcpy(long_label + 64, ".com");
    for (size_t i = 0; i < 256; i++)
        long_name[i] = i % 50 == 49 ? '.' : 'x';
    strcpy(long_name + 254, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!EXPECT_EQ(eddy_getaddrinfo(bad[i], "1", &stream, &list), EDDY_EBADNAME))
            FAIL("which was '%s'", bad[i]);
    }
    EXPECT_IN("longer than 253", eddy_exception_message(eddy_error()));
    return 0;
}

TEST(outside_of_a_task_there_is_an_error)
{
    struct addrinfo *list;
    char host[NI_MAXHOST];
    struct sockaddr_in in = {.sin_family = AF_INET};

    EXPECT_EQ(eddy_getaddrinfo("::1", "1", NULL, &list), EDDY_ENOTASK);
    EXPECT_EQ(eddy_getnameinfo((struct sockaddr *)&in, sizeof in, host, sizeof host, NULL, 0, 0),
              EDDY_ENOTASK);
}

/* The C library, in threads. */

static void begin_system(void)
{
    EXPECT_EQ(eddy_loop_set_resolver(eddy_get_running_loop(), EDDY_RESOLVER_SYSTEM), 0);
    EXPECT_STR(eddy_loop_resolver_name(eddy_get_running_loop()), "system");
}

TEST_ASYNC_REAL(a_thread_asks_the_system)
{
    struct addrinfo *list = NULL, four = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

    begin_system();
    if (EXPECT_EQ(eddy_getaddrinfo("localhost", "80", &four, &list), 0)) {
        EXPECT_STR(entry(list, 0), "127.0.0.1 port 80");
        eddy_freeaddrinfo(list);
    }
    return 0;
}

static int look_up(void *host)
{
    struct addrinfo *list = NULL;
    int rc = eddy_getaddrinfo(host, "80", &stream, &list);

    eddy_freeaddrinfo(list);
    return rc;
}

TEST_ASYNC_REAL(a_cancelled_task_does_not_wait_for_the_thread)
{
    static char localhost[] = "localhost";
    eddy_task *t;

    begin_system();
    t = eddy_create_task(eddy_coro(look_up, localhost));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(look_up(localhost), 0);
    return 0;
}

static int name_of(const char *address, int port, char *host, char *service, int flags);

TEST_ASYNC_REAL(what_the_system_says_has_codes_of_its_own)
{
    static const struct {
        int error, code;
    } cases[] = {{ENOENT, EDDY_ENONAME},   {EAGAIN, EDDY_ENAMEAGAIN}, {EILSEQ, EDDY_EBADNAME},
                 {EPROTO, EDDY_ENAMEFAIL}, {EMFILE, -EMFILE},         {ENOMEM, -ENOMEM}};
    char host[NI_MAXHOST], service[NI_MAXSERV];

    begin_system();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eddyi_fault_only("getaddrinfo", cases[i].error);
        EXPECT_EQ(look_up((void *)(uintptr_t) "any.test"), cases[i].code);
        EXPECT(cases[i].code == -ENOMEM ||
               strstr(eddy_exception_message(eddy_error()), "any.test"));
        EXPECT_EQ(name_of("192.0.2.1", 80, host, service, NI_NAMEREQD), cases[i].code);
        EXPECT(cases[i].code == -ENOMEM ||
               strstr(eddy_exception_message(eddy_error()), "192.0.2.1"));
        eddyi_fault_clear();
    }
    return 0;
}

TEST_ASYNC_REAL(the_system_knows_the_names_of_addresses)
{
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";

    begin_system();
    if (EXPECT_EQ(name_of("127.0.0.1", 80, host, service, NI_NAMEREQD), 0))
        EXPECT(strlen(host) > 0);
    return 0;
}

TEST_ASYNC_REAL(flags_that_only_the_system_knows_go_to_the_system)
{
    struct addrinfo *list = NULL;
    struct addrinfo hints = {
        .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_IDN | AI_CANONNAME};

    if (!AI_IDN)
        SKIP("this C library knows no AI_IDN");
    eddyi_fault_only("getaddrinfo", EPROTO);
    EXPECT_EQ(eddy_getaddrinfo("\xc3\xbc.test", "80", &hints, &list), EDDY_ENAMEFAIL);
    eddyi_fault_clear();
    if (EXPECT_EQ(eddy_getaddrinfo("localhost", "80", &hints, &list), 0))
        EXPECT(list->ai_canonname && strlen(list->ai_canonname) > 0);
    eddy_freeaddrinfo(list);
    return 0;
}

TEST_ASYNC(under_the_virtual_clock_a_thread_asks_and_time_stands_still)
{
    struct addrinfo *list = NULL, four = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

    EXPECT_STR(eddy_loop_resolver_name(eddy_get_running_loop()), "system");
    if (EXPECT_EQ(eddy_getaddrinfo("localhost", "80", &four, &list), 0))
        eddy_freeaddrinfo(list);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 0.0);
    return 0;
}

/* c-ares. */

static struct fake_dns dns;

/* Only a server that never answers may be waited for impatiently: how fast another does is the
 * machine's affair. */
static bool begin_with(const char *patience)
{
    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    name_files_none(eddy_get_running_loop());
    setenv("RES_OPTIONS", patience, 1);
    setenv("LOCALDOMAIN", "test", 1);
    fake_dns_open(&dns);
    return EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), dns.server), 0);
}

static bool begin_cares(void)
{
    return begin_with(test_tortured() ? "retrans:1000 retry:1" : "retrans:60000 retry:1");
}

static void end_cares(void)
{
    fake_dns_close(&dns);
}

/* Looks a name up, gives the list, or NULL and what failed. */
static struct addrinfo *find(const char *host, int family, int flags, int *ret_rc)
{
    struct addrinfo *list = NULL,
                    hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};

    *ret_rc = eddy_getaddrinfo(host, "80", &hints, &list);
    return list;
}

TEST_ASYNC_REAL(a_name_server_is_asked_for_both_families)
{
    struct addrinfo *list;
    int rc;

    if (begin_cares()) {
        EXPECT_STR(eddy_loop_resolver_name(eddy_get_running_loop()), "c-ares");
        list = find("one.test", AF_UNSPEC, 0, &rc);
        EXPECT_EQ(rc, 0);
        EXPECT_EQ(length(list), 2);
        EXPECT(strstr(entry(list, 0), ":1 port 80") || strstr(entry(list, 1), ":1 port 80"));
        eddy_freeaddrinfo(list);
        list = find("four.test.", AF_UNSPEC, 0, &rc);
        EXPECT_EQ(rc, 0);
        EXPECT_STR(entry(list, 0), "192.0.2.1 port 80");
        eddy_freeaddrinfo(list);
        list = find("one.test", AF_INET6, 0, &rc);
        EXPECT_EQ(rc, 0);
        EXPECT_STR(entry(list, 0), "2001:db8::1 port 80");
        EXPECT_EQ(length(list), 1);
        eddy_freeaddrinfo(list);
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(what_name_servers_answer_has_codes_of_its_own)
{
    static const struct {
        const char *host;
        int code;
    } cases[] = {{"nx.test", EDDY_ENONAME},         {"servfail.test", EDDY_ENAMEAGAIN},
                 {"refused.test", EDDY_ENAMEAGAIN}, {"pointerloop.test", EDDY_ENAMEFAIL},
                 {"junk.test", EDDY_ENAMEFAIL},     {"cnameloop.test", EDDY_ENONAME}};

    if (begin_cares()) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            int rc;
            struct addrinfo *list = find(cases[i].host, AF_INET, 0, &rc);

            if (!EXPECT_EQ(rc, cases[i].code))
                FAIL("of %s: %s", cases[i].host, eddy_exception_message(eddy_error()));
            EXPECT_IN(cases[i].host, eddy_exception_message(eddy_error()));
            eddy_freeaddrinfo(list);
        }
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(without_an_answer_to_its_own_question_a_lookup_times_out)
{
    static const char *const hosts[] = {"silent.test", "wrongid.test"};

    if (begin_with("retrans:30 retry:1")) {
        for (int i = 0; i < 2; i++) {
            int rc;
            struct addrinfo *list = find(hosts[i], AF_INET, 0, &rc);

            EXPECT_EQ(rc, EDDY_ENAMEAGAIN);
            EXPECT_IN("Timeout", eddy_exception_message(eddy_error()));
            eddy_freeaddrinfo(list);
        }
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(of_four_there_is_no_ipv6_address)
{
    struct addrinfo *list;
    int rc;

    if (begin_cares()) {
        list = find("four.test", AF_INET6, 0, &rc);
        EXPECT_EQ(rc, EDDY_ENONAME);
        eddy_freeaddrinfo(list);
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(many_addresses_are_all_there)
{
    struct addrinfo *list;
    int rc;

    if (begin_cares()) {
        list = find("many.test", AF_UNSPEC, AI_CANONNAME, &rc);
        EXPECT_EQ(rc, 0);
        EXPECT_EQ(length(list), 27 + 14);
        if (list)
            EXPECT_STR(list->ai_canonname, "many.test");
        eddy_freeaddrinfo(list);
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_lookup_ends_at_once_and_others_go_on)
{
    static char silent[] = "silent.test", one[] = "one.test";
    eddy_task *first, *second, *third;

    if (begin_cares()) {
        first = eddy_create_task(eddy_coro(look_up, silent));
        second = eddy_create_task(eddy_coro(look_up, silent));
        third = eddy_create_task(eddy_coro(look_up, one));
        REQUIRE(first && second && third);
        eddy_sleep(0);
        eddy_sleep(0);
        eddy_task_cancel(first, NULL);
        EXPECT_EQ(eddy_await(first), -ECANCELED);
        EXPECT_EQ(eddy_await(third), 0);
        eddy_task_cancel(second, NULL);
        EXPECT_EQ(eddy_await(second), -ECANCELED);
        EXPECT_EQ(look_up(one), 0);
    }
    end_cares();
    return 0;
}

TEST_ASYNC_REAL(changed_name_servers_end_lookups_under_way, .ordered = true)
{
    static char silent[] = "silent.test", one[] = "one.test";
    eddy_task *t;

    if (begin_cares()) {
        t = eddy_create_task(eddy_coro(look_up, silent));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), dns.server), 0);
        EXPECT_EQ(eddy_await(t), EDDY_ENAMEAGAIN);
        EXPECT_EQ(look_up(one), 0);
        EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), "nonsense"), -EINVAL);
        EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), ""), -EINVAL);
        EXPECT_EQ(look_up(one), 0);
        EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), NULL), 0);
    }
    end_cares();
    return 0;
}

TEST_REAL(a_loop_that_closes_ends_lookups)
{
    static char silent[] = "silent.test";
    eddy_loop *loop = test_real_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    fake_dns_open(&dns);
    EXPECT_EQ(eddy_loop_set_nameservers(loop, dns.server), 0);
    t = eddy_loop_create_task(loop, eddy_coro(look_up, silent));
    REQUIRE(t != NULL);
    eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL));
    eddy_loop_close(loop);
    EXPECT_EQ(eddy_task_result(t), -ECANCELED);
    eddy_unref(t);
    eddy_loop_unref(loop);
    fake_dns_close(&dns);
}

/* Addresses to names. */

static int name_of(const char *address, int port, char *host, char *service, int flags)
{
    union eddyi_address a;

    REQUIRE(eddyi_address_parse(address, &a) == 1);
    eddyi_address_set_port(&a.sa, port);
    return eddy_getnameinfo(&a.sa, eddyi_address_size(a.sa.sa_family), host, NI_MAXHOST, service,
                            NI_MAXSERV, flags);
}

TEST_ASYNC(numbers_are_written_without_asking)
{
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    struct sockaddr_in in = {.sin_family = AF_INET};

    EXPECT_EQ(name_of("2001:db8::1", 80, host, service, NI_NUMERICHOST), 0);
    EXPECT_STR(host, "2001:db8::1");
    EXPECT_STR(service, test_tortured() ? service : "http");
    EXPECT_EQ(name_of("fe80::1%lo", 80, host, service, NI_NUMERICHOST | NI_NUMERICSERV), 0);
    EXPECT_STR(host, "fe80::1%lo");
    EXPECT_STR(service, "80");
    EXPECT_EQ(eddy_getnameinfo((struct sockaddr *)&in, sizeof in, host, 3, NULL, 0, NI_NUMERICHOST),
              -EOVERFLOW);
    EXPECT_EQ(eddy_getnameinfo((struct sockaddr *)&in, 5, host, 30, NULL, 0, NI_NUMERICHOST),
              -EINVAL);
    EXPECT_EQ(eddy_getnameinfo(NULL, 0, host, 30, NULL, 0, NI_NUMERICHOST), -EAFNOSUPPORT);
    EXPECT_EQ(name_of("::1", 80, host, service, NI_NUMERICHOST | NI_NAMEREQD), -EINVAL);
    EXPECT_EQ(name_of("::1", 80, host, service, 1 << 20), -EINVAL);
    return 0;
}

TEST_ASYNC_REAL(an_address_has_a_name_or_stays_a_number)
{
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";

    if (begin_cares()) {
        EXPECT_EQ(name_of("192.0.2.1", 80, host, service, 0), 0);
        EXPECT_STR(host, "host.test");
        EXPECT_EQ(name_of("2001:db8::1", 80, host, service, 0), 0);
        EXPECT_STR(host, "host.test");
        EXPECT_EQ(name_of("192.0.2.9", 80, host, service, 0), 0);
        EXPECT_STR(host, "192.0.2.9");
        EXPECT_EQ(name_of("192.0.2.9", 80, host, service, NI_NAMEREQD), EDDY_ENONAME);
    }
    end_cares();
    return 0;
}

/* The choice of the resolver: the system's or the library's own. */

TEST(nsswitch_says_whether_the_system_is_needed)
{
    static const struct {
        const char *text;
        bool system;
    } cases[] = {{"", false},
                 {"hosts: files dns\n", false},
                 {"passwd: files\nhosts:\tfiles dns myhostname", false},
                 {"hosts: dns", false},
                 {"hosts: files", false},
                 {"# hosts: ldap\nhosts:files # mdns\n", false},
                 {"hosts: files mdns4_minimal [NOTFOUND=return] dns", true},
                 {"hosts: files myhostname resolve [!UNAVAIL=return] dns", true},
                 {"hosts: files [NOTFOUND=return] dns", true},
                 {"  hosts: ldap files dns", true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!EXPECT_EQ(eddyi_nsswitch_needs_system(cases[i].text, strlen(cases[i].text)),
                       cases[i].system))
            FAIL("which was %s", cases[i].text);
}

TEST_ASYNC_REAL(the_environment_can_ask_for_the_system)
{
    setenv("EDDY_RESOLVER", "system", 1);
    EXPECT_STR(eddy_loop_resolver_name(eddy_get_running_loop()), "system");
    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    EXPECT_EQ(eddy_loop_set_resolver(eddy_get_running_loop(), EDDY_RESOLVER_CARES), 0);
    EXPECT_STR(eddy_loop_resolver_name(eddy_get_running_loop()), "c-ares");
    return 0;
}
