/*
 * The protocol of a server in tests: an echo for each connection, on the heap, and how many there
 * were.
 */
#ifndef EDDY_TEST_ECHO_PROTOCOL_H
#define EDDY_TEST_ECHO_PROTOCOL_H

#include "harness/test.h"

#include <stdlib.h>

static struct {
    int made, lost;
} echoes;

static void echo_made(void *arg, eddy_transport *transport)
{
    *(eddy_transport **)arg = transport;
    echoes.made++;
}

static void echo_data(void *arg, const void *data, size_t size)
{
    eddy_transport_write(*(eddy_transport **)arg, data, size);
}

static void echo_lost(void *arg, const eddy_exception *e)
{
    echoes.lost++;
    free(arg);
}

static int make_echo(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol echo = {
        .connection_made = echo_made, .data_received = echo_data, .connection_lost = echo_lost};

    *ret_protocol = &echo;
    *ret_arg = calloc(1, sizeof(eddy_transport *));
    return *ret_arg ? 0 : -ENOMEM;
}

#endif
