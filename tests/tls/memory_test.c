/*
 * The memory that a connection keeps while nothing happens.
 */
#include "stream/stream.h"
#include "tls/carrier.h"
#include "tls/tls.h"

static struct parties all;

static SSL *ssl_of(eddy_writer *w)
{
    SSL *ssl = NULL;

    eddy_writer_get_extra_info(w, "ssl_object", &ssl, sizeof ssl);
    return ssl;
}

static void leave(struct pair *p)
{
    eddy_writer_abort(p->writer[0]);
    eddy_writer_abort(p->writer[1]);
    pair_free(p);
}

TEST_ASYNC(a_client_that_has_not_spoken_has_no_handshake_begun)
{
    struct pair p;
    eddy_task *server;

    parties_make(&all);
    pair_open(&p);
    server = eddy_create_task(serve_tls(p.writer[1], all.server_context));
    EXPECT_EQ(eddy_sleep(1), 0);
    if (EXPECT(ssl_of(p.writer[1]) != NULL))
        EXPECT(SSL_in_before(ssl_of(p.writer[1])));
    EXPECT_EQ(
        eddy_writer_start_tls(p.writer[0], all.client_context, .server_hostname = "server.test"),
        0);
    EXPECT_EQ(eddy_await(server), 0);
    leave(&p);
    parties_free(&all);
    return 0;
}

/* One that sends its greeting byte by byte begins one, and gets it all the same. */
TEST_ASYNC(a_greeting_may_begin_with_a_single_byte)
{
    struct pair p;
    eddy_task *server;

    parties_make(&all);
    pair_open(&p);
    server = eddy_create_task(serve_tls(p.writer[1], all.server_context));
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "\26", 1), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    if (EXPECT(ssl_of(p.writer[1]) != NULL))
        EXPECT(!SSL_in_before(ssl_of(p.writer[1])));
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(eddy_await(server), -ECONNRESET);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_reader_that_waits_over_tls_keeps_no_buffer)
{
    static char much[100000];
    const struct eddyi_buffer *in;
    struct pair p;
    eddy_task *t;

    parties_make(&all);
    pair_open(&p);
    in = eddyi_reader_in(p.reader[1]);
    if (EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), 0)) {
        t = eddy_create_task(write_times(p.writer[0], much, sizeof much, 1));
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], much, sizeof much), (ssize_t)sizeof much);
        EXPECT_EQ(eddy_await(t), 0);
        t = eddy_create_task(read_line(p.reader[1]));
        EXPECT_EQ(eddy_sleep(1), 0);
        EXPECT(in->data == NULL);
        EXPECT_EQ(eddy_writer_write(p.writer[0], "half a ", 7), 0);
        EXPECT_EQ(eddy_sleep(1), 0);
        EXPECT(in->data != NULL);
        EXPECT_EQ(eddy_writer_write(p.writer[0], "line\n", 5), 0);
        EXPECT_EQ(eddy_await(t), 12);
    }
    leave(&p);
    parties_free(&all);
    return 0;
}
