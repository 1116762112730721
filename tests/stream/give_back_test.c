/*
 * Streams and servers that are given back while a task uses them: by the handler that only has
 * them on loan, and beside tasks that wait.
 */
#include "protocol/protocols.h"
#include "stream/servers.h"
#include "stream/streams.h"

#include <sys/socket.h>
#include <unistd.h>

/* Serves one client with @handle; *ret is what the client read, up to the end. */
static int serve_one(eddy_connection_fn *handle, void *arg, const char **ret, ssize_t *ret_n)
{
    static char got[64];
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    const char *data;

    *ret_n = -1;
    eddy_try(eddy_start_server(handle, arg, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, "hello", 5));
    *ret_n = eddy_reader_read_all(reader, sizeof got, &data);
    if (*ret_n > 0)
        memcpy(got, data, (size_t)*ret_n);
    *ret = got;
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int answer_and_free(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char buf[5];
    int *calls = arg;

    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    eddy_try(eddy_writer_write(writer, "bye", 3));
    eddy_writer_free(writer);
    eddy_writer_free(writer);
    eddy_reader_free(reader);
    eddy_try(eddy_sleep(0.01));

    EXPECT(eddy_writer_is_closing(writer));
    EXPECT_EQ(eddy_writer_write(writer, "more", 4), EDDY_ECLOSED);
    EXPECT_EQ(eddy_reader_read(reader, buf, 5), 0);
    EXPECT(eddy_writer_drain(writer) < 0);
    EXPECT_EQ(eddy_writer_wait_closed(writer), 0);
    EXPECT_EQ(eddy_writer_get_extra_info(writer, "socket", NULL, 0), -ENOENT);
    ++*calls;
    return 0;
}

TEST_ASYNC_REAL(a_handler_may_free_its_stream_and_go_on)
{
    static int calls;
    const char *got = "";
    ssize_t n;

    eddy_try(serve_one(answer_and_free, &calls, &got, &n));
    EXPECT_EQ(n, 3);
    EXPECT(n == 3 && memcmp(got, "bye", 3) == 0);
    EXPECT_EQ(calls, 1);
    return 0;
}

static int free_at_end(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char buf[5];

    (void)arg;
    eddy_writer_free_at_end(writer);
    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    eddy_writer_close(writer);
    return eddy_writer_wait_closed(writer);
}

static int abort_and_free(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char buf[5];

    (void)arg;
    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    eddy_writer_abort(writer);
    eddy_writer_free(writer);
    return eddy_sleep(0.01);
}

TEST_ASYNC_REAL(a_handler_may_free_a_stream_that_is_lost_already)
{
    eddy_connection_fn *const handlers[] = {free_at_end, abort_and_free};
    const char *got;
    ssize_t n;

    for (int i = 0; i < 2; i++) {
        eddy_try(serve_one(handlers[i], NULL, &got, &n));
        EXPECT_EQ(n, 0);
    }
    return 0;
}

/* Frees the server that it is of. */
static int free_server(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_server **server = arg;

    eddy_server_free(*server);
    eddy_server_free(*server);
    return echo(reader, writer, NULL);
}

static eddy_async(serve, (eddy_server *, server))
{
    eddy_server_free_at_end(server);
    return eddy_server_serve_forever(server);
}

TEST_ASYNC_REAL(a_handler_may_free_the_server_that_serves_and_so_may_the_task_that_serves)
{
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_task *serving;

    eddy_try(eddy_start_server(free_server, &server, "127.0.0.1", 0, &server));
    serving = eddy_create_task(serve(server));
    eddy_try(eddy_sleep(0.01));
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    EXPECT_EQ(say(reader, writer, "hello"), 0);
    EXPECT_EQ(eddy_await(serving), -ECANCELED);
    EXPECT_EQ(say(reader, writer, "still here"), 0);
    return 0;
}

static eddy_async(wait_until_server_closed, (eddy_server *, server))
{
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_task_that_waits_for_a_server_that_is_freed_sees_it_closed)
{
    eddy_server *server;
    eddy_task *waits;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    waits = eddy_create_task(wait_until_server_closed(server));
    eddy_try(eddy_sleep(0.01));
    eddy_server_free(server);
    EXPECT_EQ(eddy_await(waits), 0);
    return 0;
}

/* Each suspends in a call on its stream. */
static eddy_async(read_some, (struct pair *, p))
{
    const char *data;

    return (int)eddy_reader_read_some(p->reader[0], 100, &data);
}

static eddy_async(read_all, (struct pair *, p))
{
    const char *data;

    return (int)eddy_reader_read_all(p->reader[0], 100, &data);
}

static eddy_async(read_exactly, (struct pair *, p))
{
    char buf[10];

    return (int)eddy_reader_readexactly(p->reader[0], buf, sizeof buf);
}

static eddy_async(read_until, (struct pair *, p))
{
    const char *data;

    return (int)eddy_reader_readuntil(p->reader[0], "x", 1, &data);
}

static char much[200000];

static eddy_async(write_more, (struct pair *, p))
{
    eddy_try(eddy_writer_write(p->writer[0], much, sizeof much));
    return eddy_writer_write(p->writer[0], much, sizeof much);
}

static eddy_async(drain, (struct pair *, p))
{
    eddy_try(eddy_writer_write(p->writer[0], much, sizeof much));
    return eddy_writer_drain(p->writer[0]);
}

static eddy_async(flush, (struct pair *, p))
{
    eddy_try(eddy_writer_write(p->writer[0], much, sizeof much));
    return eddy_writer_flush(p->writer[0]);
}

static eddy_async(wait_closed, (struct pair *, p))
{
    return eddy_writer_wait_closed(p->writer[0]);
}

static const struct waits {
    eddy_coroutine *(*begin)(struct pair *p);
    int taken;    /* the status where the peer takes all that was written */
    int given_up; /* where it takes nothing */
} waits[] = {
    {read_some, 0, 0},
    {read_all, 0, 0},
    {read_exactly, EDDY_EINCOMPLETE, EDDY_EINCOMPLETE},
    {read_until, EDDY_EINCOMPLETE, EDDY_EINCOMPLETE},
    {write_more, EDDY_ECLOSED, -ECONNRESET},
    {drain, 0, -ECONNRESET},
    {flush, -ECONNRESET, -ECONNRESET},
    {wait_closed, 0, 0},
};

TEST_ASYNC(tasks_that_wait_go_on_when_their_stream_is_freed)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        const char *data;
        struct pair p;
        eddy_task *t;
        int rc;

        pair_open(&p);
        t = eddy_create_task(waits[i].begin(&p));
        eddy_try(eddy_sleep(0.01));
        eddy_writer_free(p.writer[0]);
        EXPECT(eddy_reader_read_all(p.reader[1], SIZE_MAX, &data) >= 0);
        rc = eddy_await(t);
        EXPECT_EQ(rc, waits[i].taken);
        eddy_writer_free(p.writer[1]);
    }
    return 0;
}

TEST_ASYNC(tasks_that_wait_go_on_when_a_freed_stream_is_given_up)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct pair p;
        eddy_task *t;
        int rc;

        pair_open(&p);
        t = eddy_create_task(waits[i].begin(&p));
        eddy_try(eddy_sleep(0.01));
        eddy_writer_free(p.writer[0]);
        rc = eddy_await(t);
        EXPECT_EQ(rc, waits[i].given_up);
        eddy_writer_free(p.writer[1]);
    }
    return 0;
}

TEST_ASYNC(tasks_that_wait_can_be_cancelled_after_their_stream_was_freed)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct pair p;
        eddy_task *t;

        pair_open(&p);
        t = eddy_create_task(waits[i].begin(&p));
        eddy_try(eddy_sleep(0.01));
        eddy_writer_free(p.writer[0]);
        if (t)
            eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        eddy_writer_free(p.writer[1]);
    }
    return 0;
}

static eddy_async(read_fed, (eddy_reader *, r))
{
    const char *data;

    return (int)eddy_reader_read_some(r, 100, &data);
}

TEST_ASYNC(a_reader_fed_by_hand_that_is_freed_wakes_the_task_that_reads)
{
    eddy_reader *r;
    eddy_task *t;

    eddy_try(eddy_reader_new(0, &r));
    t = eddy_create_task(read_fed(r));
    eddy_try(eddy_sleep(0.01));
    eddy_reader_free(r);
    EXPECT_EQ(eddy_await(t), 0);
    return 0;
}

/* Drops a reference that it was not given, in each of its calls. */
static void unref_in_made(void *arg, eddy_transport *t)
{
    struct recorder *r = arg;

    r->transport = t;
    recorder_note(r, "made");
    eddy_transport_unref(t);
}

static void unref_in_data(void *arg, const void *data, size_t size)
{
    struct recorder *r = arg;

    recorder_keep(r, data, size);
    recorder_note(r, "data");
    eddy_transport_unref(r->transport);
    eddy_transport_unref(r->transport);
}

static void unref_in_lost(void *arg, const eddy_exception *e)
{
    struct recorder *r = arg;

    (void)e;
    recorder_note(r, "lost");
    eddy_transport_unref(r->transport);
    r->transport = NULL; /* after this call it is gone */
    eddy_event_set(&r->lost);
}

TEST_ASYNC(an_unref_too_many_in_a_callback_does_no_harm)
{
    static const eddy_protocol protocol = {.connection_made = unref_in_made,
                                           .data_received = unref_in_data,
                                           .connection_lost = unref_in_lost};
    static struct recorder r;
    eddy_carrier *c[2];
    eddy_reader *reader;
    eddy_writer *writer;

    recorder_init(&r);
    eddy_try(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &c[0], &c[1]));
    REQUIRE(eddy_transport_open(c[0], &protocol, &r, NULL) == 0);
    REQUIRE(eddy_stream_open(c[1], 0, &reader, &writer) == 0);
    EXPECT_EQ(eddy_writer_write(writer, "one", 3), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    if (EXPECT(r.transport != NULL))
        EXPECT_EQ(eddy_transport_write(r.transport, "two", 3), 0);
    eddy_writer_free(writer);
    EXPECT_EQ(eddy_event_wait(&r.lost), 0);
    EXPECT_STR(r.log, "made data lost ");
    return 0;
}
