/*
 * Files that change while a loop runs: the next lookup knows.
 */
#include "net/fake_dns.h"
#include "net/lookup.h"
#include "net/name_files.h"

#include <sys/stat.h>

static struct name_files files;
static struct fake_dns dns;

static void begin(void)
{
    name_files_open(&files, eddy_get_running_loop());
    fake_dns_open(&dns);
    name_file_write(files.resolv_conf, "nameserver %s\noptions retrans:30000 attempts:1\n",
                    dns.server);
}

static int end(void)
{
    fake_dns_close(&dns);
    name_files_close(&files);
    return 0;
}

static const char *find(const char *host)
{
    int rc;

    return name_find(host, AF_INET, &rc);
}

static int look_up(void *host)
{
    int rc;

    name_find(host, AF_INET, &rc);
    return rc;
}

/* resolv.conf */

TEST_ASYNC_REAL(servers_are_known_as_soon_as_there_is_a_file)
{
    struct eddyi_resolver *r;

    begin();
    r = eddyi_resolver_of(eddy_get_running_loop());
    unlink(files.resolv_conf);
    if (EXPECT_EQ(eddyi_dns_config_update(r), 0)) /* not asked: one may run here */
        EXPECT_EQ(r->config->servers[0].in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    name_file_write(files.resolv_conf, "nameserver %s\n", dns.server);
    EXPECT_STR(find("one.test"), "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(other_servers_are_asked_by_lookups_that_begin_later)
{
    static char silent[] = "silent.test";
    struct fake_dns second = {.number = 2};
    eddy_task *t;

    dns.number = 1;
    begin();
    fake_dns_open(&second);
    EXPECT_STR(find("who.test"), "192.0.2.1");
    t = eddy_create_task(eddy_coro(look_up, silent));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    name_file_write(files.resolv_conf, "nameserver %s\n", second.server);
    EXPECT_STR(find("who.test"), "192.0.2.2");
    EXPECT(!eddy_task_done(t) || test_tortured());
    name_file_write(files.resolv_conf, "options no-reload\nnameserver %s\n", dns.server);
    EXPECT_STR(find("who.test"), "192.0.2.1");
    name_file_write(files.resolv_conf, "nameserver %s\n", second.server);
    EXPECT_STR(find("who.test"), "192.0.2.1");
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    fake_dns_close(&second);
    return end();
}

TEST_ASYNC_REAL(options_count_even_where_the_program_names_the_servers)
{
    begin();
    EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), dns.server), 0);
    name_file_write(files.resolv_conf, "nameserver 192.0.2.1\noptions use-vc\n");
    EXPECT_STR(find("carrier.test"), "192.0.2.2");
    return end();
}

/* The hosts file */

TEST_ASYNC_REAL(the_hosts_file_is_read_again_when_it_has_changed)
{
    begin();
    EXPECT_STR(find("one.test"), "192.0.2.1");
    name_file_write(files.hosts, "198.51.100.1 one.test\n");
    EXPECT_STR(find("one.test"), "198.51.100.1");
    name_file_write(files.hosts, "198.51.100.2 one.test\n"); /* of the same size */
    EXPECT_STR(find("one.test"), "198.51.100.2");
    unlink(files.hosts);
    EXPECT_STR(find("one.test"), "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(a_family_that_the_hosts_file_lacks_comes_from_a_server)
{
    int rc;

    begin();
    name_file_write(files.hosts, "198.51.100.1 one.test\n");
    EXPECT_STR(name_find("one.test", AF_UNSPEC, &rc), "198.51.100.1");
    EXPECT_STR(name_find("one.test", AF_INET6, &rc), "2001:db8::1");
    return end();
}

TEST_ASYNC_REAL(no_server_is_asked_for_localhost)
{
    int rc;

    begin();
    EXPECT_STR(name_find("localhost", AF_INET, &rc), "127.0.0.1");
    EXPECT_STR(name_find("localhost.", AF_INET6, &rc), "::1");
    EXPECT_STR(name_find("any.LocalHost", AF_INET, &rc), "127.0.0.1");
    EXPECT_STR(name_find("notlocalhost", AF_INET, &rc), "192.0.2.1");
    name_file_write(files.hosts, "198.51.100.1 localhost\n");
    EXPECT_STR(name_find("localhost", AF_INET, &rc), "198.51.100.1");
    return end();
}

/* A file that is too long to be read on the loop; its last line has this address for last.test. */
static void write_long_hosts(const char *address)
{
    static const char lines[] =
        "192.0.2.200 a.test b.test c.test # and a comment that makes it longer\n";
    FILE *f = fopen(files.hosts, "we");

    REQUIRE(f != NULL);
    for (int i = 0; i < 5000; i++)
        fputs(lines, f);
    fprintf(f, "%s last.test\n", address);
    fclose(f);
}

TEST_ASYNC_REAL(a_long_hosts_file_is_read_once_in_a_thread_for_all_lookups_that_wait,
                .ordered = true)
{
    static char last[] = "last.test";
    struct eddyi_resolver *r;
    eddy_task *tasks[3];

    begin();
    r = eddyi_resolver_of(eddy_get_running_loop());
    write_long_hosts("198.51.100.1");
    for (int i = 0; i < 3; i++) {
        tasks[i] = eddy_create_task(eddy_coro(look_up, last));
        REQUIRE(tasks[i] != NULL);
    }
    eddy_sleep(0);
    EXPECT((r->load && !r->hosts) || test_tortured());
    eddy_task_cancel(tasks[0], NULL);
    EXPECT_EQ(eddy_await(tasks[0]), -ECANCELED);
    EXPECT_EQ(eddy_await(tasks[1]), 0);
    EXPECT_EQ(eddy_await(tasks[2]), 0);
    EXPECT(!r->load && r->hosts);
    EXPECT_STR(find(last), "198.51.100.1");
    EXPECT_STR(find("b.test"), find("a.test"));
    return end();
}

TEST_ASYNC_REAL(a_long_hosts_file_that_changes_while_it_is_read_by_a_thread_is_read_again)
{
    static char last[] = "last.test";
    eddy_task *t;

    begin();
    write_long_hosts("198.51.100.1");
    t = eddy_create_task(eddy_coro(look_up, last));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    unlink(files.hosts);
    write_long_hosts("198.51.100.2");
    EXPECT_STR(find(last), "198.51.100.2");
    EXPECT_EQ(eddy_await(t), 0);
    name_file_write(files.hosts, "198.51.100.3 last.test\n");
    EXPECT_STR(find(last), "198.51.100.3");
    return end();
}

static void hush(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

TEST_REAL(a_loop_closes_while_a_thread_reads_the_hosts_file)
{
    static char last[] = "last.test";
    eddy_loop *loop = test_real_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    name_files_open(&files, loop);
    write_long_hosts("198.51.100.1");
    eddy_loop_set_exception_handler(loop, hush, NULL);
    t = eddy_loop_create_task(loop, eddy_coro(look_up, last));
    REQUIRE(t != NULL);
    (void)eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL));
    eddy_loop_close(loop);
    EXPECT(eddy_task_result(t) == -ECANCELED || eddy_task_result(t) == 0 || test_tortured());
    eddy_unref(t);
    eddy_loop_unref(loop);
    name_files_close(&files);
}

TEST_ASYNC_REAL(what_cannot_be_read_for_want_of_descriptors_fails_the_lookup)
{
    static char last[] = "last.test";

    begin();
    eddyi_fault_only("read_file", EMFILE);
    EXPECT_EQ(look_up(last), -EMFILE);
    eddyi_fault_clear();
    write_long_hosts("198.51.100.1");
    eddyi_fault_only("read_file", EMFILE);
    EXPECT_EQ(look_up(last), -EMFILE);
    EXPECT_IN("hosts", eddy_exception_message(eddy_error()));
    eddyi_fault_clear();
    EXPECT_STR(find(last), "198.51.100.1");
    return end();
}

TEST_ASYNC_REAL(an_address_has_the_name_that_the_hosts_file_gives_it)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6336401)};
    struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    char host[NI_MAXHOST] = "";

    begin();
    name_file_write(files.hosts,
                    "198.51.100.1 first.test alias.test\n::1 six.test\n198.51.100.1 other.test\n");
    EXPECT_EQ(
        eddy_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host, NULL, 0, NI_NAMEREQD),
        0);
    EXPECT_STR(host, "first.test");
    EXPECT_EQ(
        eddy_getnameinfo((struct sockaddr *)&b, sizeof b, host, sizeof host, NULL, 0, NI_NAMEREQD),
        0);
    EXPECT_STR(host, "six.test");
    a.sin_addr.s_addr = htonl(0xc0000201);
    EXPECT_EQ(
        eddy_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host, NULL, 0, NI_NAMEREQD),
        0);
    EXPECT_STR(host, "host.test");
    name_file_write(files.nsswitch, "hosts: files\n");
    EXPECT_EQ(
        eddy_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host, NULL, 0, NI_NAMEREQD),
        EDDY_ENONAME);
    EXPECT_IN("192.0.2.1", eddy_exception_message(eddy_error()));
    return end();
}

/* nsswitch.conf */

TEST_ASYNC_REAL(nsswitch_orders_the_sources_from_the_next_lookup_on)
{
    int rc;

    begin();
    name_file_write(files.hosts, "198.51.100.1 one.test nx.test\n");
    EXPECT_STR(find("one.test"), "198.51.100.1");
    name_file_write(files.nsswitch, "hosts: dns files\n");
    EXPECT_STR(find("one.test"), "192.0.2.1");
    EXPECT_STR(find("nx.test"), "198.51.100.1");
    name_file_write(files.nsswitch, "hosts: files\n");
    EXPECT_STR(name_find("two.test", AF_INET, &rc), "");
    EXPECT_EQ(rc, EDDY_ENONAME);
    name_file_write(files.nsswitch, "hosts: dns\n");
    EXPECT_STR(find("one.test"), "192.0.2.1");
    return end();
}

TEST_ASYNC_REAL(nsswitch_may_call_for_the_system_at_any_time)
{
    eddy_loop *loop = eddy_get_running_loop();

    begin();
    EXPECT_STR(eddy_loop_resolver_name(loop), "c-ares");
    name_file_write(files.nsswitch, "hosts: files resolve dns\n");
    EXPECT_STR(eddy_loop_resolver_name(loop),
               test_tortured() ? eddy_loop_resolver_name(loop) : "system");
    name_file_write(files.nsswitch, "hosts: files dns\n");
    EXPECT_STR(eddy_loop_resolver_name(loop), "c-ares");
    unlink(files.nsswitch);
    EXPECT_STR(eddy_loop_resolver_name(loop), "c-ares");
    return end();
}
