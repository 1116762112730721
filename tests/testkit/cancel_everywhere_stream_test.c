/*
 * Cancellation everywhere in streams: no byte is lost or sent twice, and the next reader or writer
 * can go on.
 */
#include "testkit/everywhere.h"

#include <sys/socket.h>

enum { MESSAGE = 10, MESSAGES = 4 };

enum reading {
    READ,
    READ_SOME,
    READ_EXACTLY,
    READ_LINE,
    READ_UNTIL,
    READ_UNTIL_ANY,
    READ_NEXT_REQUEST,
    READ_ALL
};

static struct {
    enum reading how;
    eddy_reader *reader[2];
    eddy_writer *writer[2];
    size_t sent, received; /* bytes */
    bool wrong;            /* a byte was not the one that was sent */
    int ended;
} all;

static void begin(void *how)
{
    memset(&all, 0, sizeof all);
    all.how = how ? *(enum reading *)how : READ_ALL;
}

/* The n-th byte of everything that is sent: lines of ten. */
static char nth(size_t n)
{
    return n % MESSAGE == MESSAGE - 1 ? '\n' : (char)('a' + n * 7 % 26);
}

static void take(const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        all.wrong = all.wrong || data[i] != nth(all.received + i);
    all.received += n;
}

static ssize_t read_once(eddy_reader *r, const char **ret_data)
{
    static char buf[16];
    int rc;

    *ret_data = buf;
    switch (all.how) {
    case READ:
        return eddy_reader_read(r, buf, sizeof buf);
    case READ_SOME:
        return eddy_reader_read_some(r, 7, ret_data);
    case READ_EXACTLY:
        return eddy_reader_readexactly(r, buf, 8);
    case READ_LINE:
        return eddy_reader_readline(r, ret_data);
    case READ_UNTIL:
        return eddy_reader_readuntil(r, "\n", 1, ret_data);
    case READ_UNTIL_ANY:
        return eddy_reader_readuntil_any(r, (eddy_separator[]){{"\n", 1}, {"zz", 2}}, 2, ret_data);
    case READ_NEXT_REQUEST:
        rc = eddy_connection_next_request(r);
        return rc <= 0 ? rc : eddy_reader_read_some(r, 7, ret_data);
    default:
        return eddy_reader_read_all(r, SIZE_MAX, ret_data);
    }
}

static eddy_async(consume, (eddy_reader *, r))
{
    const char *data = NULL;
    ssize_t n;

    while ((n = read_once(r, &data)) > 0)
        take(data, (size_t)n);
    if (n == EDDY_EINCOMPLETE) {
        take(data, 0);
        n = (ssize_t)eddy_reader_partial(r, &data);
        take(data, (size_t)n);
        n = 0;
    }
    return (int)n;
}

static int write_by_turns(eddy_writer *w, int turn, const char *piece, size_t size)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)piece, 1},
                           {(void *)(uintptr_t)(piece + 1), size - 1}};

    return turn % 3 == 0   ? eddy_writer_write(w, piece, size)
           : turn % 3 == 1 ? eddy_writer_writelines(w, iov, 2)
                           : eddy_writer_printf(w, "%.*s", (int)size, piece);
}

/* Sends the messages, each in two pieces; says how much was sent, as far as it knows. */
static eddy_async(produce, (eddy_writer *, w))
{
    for (int i = 0; i < 2 * MESSAGES; i++) {
        char piece[MESSAGE / 2];

        for (size_t b = 0; b < sizeof piece; b++)
            piece[b] = nth(all.sent + b);
        eddy_try(write_by_turns(w, i, piece, sizeof piece));
        all.sent += sizeof piece;
        eddy_try(eddy_sleep(0));
    }
    return 0;
}

/* Each of the two may be cancelled. Then the writer ends the stream, and what was not read is
 * read. */
static int talk(void)
{
    eddy_task *reader = eddy_create_task(consume(all.reader[1]));
    eddy_task *writer = eddy_create_task(produce(all.writer[0]));
    int rc = join(&writer, 1), rc_of_reader;

    (void)eddy_writer_write_eof(all.writer[0]);
    rc_of_reader = join(&reader, 1);
    if (rc == 0)
        rc = rc_of_reader;
    all.how = READ_ALL;
    if (rc == 0)
        rc = eddy_await(consume(all.reader[1]));
    eddy_writer_free(all.writer[0]);
    eddy_writer_free(all.writer[1]);
    return rc;
}

static int talk_in_memory(void *unused)
{
    eddy_try(eddy_memory_pair_open(0, all.reader, all.writer));
    return talk();
}

/* Talks through a pair with room for 7 bytes and no write buffer, so that each writer waits. */
static int talk_in_tight_memory(void *unused)
{
    eddy_try(eddy_memory_pair_open(7, all.reader, all.writer));
    eddy_writer_set_write_buffer_limits(all.writer[0], (eddy_water_marks){.low = 0, .high = 0});
    return talk();
}

static int talk_by_sockets(void *unused)
{
    int fds[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    rc = eddy_open_connection(NULL, 0, &all.reader[0], &all.writer[0], .sock = fds[0]);
    if (rc == 0)
        rc = eddy_open_connection(NULL, 0, &all.reader[1], &all.writer[1], .sock = fds[1]);
    REQUIRE(rc == 0);
    return talk();
}

static int all_came(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(!all.wrong));
    return HOLDS(all.received == all.sent);
}

TEST_VIRTUAL(no_byte_is_lost_wherever_a_reader_is_cancelled)
{
    for (enum reading how = READ; how <= READ_ALL; how++)
        everywhere(&(eddy_test_scenario){"a reader", talk_in_memory, &how, begin, all_came,
                                         .task = "consume"},
                   2);
}

TEST_VIRTUAL(no_byte_is_lost_wherever_a_reader_of_a_socket_is_cancelled)
{
    for (enum reading how = READ; how <= READ_ALL; how++)
        everywhere(&(eddy_test_scenario){"a reader of a socket", talk_by_sockets, &how, begin,
                                         all_came, .backends = EDDY_TEST_REAL, .task = "consume"},
                   1);
}

TEST_VIRTUAL(a_write_that_is_cancelled_has_sent_nothing)
{
    everywhere(&(eddy_test_scenario){"a writer", talk_in_tight_memory, NULL, begin, all_came,
                                     .task = "produce"},
               4);
}

/* Tasks that wait for the writer: one is cancelled, the others come to their end. */

static eddy_async(drain)
{
    int rc = eddy_writer_drain(all.writer[0]);

    all.ended += rc == 0;
    return rc;
}

static eddy_async(flush)
{
    int rc = eddy_writer_flush(all.writer[0]);

    all.ended += rc == 0;
    return rc;
}

static eddy_async(wait_closed)
{
    int rc = eddy_writer_wait_closed(all.writer[0]);

    all.ended += rc == 0;
    return rc;
}

static int wait_in_all_ways(void *unused)
{
    eddy_task *tasks[6];
    int rc;

    eddy_try(eddy_memory_pair_open(7, all.reader, all.writer));
    eddy_writer_set_write_buffer_limits(all.writer[0], (eddy_water_marks){.low = 0, .high = 0});
    eddy_try(eddy_writer_write(all.writer[0], "more than the seven", 19));
    for (int i = 0; i < 6; i++)
        tasks[i] = eddy_create_task(i % 3 == 0   ? drain()
                                    : i % 3 == 1 ? flush()
                                                 : wait_closed(),
                                    .name = i < 3 ? "cancelled" : "spared");
    rc = eddy_sleep(0);
    while (rc == 0 && eddy_writer_get_write_buffer_size(all.writer[0]) > 0) {
        char buf[4];

        rc = (int)eddy_reader_read(all.reader[1], buf, sizeof buf);
        rc = rc < 0 ? rc : eddy_sleep(0);
    }
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = eddy_sleep(0);
    eddy_writer_close(all.writer[0]);
    if (join(tasks, 6) < 0)
        rc = -ECANCELED;
    eddy_writer_free(all.writer[0]);
    eddy_writer_free(all.writer[1]);
    return rc;
}

static int the_others_ended(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(all.ended == (trial->task ? 5 : 6));
}

TEST_VIRTUAL(cancelling_one_task_that_waits_for_a_writer_leaves_the_others_alone)
{
    everywhere(&(eddy_test_scenario){"who waits for a writer", wait_in_all_ways, NULL, begin,
                                     the_others_ended, .task = "cancelled"},
               3);
}
