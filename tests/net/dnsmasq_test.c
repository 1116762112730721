/*
 * Names through a real name server, dnsmasq, which is started on a free port of the loopback.
 */
#include "io/sockets.h"
#include "net/name_files.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { MANY = 200 };

static struct {
    pid_t pid;
    int port;
    char hosts[64];
} dnsmasq;

static void write_hosts(void)
{
    FILE *f;

    snprintf(dnsmasq.hosts, sizeof dnsmasq.hosts, "/tmp/eddy-dnsmasq-%d", (int)getpid());
    f = fopen(dnsmasq.hosts, "we");
    REQUIRE(f != NULL);
    for (int i = 0; i < MANY; i++)
        fprintf(f, "192.0.2.%d many.test\n", i);
    fclose(f);
}

static int free_port(void)
{
    struct sockaddr_in addr;
    int fd = socket_refusing(&addr);

    close(fd);
    return ntohs(addr.sin_port);
}

static void run_dnsmasq(void)
{
    char port[32], hosts[80];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "--port=%d", dnsmasq.port);
    snprintf(hosts, sizeof hosts, "--addn-hosts=%s", dnsmasq.hosts);
    if (!freopen("/dev/null", "w", stderr))
        _exit(1);
    setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
    execlp("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
           "--no-resolv", "--listen-address=127.0.0.1", "--bind-interfaces",
           "--pid-file=", "--user=", "--local=/test/",
           "--host-record=one.test,192.0.2.7,2001:db8::7", "--host-record=host.test,192.0.2.8",
           "--cname=alias.test,one.test", "--cname=chain.test,alias.test",
           "--txt-record=nothing.test,text", port, hosts, NULL);
    _exit(127);
}

/* Returns whether dnsmasq listens. Once it accepts TCP connections, it also receives datagrams. */
static bool is_up(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)dnsmasq.port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0;

    close(fd);
    return up;
}

static bool ended(void)
{
    if (waitpid(dnsmasq.pid, NULL, WNOHANG) != dnsmasq.pid)
        return false;
    dnsmasq.pid = 0;
    return true;
}

/* Another program may have taken the port meanwhile: then dnsmasq ends, and there is another
 * try. */
static void begin(void)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    char server[32];

    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    if (access("/usr/sbin/dnsmasq", X_OK) < 0)
        SKIP("there is no dnsmasq");
    write_hosts();
    do {
        dnsmasq.port = free_port();
        dnsmasq.pid = fork();
        if (dnsmasq.pid == 0)
            run_dnsmasq();
        while (!ended() && !is_up())
            nanosleep(&moment, NULL);
    } while (!dnsmasq.pid);
    name_files_none(eddy_get_running_loop());
    setenv("LOCALDOMAIN", "test", 1);
    snprintf(server, sizeof server, "127.0.0.1:%d", dnsmasq.port);
    EXPECT_EQ(eddy_loop_set_nameservers(eddy_get_running_loop(), server), 0);
}

static void end(void)
{
    kill(dnsmasq.pid, SIGKILL);
    waitpid(dnsmasq.pid, NULL, 0);
    unlink(dnsmasq.hosts);
}

static int length(const struct addrinfo *list)
{
    int n = 0;

    for (; list; list = list->ai_next)
        n++;
    return n;
}

static int find(const char *host, int flags, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};

    return eddy_getaddrinfo(host, "80", &hints, ret);
}

TEST_ASYNC_REAL(dnsmasq_answers_for_both_families_and_with_aliases)
{
    struct addrinfo *list = NULL;

    begin();
    EXPECT_EQ(find("one.test", 0, &list), 0);
    EXPECT_EQ(length(list), 2);
    eddy_freeaddrinfo(list);
    list = NULL;
    if (EXPECT_EQ(find("chain.test", AI_CANONNAME, &list), 0)) {
        EXPECT_EQ(length(list), 2);
        EXPECT_STR(list->ai_canonname, "one.test");
    }
    eddy_freeaddrinfo(list);
    end();
    return 0;
}

TEST_ASYNC_REAL(dnsmasq_says_what_there_is_not)
{
    struct addrinfo *list = NULL;

    begin();
    EXPECT_EQ(find("missing.test", 0, &list), EDDY_ENONAME);
    EXPECT_IN("missing.test", eddy_exception_message(eddy_error()));
    EXPECT_EQ(find("nothing.test", 0, &list), EDDY_ENONAME);
    /* refused: it has no servers to ask */
    EXPECT_EQ(find("elsewhere.example", 0, &list), EDDY_ENAMEAGAIN);
    end();
    return 0;
}

TEST_ASYNC_REAL(an_answer_that_is_too_long_for_a_datagram_comes_over_tcp)
{
    struct addrinfo *list = NULL;

    begin();
    EXPECT_EQ(find("many.test", 0, &list), 0);
    EXPECT_EQ(length(list), MANY);
    eddy_freeaddrinfo(list);
    end();
    return 0;
}

TEST_ASYNC_REAL(dnsmasq_knows_the_name_of_an_address)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000208)};
    char host[NI_MAXHOST] = "";

    begin();
    EXPECT_EQ(
        eddy_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host, NULL, 0, NI_NAMEREQD),
        0);
    EXPECT_STR(host, "host.test");
    end();
    return 0;
}
