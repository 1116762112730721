/*
 * Cancellation everywhere in names, connections and datagrams, on each real backend: no descriptor is lost, no datagram vanishes,
 * and what a lookup leaves behind goes with its loop.
 */
#include "net/connect.h"
#include "net/fake_dns.h"
#include "net/resolver.h"
#include "testkit/everywhere.h"

#include <stdlib.h>

static struct fake_dns dns;
static int found;

/* Lookups: two at once, of which one is answered and one is not. */

static eddy_async(look_up, (const char *, host))
{
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    int rc = eddy_getaddrinfo(host, "80", &hints, &list);

    found += rc == 0;
    eddy_freeaddrinfo(list);
    return rc < 0 ? rc : 0;
}

static int lookup_scenario(void *unused)
{
    eddy_task *tasks[2];

    eddy_try(eddy_loop_set_nameservers(eddy_get_running_loop(), dns.server));
    tasks[0] = eddy_create_task(look_up("one.test"));
    tasks[1] = eddy_create_task(look_up("four.test"));
    return join(tasks, 2);
}

static void nothing_found(void *unused)
{
    found = 0;
}

static int lookup_check(void *unused, const eddy_test_trial *trial)
{
    return trial->task ? HOLDS(found >= 1) : HOLDS(found == 2);
}

TEST_VIRTUAL(lookups_by_c_ares_can_be_cancelled_everywhere)
{
    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    setenv("LOCALDOMAIN", "test", 1);
    fake_dns_open(&dns);
    everywhere(&(eddy_test_scenario){"c-ares", lookup_scenario, .begin = nothing_found, .check = lookup_check,
                                     .backends = EDDY_TEST_REAL, .task = "look_up"},
               4);
    fake_dns_close(&dns);
}

/* Connections: the first address refuses, the second accepts. */

static struct {
    struct sockaddr_in addr;
    int listener, connected;
} net;

static void begin_listening(void *unused)
{
    net.connected = 0;
    net.listener = socket_listen(&net.addr, SOCK_NONBLOCK);
}

static eddy_async(connect_by_name)
{
    int fd = eddyi_connect_tcp(&(struct eddyi_connect){.port = ntohs(net.addr.sin_port)});

    if (fd < 0)
        return fd;
    net.connected++;
    close(fd);
    return 0;
}

static int connect_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(connect_by_name()), eddy_create_task(connect_by_name())};

    return join(tasks, 2);
}

static int connect_check(void *unused, const eddy_test_trial *trial)
{
    close(net.listener);
    return trial->task ? HOLDS(net.connected >= 1) : HOLDS(net.connected == 2);
}

TEST_VIRTUAL(a_connection_by_name_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"connect", connect_scenario, .begin = begin_listening,
                                     .check = connect_check, .backends = EDDY_TEST_REAL,
                                     .task = "connect_by_name"},
               1);
}

/* Datagrams: each that was sent is received, or still there. */

enum { DATAGRAMS = 4 };

static struct {
    int fds[2], sent, received;
} grams;

static void begin_datagrams(void *unused)
{
    grams.sent = grams.received = 0;
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, grams.fds) == 0);
}

static eddy_async(receive_all)
{
    eddy_datagram *ep;
    char buf[8];
    ssize_t n = 0;

    eddy_try(eddy_create_datagram_endpoint(&ep, .sock = dup(grams.fds[0])));
    while (n >= 0 && grams.received < DATAGRAMS) {
        n = eddy_datagram_recv(ep, buf, sizeof buf, NULL, NULL);
        grams.received += n >= 0;
    }
    eddy_datagram_close(ep);
    return n < 0 ? (int)n : 0;
}

static eddy_async(send_all)
{
    for (; grams.sent < DATAGRAMS; grams.sent++) {
        eddy_try(eddy_sleep(0));
        eddy_try((int)eddy_sock_sendto(grams.fds[1], "x", 1, NULL, 0));
    }
    return 0;
}

static int datagram_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(receive_all()), eddy_create_task(send_all())};

    return join(tasks, 2);
}

static int datagram_check(void *unused, const eddy_test_trial *trial)
{
    char buf[8];
    int rest = 0;

    while (recv(grams.fds[0], buf, sizeof buf, MSG_DONTWAIT) >= 0)
        rest++;
    pair_close(grams.fds);
    return HOLDS(grams.sent == grams.received + rest);
}

TEST_VIRTUAL(no_datagram_is_lost_wherever_a_receiver_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"datagrams", datagram_scenario, .begin = begin_datagrams,
                                     .check = datagram_check, .backends = EDDY_TEST_REAL,
                                     .task = "receive_all"},
               2);
}
