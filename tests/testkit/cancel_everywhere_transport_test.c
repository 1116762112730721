/*
 * Cancellation everywhere in the calls that make connections with protocols: each protocol that was made is told of its end once,
 * and no descriptor is left.
 */
#include "testkit/everywhere.h"

#include <stdlib.h>

static struct {
    int made, lost, unordered; /* of both sides */
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

struct peer {
    eddy_transport *transport;
    bool made;
};

static void peer_made(void *arg, eddy_transport *transport)
{
    struct peer *p = arg;

    p->transport = transport;
    p->made = true;
    eddy_transport_write(transport, "hello", 5);
}

static void peer_data(void *arg, const void *data, size_t size)
{
    struct peer *p = arg;

    eddy_transport_close(p->transport);
}

static void peer_lost(void *arg, const eddy_exception *e)
{
    struct peer *p = arg;

    all.lost++;
    all.unordered += !p->made;
    free(p);
}

static const eddy_protocol peers = {
    .connection_made = peer_made, .data_received = peer_data, .connection_lost = peer_lost};

static int make_peer(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    *ret_protocol = &peers;
    *ret_arg = calloc(1, sizeof(struct peer));
    if (!*ret_arg)
        return -ENOMEM;
    all.made++;
    return 0;
}

static int scenario(void *unused)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;

    eddy_try(eddy_loop_create_server(loop, make_peer, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 2; i++) {
        eddy_transport *t;

        eddy_try(
            eddy_loop_create_connection(loop, make_peer, NULL, "127.0.0.1", eddy_server_port(server), &t));
        eddy_transport_unref(t);
    }
    while (eddy_server_connections(server) > 0)
        eddy_try(eddy_sleep(0));
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.unordered == 0));
    return HOLDS(all.made == all.lost);
}

TEST_VIRTUAL(making_connections_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"transports", scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL},
               4);
}

/* Datagrams, and subprocesses: told of their end once, however early the task that makes them is cancelled. */

static void datagram_lost(void *arg, const eddy_exception *e)
{
    all.lost++;
}

static int make_datagram(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_datagram_protocol counting = {.connection_lost = datagram_lost};

    *ret_protocol = &counting;
    all.made++;
    return 0;
}

static int datagram_scenario(void *unused)
{
    eddy_datagram_transport *t;

    eddy_try(eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), make_datagram, NULL, &t,
                                                .local_host = "127.0.0.1"));
    eddy_datagram_transport_close(t);
    eddy_datagram_transport_unref(t);
    return eddy_sleep(0.001);
}

TEST_VIRTUAL(making_datagram_endpoints_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"datagrams", datagram_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL},
               2);
}

static void process_lost(void *arg, const eddy_exception *e)
{
    all.lost++;
    eddy_event_set(arg);
}

static int make_process(void *arg, const eddy_subprocess_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_subprocess_protocol counting = {.connection_lost = process_lost};

    *ret_protocol = &counting;
    *ret_arg = arg;
    all.made++;
    return 0;
}

static eddy_event process_ended;

static int process_scenario(void *unused)
{
    process_ended = (eddy_event){0};
    eddy_try(eddy_loop_subprocess_exec(eddy_get_running_loop(), make_process, &process_ended, NULL,
                                       eddy_argv("true"), .std_in = EDDY_PIPE, .std_out = EDDY_PIPE));
    return eddy_event_wait(&process_ended);
}

TEST_VIRTUAL(starting_subprocesses_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"subprocesses", process_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL},
               2);
}
