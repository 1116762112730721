/*
 * Sending files over streams, through the kernel and by copying.
 */
#include "base/fault.h"
#include "base/sys_cached.h"
#include "io/places.h"
#include "protocol/protocols.h"
#include "protocol/transport.h"
#include "stream/streams.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 300000 };

static char content[SIZE];

/* A file with that content. */
static int make_file(void)
{
    int fd = memfd_create("eddy-test", MFD_CLOEXEC);

    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)(i * 7 + i / 251);
    REQUIRE(fd >= 0 && write(fd, content, SIZE) == SIZE);
    return fd;
}

static eddy_async(send_all, (eddy_writer *, w), (int, fd), (int64_t, offset), (int64_t, count),
                  (int64_t *, sent))
{
    int rc = eddy_writer_sendfile(w, fd, offset, count, sent);

    eddy_writer_write_eof(w);
    return rc;
}

/* Sends from one end, and expects just those bytes at the other. */
static void expect_sent(eddy_writer *from, eddy_reader *to, int64_t offset, int64_t count,
                        size_t expected)
{
    int fd = make_file();
    int64_t sent = 0;
    eddy_task *t = eddy_create_task(send_all(from, fd, offset, count, &sent));
    const char *all;
    ssize_t n = t ? eddy_reader_read_all(to, SIZE_MAX, &all) : -ENOMEM;

    if (n >= 0) {
        EXPECT_EQ((size_t)n, expected);
        EXPECT_EQ(sent, expected);
        EXPECT_EQ(lseek(fd, 0, SEEK_CUR), expected > 0 ? offset + sent : SIZE);
        EXPECT((size_t)n == expected && memcmp(all, content + offset, expected) == 0);
    }
    if (t)
        eddy_task_cancel(t, NULL); /* where reading failed, no task takes the rest */
    (void)eddy_await(t);
    close(fd);
}

/* Opens the streams of a pair of sockets. Returns 0, or the error of a tortured call. */
static int open_sockets(eddy_reader *r[2], eddy_writer *w[2])
{
    int s[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    for (int k = 0; k < 2; k++) {
        int rc = eddy_open_connection(NULL, 0, &r[k], &w[k], .sock = s[k]);

        if (rc < 0) {
            close(s[k]);
            if (k == 0)
                close(s[1]);
            else
                eddy_writer_free(w[0]);
            return rc;
        }
    }
    return 0;
}

TEST_ASYNC_REAL(a_file_goes_over_a_socket_whole_or_in_part)
{
    static const struct {
        int64_t offset, count;
        size_t expected;
    } parts[] = {{0, -1, SIZE},         {1000, 5000, 5000}, {SIZE - 10, 100, 10},
                 {7, 200000, 200000},   {0, SIZE, SIZE},    {100, 2 * SIZE, SIZE - 100},
                 {SIZE, 100000, 0},     {0, 0, 0}};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        eddy_reader *r[2];
        eddy_writer *w[2];
        int rc = open_sockets(r, w);

        if (rc < 0)
            return rc;
        expect_sent(w[0], r[1], parts[i].offset, parts[i].count, parts[i].expected);
        eddy_writer_free(w[0]);
        eddy_writer_free(w[1]);
    }
    return 0;
}

/* A file on a disk, or where /tmp is; its pages were just written, and are in memory. */
static int make_file_with_pages(struct place *p)
{
    int fd;

    *p = place_make();
    fd = open(p->a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, content, SIZE) == SIZE);
    return fd;
}

TEST_ASYNC_REAL(a_file_that_is_in_memory_is_sent_without_a_thread)
{
    eddy_reader *r[2];
    eddy_writer *w[2];
    struct place p;
    int fd = make_file_with_pages(&p), rc = open_sockets(r, w);
    bool can = eddyi_sys_is_cached(fd, 0, SIZE);
    int64_t sent = 0;
    eddy_task *t;
    const char *all;

    if (rc == 0 && can) {
        eddyi_fault_only("pthread_create", EAGAIN);
        t = eddy_create_task(send_all(w[0], fd, 0, SIZE, &sent));
        if (t && EXPECT_EQ(eddy_reader_read_all(r[1], SIZE_MAX, &all), SIZE))
            EXPECT(memcmp(all, content, SIZE) == 0);
        (void)eddy_await(t);
        EXPECT(eddyi_fault_hits() == 0 || test_tortured());
        eddyi_fault_clear();
    }
    if (rc == 0) {
        eddy_writer_free(w[0]);
        eddy_writer_free(w[1]);
    }
    close(fd);
    place_remove(&p);
    if (!can && !test_tortured())
        SKIP("the kernel, or the file system of /tmp, does not tell what is in memory");
    return rc;
}

TEST_ASYNC_REAL(over_a_carrier_that_cannot_the_file_is_copied)
{
    struct pair p;

    pair_open(&p);
    expect_sent(p.writer[0], p.reader[1], 10, -1, SIZE - 10);
    pair_free(&p);
    return 0;
}

TEST_ASYNC_REAL(what_is_no_file_or_no_offset_is_an_error)
{
    struct pair p;
    int64_t sent = 7;

    pair_open(&p);
    EXPECT(eddy_writer_sendfile(p.writer[0], -1, 0, 10, &sent) < 0);
    EXPECT_EQ(sent, 0);
    EXPECT_EQ(eddy_writer_sendfile(p.writer[0], 0, -1, 10, NULL), -EINVAL);
    pair_free(&p);
    return 0;
}

/* Sends a file of 8 MiB to a peer that goes when it has taken @taken bytes. */
static void send_to_one_that_goes(size_t taken)
{
    static char piece[1000];
    eddy_reader *reader;
    eddy_writer *writer;
    int64_t sent = 0;
    int s[2], rc, fd = make_file();
    eddy_task *t;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    REQUIRE(ftruncate(fd, 8 << 20) == 0);
    rc = eddy_open_connection(NULL, 0, &reader, &writer, .sock = s[0]);
    if (rc < 0) {
        close(s[0]);
    } else {
        t = eddy_create_task(send_all(writer, fd, 0, -1, &sent));
        for (size_t got = 0; got < taken && t && !eddy_task_done(t) && eddy_sleep(0.001) == 0;)
            got += (size_t)(recv(s[1], piece, sizeof piece, MSG_DONTWAIT) > 0 ? sizeof piece : 0);
        close(s[1]);
        s[1] = -1;
        rc = eddy_await(t);
        EXPECT(sent < 8 << 20);
        if (EXPECT(rc == -EPIPE || rc == -ECONNRESET))
            EXPECT_EQ(eddy_writer_wait_closed(writer), rc);
        (void)eddy_sleep(0.001);
        eddy_writer_free(writer);
    }
    if (s[1] >= 0)
        close(s[1]);
    close(fd);
}

TEST_ASYNC_REAL(a_peer_that_goes_in_the_middle_of_a_file_ends_the_stream_once)
{
    send_to_one_that_goes(0);
    send_to_one_that_goes(2000);
    return 0;
}

/* Transports: what is sent through one end of a pair of sockets. */

struct way {
    struct recorder recorder;
    eddy_transport *transport;
    int other; /* the other end */
    int file;
    int64_t sent;
};

static int way_open(struct way *w)
{
    int s[2], rc;

    *w = (struct way){.file = make_file()};
    recorder_init(&w->recorder);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s) == 0);
    w->other = s[1];
    rc = eddy_loop_connect_accepted_socket(eddy_get_running_loop(), make_recording, &w->recorder,
                                           s[0], &w->transport);
    if (rc < 0) {
        close(s[0]);
        close(s[1]);
        close(w->file);
    }
    return rc;
}

static void way_close(struct way *w)
{
    eddy_transport_abort(w->transport);
    EXPECT(recorder_wait(&w->recorder) <= 0);
    eddy_transport_unref(w->transport);
    if (w->other >= 0)
        close(w->other);
    close(w->file);
}

static eddy_async(send_way, (struct way *, w))
{
    return eddy_loop_sendfile(eddy_get_running_loop(), w->transport, w->file, 0, -1, &w->sent);
}

TEST_ASYNC_REAL(a_transport_over_a_socket_has_the_kernel_send, .whole = true)
{
    static struct way w;

    if (test_tortured() || way_open(&w) < 0)
        return 0;
    eddyi_fault_only("sendfile", EIO);
    EXPECT_EQ(eddy_await(send_way(&w)), -EIO);
    eddyi_fault_clear();
    EXPECT_EQ(w.sent, 65536);
    EXPECT(!eddy_transport_is_closing(w.transport));
    EXPECT_EQ(lseek(w.file, 0, SEEK_CUR), 65536);
    way_close(&w);
    return 0;
}

/* Without a read that is armed, nothing but the file keeps the carrier from its end. */
TEST_ASYNC_REAL(a_transport_that_does_not_read_hears_once_that_its_peer_has_gone)
{
    static struct way w;
    eddy_task *t;

    if (way_open(&w) < 0)
        return 0;
    REQUIRE(ftruncate(w.file, 8 << 20) == 0);
    eddy_transport_pause_reading(w.transport);
    t = eddy_create_task(send_way(&w));
    for (int i = 0; i < 10 && eddy_sleep(0) == 0; i++) {
    }
    close(w.other);
    w.other = -1;
    EXPECT(eddy_await(t) < 0);
    EXPECT(w.sent < 8 << 20);
    way_close(&w);
    return 0;
}

TEST_ASYNC_REAL(a_transport_copies_what_the_kernel_refuses)
{
    static struct way w;
    static char buf[SIZE];
    eddy_task *t;
    size_t got = 0;
    ssize_t n;

    if (test_tortured() || way_open(&w) < 0)
        return 0;
    eddyi_fault_only("sendfile", EINVAL);
    t = eddy_create_task(send_way(&w));
    while (got < SIZE && (n = eddy_sock_recv(w.other, buf + got, SIZE - got)) > 0)
        got += (size_t)n;
    EXPECT_EQ(eddy_await(t), 0);
    eddyi_fault_clear();
    EXPECT_EQ(w.sent, SIZE);
    EXPECT(memcmp(buf, content, SIZE) == 0);
    way_close(&w);
    return 0;
}

TEST_ASYNC_REAL(a_transport_that_is_aborted_ends_what_sends_a_file_through_it)
{
    static struct way w;
    eddy_task *t;

    if (way_open(&w) < 0)
        return 0;
    REQUIRE(ftruncate(w.file, 8 << 20) == 0);
    t = eddy_create_task(send_way(&w));
    for (int i = 0; i < 10 && eddy_sleep(0) == 0; i++) {
    }
    eddy_transport_abort(w.transport);
    EXPECT(eddy_await(t) < 0);
    EXPECT(w.sent < 8 << 20);
    way_close(&w);
    return 0;
}

TEST_ASYNC_REAL(sending_a_file_leaves_a_transport_with_the_owners_that_it_had)
{
    static struct way w;
    unsigned owners;

    if (way_open(&w) < 0)
        return 0;
    owners = w.transport->face.refs;
    EXPECT_EQ(eddy_loop_sendfile(eddy_get_running_loop(), w.transport, w.file, 0, 10, NULL), 0);
    EXPECT_EQ(w.transport->face.refs, owners);
    way_close(&w);
    return 0;
}

static void note_status(void *arg, int status)
{
    *(int *)arg = status;
}

TEST_ASYNC_REAL(a_transport_sends_a_file_without_a_task_and_tells_when_it_is_out)
{
    static struct way w;
    static char buf[SIZE];
    size_t got = 0;
    static int status = 1;
    ssize_t n;

    if (way_open(&w) < 0)
        return 0;
    if (EXPECT_EQ(
            eddy_transport_sendfile(w.transport, w.file, 0, -1, &w.sent, note_status, &status),
            0)) {
        if (status == 1)
            EXPECT_EQ(eddy_transport_write(w.transport, "x", 1), EDDY_EMISUSE);
        while (got < SIZE && (n = eddy_sock_recv(w.other, buf + got, SIZE - got)) > 0)
            got += (size_t)n;
        while (status == 1 && eddy_sleep(0.001) == 0) {
        }
        EXPECT_EQ(status, 0);
        EXPECT_EQ(w.sent, SIZE);
        EXPECT(memcmp(buf, content, SIZE) == 0);
    }
    way_close(&w);
    return 0;
}

TEST_ASYNC_REAL(a_transport_that_is_aborted_tells_that_its_file_is_not_out)
{
    static struct way w;
    static int status = 1;

    if (way_open(&w) < 0)
        return 0;
    REQUIRE(ftruncate(w.file, 8 << 20) == 0);
    if (EXPECT_EQ(
            eddy_transport_sendfile(w.transport, w.file, 0, -1, &w.sent, note_status, &status),
            0)) {
        for (int i = 0; i < 10 && eddy_sleep(0) == 0; i++) {
        }
        eddy_transport_abort(w.transport);
        while (status == 1 && eddy_sleep(0.001) == 0) {
        }
        EXPECT(status < 0);
        EXPECT(w.sent < 8 << 20);
    }
    way_close(&w);
    return 0;
}
