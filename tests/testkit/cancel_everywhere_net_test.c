/*
 * Cancellation everywhere in names and connections, on each real backend: no descriptor is lost,
 * and what a lookup leaves behind goes with its loop.
 */
#include "net/connect.h"
#include "net/fake_dns.h"
#include "net/name_files.h"
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
    everywhere(&(eddy_test_scenario){"c-ares", lookup_scenario, .begin = nothing_found,
                                     .check = lookup_check, .backends = EDDY_TEST_REAL,
                                     .task = "look_up"},
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
    int fd = eddyi_connect_tcp(&(eddy_connection_options){.port = ntohs(net.addr.sin_port)});

    if (fd < 0)
        return fd;
    net.connected++;
    close(fd);
    return 0;
}

static int connect_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(connect_by_name()),
                           eddy_create_task(connect_by_name())};

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

/* Connections to a name: of two addresses that name servers tell, IPv6 refuses and IPv4 accepts. */

static eddy_async(connect_through_dns)
{
    int fd = eddyi_connect_tcp(
        &(eddy_connection_options){.host = "local-both.test", .port = ntohs(net.addr.sin_port)});

    if (fd < 0)
        return fd;
    net.connected++;
    close(fd);
    return 0;
}

static int connect_through_dns_scenario(void *unused)
{
    eddy_task *tasks[2];

    name_files_none(eddy_get_running_loop());
    eddy_try(eddy_loop_set_nameservers(eddy_get_running_loop(), dns.server));
    tasks[0] = eddy_create_task(connect_through_dns());
    tasks[1] = eddy_create_task(connect_through_dns());
    return join(tasks, 2);
}

TEST_VIRTUAL(a_connection_to_a_name_can_be_cancelled_everywhere)
{
    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    fake_dns_open(&dns);
    everywhere(&(eddy_test_scenario){"connect to a name", connect_through_dns_scenario,
                                     .begin = begin_listening, .check = connect_check,
                                     .backends = EDDY_TEST_REAL, .task = "connect_through_dns"},
               4);
    fake_dns_close(&dns);
}
