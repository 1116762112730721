/*
 * Transports and their protocols over a pair in memory, on virtual time. Numbers are rules of
 * asyncio.
 */
#include "protocol/protocols.h"

/* A transport with a recorder at one end, a stream at the other. */
struct line {
    struct recorder r;
    eddy_transport *transport; /* a reference */
    eddy_reader *reader;
    eddy_writer *writer;
};

static void line_open(struct line *l, const eddy_protocol *protocol)
{
    eddy_carrier *one, *other;

    recorder_init(&l->r);
    REQUIRE(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other) == 0);
    REQUIRE(eddy_transport_open(one, protocol, &l->r, &l->transport) == 0);
    REQUIRE(eddy_stream_open(other, 0, &l->reader, &l->writer) == 0);
}

/* Lets all that is under way arrive. */
static int settle(void)
{
    return eddy_sleep(1);
}

static void line_close(struct line *l)
{
    eddy_writer_free(l->writer);
    eddy_transport_abort(l->transport);
    if (l->r.status == 1)
        EXPECT(recorder_wait(&l->r) <= 0);
    eddy_transport_unref(l->transport);
}

TEST_ASYNC(connection_made_comes_first_and_lost_last_and_neither_from_within_a_call)
{
    static struct line l;

    line_open(&l, &recording);
    EXPECT_STR(l.r.log, "");
    EXPECT_EQ(eddy_writer_write(l.writer, "early", 5), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made data ");
    EXPECT_STR(l.r.received, "early");
    eddy_transport_close(l.transport);
    EXPECT(eddy_transport_is_closing(l.transport));
    EXPECT_STR(l.r.log, "made data ");
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_STR(l.r.log, "made data lost ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(what_is_written_reaches_the_peer) /* rule 153 */
{
    static struct line l;
    char buf[12];

    line_open(&l, &recording);
    EXPECT_EQ(eddy_transport_write(l.transport, "hello ", 6), 0);
    EXPECT_EQ(eddy_transport_writelines(l.transport, (struct iovec[]){{"wor", 3}, {"ld", 2}}, 2),
              0);
    EXPECT_EQ(eddy_reader_readexactly(l.reader, buf, 11), 11);
    EXPECT_EQ(memcmp(buf, "hello world", 11), 0);
    line_close(&l);
    return 0;
}

TEST_ASYNC(the_end_of_the_peer_closes_unless_eof_received_keeps_it_open) /* rule 151 */
{
    static struct line l;
    char buf[8];

    line_open(&l, &recording);
    EXPECT_EQ(eddy_writer_write_eof(l.writer), 0);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_STR(l.r.log, "made eof lost ");
    line_close(&l);

    line_open(&l, &recording);
    l.r.keep_open = true;
    EXPECT_EQ(eddy_writer_write_eof(l.writer), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made eof ");
    EXPECT_EQ(eddy_transport_write(l.transport, "answer", 6), 0);
    EXPECT_EQ(eddy_reader_readexactly(l.reader, buf, 6), 6);
    eddy_transport_close(l.transport);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_STR(l.r.log, "made eof lost ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(writing_is_paused_above_the_high_mark_and_resumed_at_the_low_one_once_each)
{
    static char data[50000];
    static struct line l;
    char buf[4096];
    eddy_water_marks marks;

    line_open(&l, &recording);
    EXPECT_EQ(settle(), 0);
    marks = eddy_transport_get_write_buffer_limits(l.transport);
    EXPECT_EQ(marks.low, 16384);
    EXPECT_EQ(marks.high, 65536);
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    EXPECT_STR(l.r.log, "made ");
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    EXPECT_STR(l.r.log, "made pause ");
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    EXPECT_STR(l.r.log, "made pause ");
    EXPECT_EQ(eddy_transport_get_write_buffer_size(l.transport), 4 * sizeof data - 65536);
    for (size_t left = 4 * sizeof data; left > 0;) {
        ssize_t n = eddy_reader_read(l.reader, buf, left < sizeof buf ? left : sizeof buf);

        EXPECT(n > 0);
        if (n <= 0)
            break;
        left -= (size_t)n;
    }
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made pause resume ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(limits_are_checked_completed_and_strike_at_once) /* rules 154, 155 */
{
    static char data[65536 + 100];
    static struct line l;
    eddy_water_marks marks;

    line_open(&l, &recording);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_transport_set_write_buffer_limits(
                  l.transport, (eddy_water_marks){.low = SIZE_MAX, .high = 1000}),
              0);
    marks = eddy_transport_get_write_buffer_limits(l.transport);
    EXPECT_EQ(marks.low, 250);
    EXPECT_EQ(eddy_transport_set_write_buffer_limits(
                  l.transport, (eddy_water_marks){.low = 100, .high = SIZE_MAX}),
              0);
    marks = eddy_transport_get_write_buffer_limits(l.transport);
    EXPECT_EQ(marks.high, 400);
    EXPECT_EQ(eddy_transport_set_write_buffer_limits(l.transport,
                                                     (eddy_water_marks){.low = 2, .high = 1}),
              -EINVAL);
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    EXPECT_STR(l.r.log, "made ");
    EXPECT_EQ(eddy_transport_set_write_buffer_limits(
                  l.transport, (eddy_water_marks){.low = SIZE_MAX, .high = 99}),
              0);
    EXPECT_STR(l.r.log, "made pause ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(close_sends_what_is_kept_and_abort_drops_it) /* rule 152 */
{
    static char data[200000];
    static struct line l;
    const char *all;

    line_open(&l, &recording);
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    eddy_transport_close(l.transport);
    EXPECT_EQ(eddy_transport_write(l.transport, "x", 1), EDDY_ECLOSED);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(l.r.status, 1);
    EXPECT_EQ(eddy_reader_read_all(l.reader, SIZE_MAX, &all), (ssize_t)sizeof data);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    line_close(&l);

    line_open(&l, &recording);
    EXPECT_EQ(eddy_transport_write(l.transport, data, sizeof data), 0);
    eddy_transport_abort(l.transport);
    EXPECT_EQ(l.r.status, 1);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_EQ(eddy_reader_read_all(l.reader, SIZE_MAX, &all), -ECONNRESET);
    EXPECT_EQ(eddy_reader_partial(l.reader, &all), 65536);
    line_close(&l);
    return 0;
}

TEST_ASYNC(write_after_write_eof_is_refused) /* rule 156 */
{
    static struct line l;
    char buf[8];

    line_open(&l, &recording);
    EXPECT(eddy_transport_can_write_eof(l.transport));
    EXPECT_EQ(eddy_transport_write(l.transport, "last", 4), 0);
    EXPECT_EQ(eddy_transport_write_eof(l.transport), 0);
    EXPECT_EQ(eddy_transport_write(l.transport, "x", 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_reader_read(l.reader, buf, sizeof buf), 4);
    EXPECT_EQ(eddy_reader_read(l.reader, buf, sizeof buf), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "more", 4), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.received, "more");
    line_close(&l);
    return 0;
}

TEST_ASYNC(on_a_lost_transport_every_call_is_harmless) /* rule 156 */
{
    static struct line l;
    int fd;

    line_open(&l, &recording);
    eddy_writer_free(l.writer);
    l.writer = NULL;
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_EQ(eddy_transport_write(l.transport, "x", 1), EDDY_ECLOSED);
    EXPECT_EQ(eddy_transport_write_eof(l.transport), EDDY_ECLOSED);
    eddy_transport_close(l.transport);
    eddy_transport_pause_reading(l.transport);
    eddy_transport_resume_reading(l.transport);
    eddy_transport_set_protocol(l.transport, &recording, NULL);
    EXPECT(eddy_transport_get_protocol(l.transport, NULL) == NULL);
    EXPECT_EQ(eddy_transport_get_extra_info(l.transport, "socket", &fd, sizeof fd), -ENOENT);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made eof lost ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(a_write_that_fails_loses_the_connection_with_its_error) /* rule 150 */
{
    static struct line l;

    line_open(&l, &recording);
    l.r.keep_open = true;
    eddy_writer_free(l.writer);
    l.writer = NULL;
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made eof ");
    EXPECT_EQ(eddy_transport_write(l.transport, "x", 1), -EPIPE);
    EXPECT_STR(l.r.log, "made eof ");
    EXPECT_EQ(recorder_wait(&l.r), -EPIPE);
    EXPECT_EQ(eddy_transport_write(l.transport, "x", 1), -EPIPE);
    line_close(&l);
    return 0;
}

TEST_ASYNC(while_reading_is_paused_nothing_is_given_out_and_nothing_is_lost) /* rule 157 */
{
    static struct line l;

    line_open(&l, &recording);
    EXPECT(eddy_transport_is_reading(l.transport));
    eddy_transport_pause_reading(l.transport);
    eddy_transport_pause_reading(l.transport);
    EXPECT(!eddy_transport_is_reading(l.transport));
    EXPECT_EQ(eddy_writer_write(l.writer, "one", 3), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made ");
    eddy_transport_resume_reading(l.transport);
    eddy_transport_resume_reading(l.transport);
    EXPECT_STR(l.r.log, "made ");
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.received, "one");

    eddy_transport_pause_reading(l.transport);
    EXPECT_EQ(eddy_writer_write(l.writer, "two", 3), 0);
    EXPECT_EQ(eddy_writer_write_eof(l.writer), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made data ");
    eddy_transport_resume_reading(l.transport);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_STR(l.r.received, "onetwo");
    EXPECT_STR(l.r.log, "made data data eof lost ");
    EXPECT(!eddy_transport_is_reading(l.transport));
    line_close(&l);
    return 0;
}

static void pause_at_data(void *arg, const void *data, size_t size)
{
    struct recorder *r = arg;

    recorder_data(arg, data, size);
    eddy_transport_pause_reading(r->transport);
}

TEST_ASYNC(memory_is_bounded_while_reading_is_paused)
{
    static const eddy_protocol pausing = {.connection_made = recorder_made,
                                          .data_received = pause_at_data,
                                          .connection_lost = recorder_lost};
    static char data[300000];
    static struct line l;
    size_t before;

    line_open(&l, &pausing);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, data, sizeof data), 0);
    for (int i = 0; i < 10; i++) {
        before = l.r.n_received;
        EXPECT_EQ(settle(), 0);
        EXPECT(l.r.n_received - before <= 65536);
        eddy_transport_resume_reading(l.transport);
    }
    EXPECT_EQ(l.r.n_received, sizeof data);
    line_close(&l);
    return 0;
}

TEST_ASYNC(a_buffered_protocol_gets_bytes_in_its_own_memory) /* rule 159 */
{
    static struct line l;

    line_open(&l, &recording_buffered);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made ");
    EXPECT_EQ(eddy_writer_write(l.writer, "sixbyt", 6), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made get updated get updated ");
    EXPECT_STR(l.r.received, "sixbyt");
    EXPECT_EQ(eddy_writer_write_eof(l.writer), 0);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    line_close(&l);
    return 0;
}

static void *no_buffer(void *arg, size_t size_hint, size_t *ret_size)
{
    *ret_size = 0;
    return arg;
}

static void note_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    snprintf(arg, 100, "%s", context->exception ? eddy_exception_message(context->exception) : "");
}

TEST_ASYNC(an_empty_buffer_breaks_the_connection_and_is_reported) /* rules 158, 159 */
{
    static const eddy_protocol wrong = {.connection_made = recorder_made,
                                        .get_buffer = no_buffer,
                                        .connection_lost = recorder_lost};
    static char reported[100];
    static struct line l;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
    line_open(&l, &wrong);
    EXPECT_EQ(eddy_writer_write(l.writer, "x", 1), 0);
    EXPECT_EQ(recorder_wait(&l.r), EDDY_EMISUSE);
    EXPECT_STR(l.r.log, "made lost ");
    EXPECT_IN("empty buffer", reported);
    line_close(&l);
    return 0;
}

/* Becomes a buffered one at its first data. */
static void switch_at_data(void *arg, const void *data, size_t size)
{
    struct recorder *r = arg;

    recorder_data(arg, data, size);
    eddy_transport_set_protocol(r->transport, &recording_buffered, r);
}

TEST_ASYNC(the_protocol_can_be_swapped_while_data_come) /* rule 159 */
{
    static const eddy_protocol switching = {.connection_made = recorder_made,
                                            .data_received = switch_at_data,
                                            .connection_lost = recorder_lost};
    static struct line l;
    void *arg;

    line_open(&l, &switching);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "one", 3), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "two", 3), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "made data get updated ");
    EXPECT(eddy_transport_get_protocol(l.transport, &arg) == &recording_buffered);
    EXPECT_EQ(arg, &l.r);
    eddy_transport_set_protocol(l.transport, &recording, &l.r);
    EXPECT_EQ(eddy_writer_write(l.writer, "three", 5), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.received, "onetwothree");
    line_close(&l);
    return 0;
}

static void close_at_data(void *arg, const void *data, size_t size)
{
    struct recorder *r = arg;

    recorder_data(arg, data, size);
    eddy_transport_close(r->transport);
}

TEST_ASYNC(after_close_nothing_is_received) /* rules 150, 152 */
{
    static const eddy_protocol closing = {.connection_made = recorder_made,
                                          .data_received = close_at_data,
                                          .eof_received = recorder_eof,
                                          .connection_lost = recorder_lost};
    static struct line l;

    line_open(&l, &closing);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "one", 3), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "two", 3), 0);
    EXPECT_EQ(eddy_writer_write_eof(l.writer), 0);
    EXPECT_EQ(recorder_wait(&l.r), 0);
    EXPECT_STR(l.r.log, "made data lost ");
    line_close(&l);
    return 0;
}

TEST_ASYNC(a_protocol_without_functions_only_drops_what_comes)
{
    static const eddy_protocol nothing = {0};
    eddy_carrier *one, *other;
    eddy_transport *t;
    eddy_reader *reader;
    eddy_writer *writer;

    REQUIRE(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other) == 0);
    REQUIRE(eddy_transport_open(one, &nothing, NULL, &t) == 0);
    REQUIRE(eddy_stream_open(other, 0, &reader, &writer) == 0);
    EXPECT_EQ(eddy_writer_write(writer, "x", 1), 0);
    EXPECT_EQ(eddy_writer_write_eof(writer), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT(eddy_transport_is_closing(t));
    eddy_writer_free(writer);
    eddy_transport_unref(t);
    return 0;
}

/* Contexts. */

static eddy_contextvar label = EDDY_CONTEXTVAR("label", "default");

static void remember_label(void *arg, eddy_transport *transport)
{
    recorder_note(arg, eddy_contextvar_get(&label));
    (void)eddy_contextvar_set(&label, "the connection", NULL);
}

static void say_label(void *arg, const void *data, size_t size)
{
    recorder_note(arg, eddy_contextvar_get(&label));
}

TEST_ASYNC(callbacks_run_in_the_connections_own_copy_of_the_context) /* rule 174 */
{
    static const eddy_protocol asking = {.connection_made = remember_label,
                                         .data_received = say_label,
                                         .connection_lost = recorder_lost};
    static struct line l;

    eddy_try(eddy_contextvar_set(&label, "the maker", NULL));
    line_open(&l, &asking);
    EXPECT_EQ(eddy_contextvar_set(&label, "the writer", NULL), 0);
    EXPECT_EQ(eddy_writer_write(l.writer, "x", 1), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(l.r.log, "the maker the connection ");
    EXPECT_STR(eddy_contextvar_get(&label), "the writer");
    line_close(&l);
    return 0;
}

/* The loop closes with a transport left. */

static struct recorder left_over;

static int leave_one(void *unused)
{
    eddy_carrier *one, *other;
    int rc;

    REQUIRE(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other) == 0);
    other->ops->free(other);
    rc = eddy_transport_open(one, &recording, &left_over, NULL);
    if (rc < 0)
        one->ops->free(one);
    return rc;
}

TEST_VIRTUAL(when_the_loop_closes_a_connection_that_is_left_is_told)
{
    eddy_loop *loop = test_virtual_loop();
    int rc;

    recorder_init(&left_over);
    left_over.keep_open = true;
    REQUIRE(loop != NULL);
    rc = eddy_loop_run_until_complete(loop, eddy_coro(leave_one, NULL));
    EXPECT_EQ(rc, 0);
    eddy_loop_close(loop);
    if (rc == 0)
        EXPECT_STR(left_over.log, "made lost ");
    eddy_loop_unref(loop);
}
