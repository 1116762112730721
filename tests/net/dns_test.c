/*
 * Name servers that refuse, fail or stay silent, and messages that are no answers.
 */
#include "net/black_hole.h"
#include "net/connect.h"
#include "net/lookup.h"
#include "net/fake_dns.h"
#include "net/name_files.h"

static struct name_files files;
static struct fake_dns dns;

/*
 * Writes a resolv.conf with these options and servers (NULL: none). The timeout is half a minute,
 * so a lookup that waits where it should not makes its test time out.
 */
static void configure(const char *options, const char *first, const char *second)
{
    name_file_write(files.resolv_conf, "options retrans:%s retry:1 %s\nsearch test\n%s%s\n%s%s\n",
                    test_tortured() ? "300" : "30000", options, first ? "nameserver " : "",
                    first ? first : "", second ? "nameserver " : "", second ? second : "");
}

static void begin(const char *options)
{
    name_files_open(&files, eddy_get_running_loop());
    fake_dns_open(&dns);
    configure(options, dns.server, NULL);
}

static int end(void)
{
    fake_dns_close(&dns);
    name_files_close(&files);
    return 0;
}

#define EXPECT_FOUND(host, family, found)                                                          \
    do {                                                                                           \
        int expect_rc;                                                                             \
        EXPECT_STR(name_find((host), (family), &expect_rc), (found));                              \
        EXPECT_EQ(expect_rc, 0);                                                                   \
    } while (0)

#define EXPECT_FAILED(host, family, code, message)                                                 \
    do {                                                                                           \
        int expect_rc;                                                                             \
        name_find((host), (family), &expect_rc);                                                   \
        if (EXPECT_EQ(expect_rc, (code)))                                                          \
            EXPECT_IN((message), eddy_exception_message(eddy_error()));                            \
    } while (0)

/* Writes "127.0.0.1:port" of a closed port. The descriptor reserves it. */
static int closed_port(char *server, size_t size)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, length) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&addr, &length) == 0);
    snprintf(server, size, "127.0.0.1:%d", ntohs(addr.sin_port));
    /* Connected to itself it takes no datagrams from others, who are refused. */
    REQUIRE(connect(fd, (struct sockaddr *)&addr, length) == 0);
    return fd;
}

/* Does the same on IPv6. Without IPv6 the server cannot be asked at all. */
static int closed_port_six(char *server, size_t size)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t length = sizeof addr;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, length) == 0 &&
        getsockname(fd, (struct sockaddr *)&addr, &length) == 0)
        REQUIRE(connect(fd, (struct sockaddr *)&addr, length) == 0);
    else
        addr.sin6_port = htons(9);
    snprintf(server, size, "[::1]:%d", ntohs(addr.sin6_port));
    return fd;
}

/* A server that gets questions and says nothing. */
static int deaf_server(char *server, size_t size)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, length) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&addr, &length) == 0);
    snprintf(server, size, "127.0.0.1:%d", ntohs(addr.sin_port));
    return fd;
}

static int questions(int fd)
{
    char bytes[512];
    int n = 0;

    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        n++;
    return n;
}

TEST_ASYNC_REAL(a_server_that_does_not_listen_costs_no_time)
{
    char closed[32];
    int fd;

    begin("");
    fd = closed_port(closed, sizeof closed);
    configure("", closed, dns.server);
    EXPECT_FOUND("four", AF_UNSPEC, "192.0.2.1");
    EXPECT_FOUND("four", AF_INET, "192.0.2.1");
    configure("use-vc", closed, dns.server);
    EXPECT_FOUND("carrier", AF_INET, "192.0.2.2");
    close(fd);
    return end();
}

TEST_ASYNC_REAL(a_server_of_ipv6_that_does_not_listen_costs_no_time)
{
    char closed[32];
    int fd;

    begin("");
    fd = closed_port_six(closed, sizeof closed);
    configure("", closed, dns.server);
    EXPECT_FOUND("four", AF_UNSPEC, "192.0.2.1");
    if (fd >= 0)
        close(fd);
    return end();
}

TEST_ASYNC_REAL(a_server_that_cannot_be_reached_hands_over_to_the_next)
{
    static const char *const calls[] = {"connect", "sendto", "recvfrom"};

    begin("");
    configure("", dns.server, dns.server);
    for (int i = 0; i < 3; i++) {
        eddyi_fault_nth(calls[i], 1, ENETUNREACH);
        EXPECT_FOUND("one", AF_INET, "192.0.2.1");
        eddyi_fault_clear();
        eddyi_fault_only(calls[i], ENETUNREACH);
        EXPECT_FAILED("one", AF_INET, EDDY_ENAMEAGAIN, "no name server can be reached");
        eddyi_fault_clear();
    }
    return end();
}

TEST_ASYNC_REAL(without_descriptors_a_lookup_says_so)
{
    begin("");
    EXPECT_FOUND("one", AF_INET, "192.0.2.1");
    eddyi_fault_only("socket", EMFILE);
    EXPECT_FAILED("one", AF_UNSPEC, -EMFILE, "look up one");
    eddyi_fault_clear();
    EXPECT_FOUND("one", AF_INET, "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(without_a_server_a_lookup_fails_at_once)
{
    char closed[32];
    int fd;

    begin("");
    fd = closed_port(closed, sizeof closed);
    configure("attempts:5", closed, closed);
    EXPECT_FAILED("one", AF_UNSPEC, EDDY_ENAMEAGAIN, "no name server can be reached");
    close(fd);
    return end();
}

TEST_ASYNC_REAL(a_server_that_fails_or_refuses_hands_over_to_the_next)
{
    static const char *const hosts[] = {"servfail", "refused", "notimp", "formerr", "lame"};
    static const char *const why[] = {"SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "knows nothing"};
    struct fake_dns second = {.number = 2};
    char first_only[32];

    dns.number = 1;
    begin("");
    fake_dns_open(&second);
    configure("", dns.server, second.server);
    for (int i = 0; i < 5; i++) {
        EXPECT_FAILED(hosts[i], AF_INET, EDDY_ENAMEAGAIN, why[i]);
        snprintf(first_only, sizeof first_only, "%s.first", hosts[i]);
        EXPECT_FOUND(first_only, AF_INET, "192.0.2.2");
    }
    fake_dns_close(&second);
    return end();
}

TEST_ASYNC_REAL(a_message_that_is_no_answer_to_the_question_is_ignored)
{
    static const char *const hosts[] = {"stray-query",   "stray-opcode", "stray-id",
                                        "stray-name",    "stray-type",   "stray-short",
                                        "stray-nothing", "stray-source", "stray-question"};

    begin("");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        EXPECT_FOUND(hosts[i], AF_INET, "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(each_server_is_asked_as_often_as_the_options_say)
{
    char deaf[32], other[32];
    int fds[2];

    begin("");
    fds[0] = deaf_server(deaf, sizeof deaf);
    fds[1] = deaf_server(other, sizeof other);
    configure("retrans:1 attempts:3", deaf, other);
    EXPECT_FAILED("one", AF_INET, EDDY_ENAMEAGAIN, "Timeout while contacting DNS servers");
    EXPECT(test_tortured() || questions(fds[0]) == 3);
    EXPECT(test_tortured() || questions(fds[1]) == 3);
    configure("retrans:1 attempts:1", deaf, other);
    EXPECT_FAILED("one", AF_INET, EDDY_ENAMEAGAIN, "Timeout while contacting DNS servers");
    EXPECT(test_tortured() || questions(fds[0]) == 1);
    EXPECT(test_tortured() || questions(fds[1]) == 1);
    close(fds[0]);
    close(fds[1]);
    return end();
}

TEST_ASYNC_REAL(with_rotate_each_lookup_begins_with_another_server)
{
    struct fake_dns second = {.number = 2};
    int seen[3] = {0};

    dns.number = 1;
    begin("");
    fake_dns_open(&second);
    configure("rotate", dns.server, second.server);
    for (int i = 0; i < 4; i++) {
        int rc;
        const char *found = name_find("who", AF_INET, &rc);

        EXPECT_EQ(rc, 0);
        seen[strcmp(found, "192.0.2.1") == 0 ? 1 : strcmp(found, "192.0.2.2") == 0 ? 2 : 0]++;
    }
    EXPECT(test_tortured() || (seen[1] == 2 && seen[2] == 2));
    configure("", dns.server, second.server);
    for (int i = 0; i < 2; i++)
        EXPECT_FOUND("who", AF_INET, "192.0.2.1");
    fake_dns_close(&second);
    return end();
}

TEST_ASYNC_REAL(options_choose_the_carrier_and_what_questions_say)
{
    begin("");
    EXPECT_FOUND("carrier", AF_INET, "192.0.2.1");
    EXPECT_FOUND("flags", AF_INET, "192.0.2.0");
    configure("use-vc", dns.server, NULL);
    EXPECT_FOUND("carrier", AF_INET, "192.0.2.2");
    configure("edns0", dns.server, NULL);
    EXPECT_FOUND("flags", AF_INET, "192.0.2.2");
    configure("trust-ad", dns.server, NULL);
    EXPECT_FOUND("flags", AF_INET, "192.0.2.1");
    configure("no-aaaa", dns.server, NULL);
    EXPECT_FOUND("one", AF_UNSPEC, "192.0.2.1");
    EXPECT_FAILED("one", AF_INET6, EDDY_ENONAME, "one");
    return end();
}

TEST_ASYNC_REAL(a_server_without_edns_is_asked_without)
{
    begin("edns0");
    EXPECT_FOUND("no-edns", AF_INET, "192.0.2.1");
    configure("edns0 use-vc", dns.server, NULL);
    EXPECT_FOUND("no-edns", AF_INET, "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(with_single_request_the_families_are_asked_one_after_the_other)
{
    int rc;

    begin("single-request");
    EXPECT(strchr(name_find("one-by-one", AF_UNSPEC, &rc), ' ') || test_tortured());
    EXPECT_EQ(rc, 0);
    EXPECT_FOUND("one", AF_INET6, "2001:db8::1");
    EXPECT_FOUND("four", AF_UNSPEC, "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(domains_are_searched_until_one_has_the_name)
{
    begin("");
    name_file_write(files.resolv_conf, "search a.test b.test\nnameserver %s\n", dns.server);
    EXPECT_FOUND("only-b", AF_INET, "192.0.2.1");
    EXPECT_FOUND("fails-in-a", AF_INET, "192.0.2.1");
    EXPECT_FOUND("mixed", AF_UNSPEC, "192.0.2.1"); /* not both families of different names */
    EXPECT_FAILED("nx", AF_UNSPEC, EDDY_ENONAME, "no such name");
    EXPECT_FAILED("only-b.", AF_UNSPEC, EDDY_ENONAME, "no such name");
    return end();
}

TEST_ASYNC_REAL(dots_decide_whether_a_name_is_first_asked_for_as_it_is)
{
    begin("");
    name_file_write(files.resolv_conf, "search a.b.test\nnameserver %s\n", dns.server);
    EXPECT_FOUND("labels", AF_INET, "192.0.2.4");
    EXPECT_FOUND("labels.x", AF_INET, "192.0.2.2");
    EXPECT_FOUND("labels.", AF_INET, "192.0.2.1");
    name_file_write(files.resolv_conf, "search a.b.test\noptions ndots:2\nnameserver %s\n",
                    dns.server);
    EXPECT_FOUND("labels.x", AF_INET, "192.0.2.5");
    EXPECT_FOUND("labels.x.y", AF_INET, "192.0.2.3");
    return end();
}

static int look_up(void *host)
{
    int rc;

    name_find(host, AF_INET, &rc);
    return rc;
}

TEST_ASYNC_REAL(lookups_beyond_the_limit_wait_for_others_to_end, .ordered = true)
{
    static char silent[] = "silent", one[] = "one";
    struct eddyi_resolver *r;
    eddy_task *tasks[4];

    begin("");
    r = eddyi_resolver_of(eddy_get_running_loop());
    r->max_asking = 2;
    for (int i = 0; i < 4; i++) {
        tasks[i] = eddy_create_task(eddy_coro(look_up, i < 2 ? silent : one));
        REQUIRE(tasks[i] != NULL);
    }
    eddy_sleep(0);
    EXPECT(test_tortured() || r->n_asking == 2);
    EXPECT(test_tortured() || (!eddyi_list_empty(&r->queue) && !eddy_task_done(tasks[3])));
    eddy_task_cancel(tasks[2], NULL);
    EXPECT_EQ(eddy_await(tasks[2]), -ECANCELED);
    eddy_task_cancel(tasks[0], NULL);
    EXPECT_EQ(eddy_await(tasks[0]), -ECANCELED);
    EXPECT_EQ(eddy_await(tasks[3]), 0);
    EXPECT(test_tortured() || r->n_asking == 1);
    eddy_task_cancel(tasks[1], NULL);
    EXPECT_EQ(eddy_await(tasks[1]), -ECANCELED);
    EXPECT_EQ(r->n_asking, 0);
    return end();
}

static void hush(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

TEST_REAL(a_loop_that_closes_ends_lookups_in_the_queue)
{
    static char silent[] = "silent";
    eddy_loop *loop = test_real_loop();
    eddy_task *tasks[3];

    REQUIRE(loop != NULL);
    name_files_open(&files, loop);
    fake_dns_open(&dns);
    configure("", dns.server, NULL);
    eddyi_resolver_of(loop)->max_asking = 1;
    eddy_loop_set_exception_handler(loop, hush, NULL);
    for (int i = 0; i < 3; i++) {
        tasks[i] = eddy_loop_create_task(loop, eddy_coro(look_up, silent));
        REQUIRE(tasks[i] != NULL);
    }
    (void)eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL));
    eddy_loop_close(loop);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(eddy_task_result(tasks[i]), -ECANCELED);
        eddy_unref(tasks[i]);
    }
    eddy_loop_unref(loop);
    end();
}

TEST_ASYNC_REAL(a_long_answer_is_fetched_over_tcp)
{
    begin("");
    EXPECT_FOUND("long", AF_INET, "192.0.2.1");
    EXPECT_FAILED("long-cut", AF_INET, EDDY_ENAMEAGAIN, "no name server can be reached");
    EXPECT_FAILED("long-stray", AF_INET, EDDY_ENAMEAGAIN, "no name server can be reached");
    EXPECT_FAILED("long-empty", AF_INET, EDDY_ENAMEAGAIN, "no name server can be reached");
    return end();
}

/* One family alone. */

/* Servers have their time as ever; but with one family the other is not waited for. */
static void be_impatient(void)
{
    struct eddyi_resolver *r = eddyi_resolver_of(eddy_get_running_loop());

    REQUIRE(eddyi_dns_config_update(r) == 0);
    r->config->patience = 1000000;
}

TEST_ASYNC_REAL(a_family_that_is_not_answered_does_not_cost_the_other)
{
    begin("");
    be_impatient();
    EXPECT_FOUND("x-silent-six", AF_UNSPEC, "192.0.2.1");
    EXPECT_FOUND("x-silent-four", AF_UNSPEC, "2001:db8::1");
    EXPECT_FOUND("servfail-six", AF_UNSPEC, "192.0.2.1");
    return end();
}

static int connect_to(const char *host, const struct sockaddr_in *addr)
{
    int fd =
        eddyi_connect_tcp(&(eddy_connection_options){.host = host, .port = ntohs(addr->sin_port)});

    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

/* A listener on the IPv6 loopback; -1: there is none. */
static int listen_six(struct sockaddr_in *addr)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof in6;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&in6, size) == 0 && listen(fd, 8) == 0 &&
        getsockname(fd, (struct sockaddr *)&in6, &size) == 0) {
        addr->sin_port = in6.sin6_port;
        return fd;
    }
    close(fd);
    return -1;
}

TEST_ASYNC_REAL(a_connection_does_not_wait_for_the_family_that_is_not_answered)
{
    struct sockaddr_in addr;
    int listener;

    begin("");
    listener = socket_listen(&addr, 0);
    EXPECT_EQ(connect_to("local-silent-six", &addr), 0);
    close(listener);
    listener = listen_six(&addr);
    if (listener >= 0)
        EXPECT_EQ(connect_to("local-silent-four", &addr), 0);
    close(listener);
    return end();
}

TEST_ASYNC_REAL(a_family_that_comes_late_is_tried_when_the_other_has_failed)
{
    struct sockaddr_in addr;
    int listener;

    begin("");
    listener = socket_listen(&addr, 0);
    EXPECT_EQ(connect_to("late-four", &addr), 0);
    close(listener);
    listener = listen_six(&addr);
    if (listener >= 0)
        EXPECT_EQ(connect_to("late-six", &addr), 0);
    close(listener);
    return end();
}

static struct black_hole hole;

static int connect_to_hole(void *host)
{
    return connect_to(host, &hole.addr);
}

TEST_REAL(a_loop_that_closes_ends_connections_that_wait_for_a_family)
{
    static char silent_six[] = "local-silent-six", silent[] = "silent";
    eddy_loop *loop = test_real_loop();
    eddy_task *tasks[2];

    REQUIRE(loop != NULL);
    name_files_open(&files, loop);
    fake_dns_open(&dns);
    configure("", dns.server, NULL);
    black_hole_open(&hole);
    eddy_loop_set_exception_handler(loop, hush, NULL);
    tasks[0] = eddy_loop_create_task(loop, eddy_coro(connect_to_hole, silent_six));
    tasks[1] = eddy_loop_create_task(loop, eddy_coro(connect_to_hole, silent));
    REQUIRE(tasks[0] && tasks[1]);
    (void)eddy_loop_run_until_complete(loop,
                                       /* it has begun to connect, or not */
                                       eddy_sleep_coro(0.07, 0, NULL));
    eddy_loop_close(loop);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(eddy_task_result(tasks[i]), -ECANCELED);
        eddy_unref(tasks[i]);
    }
    eddy_loop_unref(loop);
    black_hole_close(&hole);
    end();
}

TEST_ASYNC_REAL(a_family_that_comes_late_goes_before_addresses_that_wait_for_their_turn)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    begin("");
    black_hole_open(&hole);
    six.sin6_port = hole.addr.sin_port;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&six, sizeof six) == 0 && listen(fd, 8) == 0)
        EXPECT_EQ(connect_to("late-six.twice", &hole.addr), 0);
    if (fd >= 0)
        close(fd);
    black_hole_close(&hole);
    return end();
}

TEST_ASYNC_REAL(a_connection_fails_when_both_families_have)
{
    struct sockaddr_in addr;
    int refusing_fd;

    begin("");
    be_impatient();
    refusing_fd = socket_refusing(&addr);
    EXPECT_EQ(connect_to("local-both", &addr), -ECONNREFUSED);
    EXPECT_EQ(connect_to("local-silent-six", &addr), -ECONNREFUSED);
    EXPECT_EQ(connect_to("nx", &addr), EDDY_ENONAME);
    close(refusing_fd);
    return end();
}
