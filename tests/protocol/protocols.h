/*
 * Protocols for tests: one that writes down what it is told, in one line. Recorders are static:
 * where the loop itself fails, as in torture, a connection outlives the test.
 */
#ifndef EDDY_TEST_PROTOCOLS_H
#define EDDY_TEST_PROTOCOLS_H

#include "harness/test.h"

#include <stdio.h>
#include <string.h>

struct recorder {
    eddy_transport *transport;
    eddy_event lost;
    char log[200];     /* what it was told, each with a blank behind it */
    char received[64]; /* the beginning of the data */
    size_t n_received;
    int status; /* of connection_lost; 1: not yet */
    bool keep_open, echo;
    char memory[4]; /* of a buffered one */
};

static inline void recorder_init(struct recorder *r)
{
    *r = (struct recorder){.status = 1};
}

static inline void recorder_note(struct recorder *r, const char *what)
{
    size_t n = strlen(r->log);

    snprintf(r->log + n, sizeof r->log - n, "%s ", what);
}

static void recorder_made(void *arg, eddy_transport *transport)
{
    struct recorder *r = arg;

    r->transport = transport;
    recorder_note(r, "made");
}

static inline void recorder_keep(struct recorder *r, const void *data, size_t size)
{
    size_t room = sizeof r->received - 1, had = r->n_received;

    if (had < room)
        memcpy(r->received + had, data, size < room - had ? size : room - had);
    r->n_received += size;
}

static void recorder_data(void *arg, const void *data, size_t size)
{
    struct recorder *r = arg;

    recorder_note(r, "data");
    recorder_keep(r, data, size);
    if (r->echo)
        eddy_transport_write(r->transport, data, size);
}

static bool recorder_eof(void *arg)
{
    struct recorder *r = arg;

    recorder_note(r, "eof");
    return r->keep_open;
}

static void recorder_lost(void *arg, const eddy_exception *e)
{
    struct recorder *r = arg;

    recorder_note(r, "lost");
    r->status = e ? eddy_exception_code(e) : 0;
    r->transport = NULL;
    eddy_event_set(&r->lost);
}

static void recorder_pause(void *arg)
{
    recorder_note(arg, "pause");
}

static void recorder_resume(void *arg)
{
    recorder_note(arg, "resume");
}

__attribute__((unused)) static const eddy_protocol recording = {
    .connection_made = recorder_made,
    .data_received = recorder_data,
    .eof_received = recorder_eof,
    .connection_lost = recorder_lost,
    .pause_writing = recorder_pause,
    .resume_writing = recorder_resume,
};

static void *recorder_get_buffer(void *arg, size_t size_hint, size_t *ret_size)
{
    struct recorder *r = arg;

    recorder_note(r, "get");
    *ret_size = sizeof r->memory;
    return r->memory;
}

static void recorder_updated(void *arg, size_t n)
{
    struct recorder *r = arg;

    recorder_note(r, "updated");
    recorder_keep(r, r->memory, n);
}

__attribute__((unused)) static const eddy_protocol recording_buffered = {
    .connection_made = recorder_made,
    .eof_received = recorder_eof,
    .connection_lost = recorder_lost,
    .get_buffer = recorder_get_buffer,
    .buffer_updated = recorder_updated,
};

/* The factory whose argument is the recorder of its one connection. */
__attribute__((unused)) static int make_recording(void *arg, const eddy_protocol **ret_protocol,
                                                  void **ret_arg)
{
    *ret_protocol = &recording;
    *ret_arg = arg;
    return 0;
}

/* Waits for connection_lost; then its status. */
__attribute__((unused)) static int recorder_wait(struct recorder *r)
{
    eddy_try(eddy_event_wait(&r->lost));
    return r->status;
}

#endif
