/*
 * Sending files over streams, through the kernel and by copying.
 */
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

static eddy_async(send_all, (eddy_writer *, w), (int, fd), (off_t, offset), (size_t, count), (size_t *, sent))
{
    int rc = eddy_writer_sendfile(w, fd, offset, count, sent);

    eddy_writer_write_eof(w);
    return rc;
}

/* Sends from one end, and expects just those bytes at the other. */
static void expect_sent(eddy_writer *from, eddy_reader *to, off_t offset, size_t count, size_t expected)
{
    int fd = make_file();
    size_t sent = 0;
    eddy_task *t = eddy_create_task(send_all(from, fd, offset, count, &sent));
    const char *all;
    ssize_t n = t ? eddy_reader_read_all(to, SIZE_MAX, &all) : -ENOMEM;

    if (n >= 0) {
        EXPECT_EQ((size_t)n, expected);
        EXPECT_EQ(sent, expected);
        EXPECT((size_t)n == expected && memcmp(all, content + offset, expected) == 0);
    }
    if (t)
        eddy_task_cancel(t, NULL); /* where reading failed nobody takes the rest */
    (void)eddy_await(t);
    close(fd);
}

TEST_ASYNC_REAL(a_file_goes_over_a_socket_whole_or_in_part)
{
    static const struct {
        off_t offset;
        size_t count, expected;
    } parts[] = {{0, SIZE_MAX, SIZE}, {1000, 5000, 5000}, {SIZE - 10, 100, 10}, {0, 0, 0}};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        eddy_reader *r[2];
        eddy_writer *w[2];
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
        expect_sent(w[0], r[1], parts[i].offset, parts[i].count, parts[i].expected);
        eddy_writer_free(w[0]);
        eddy_writer_free(w[1]);
    }
    return 0;
}

TEST_ASYNC_REAL(over_a_carrier_that_cannot_the_file_is_copied)
{
    struct pair p;

    pair_open(&p);
    expect_sent(p.writer[0], p.reader[1], 10, SIZE_MAX, SIZE - 10);
    pair_free(&p);
    return 0;
}

TEST_ASYNC_REAL(what_is_no_file_or_no_offset_is_an_error)
{
    struct pair p;
    size_t sent = 7;

    pair_open(&p);
    EXPECT(eddy_writer_sendfile(p.writer[0], -1, 0, 10, &sent) < 0);
    EXPECT_EQ(sent, 0);
    EXPECT_EQ(eddy_writer_sendfile(p.writer[0], 0, -1, 10, NULL), -EINVAL);
    pair_free(&p);
    return 0;
}
