/*
 * The common state of connections: a context that several threads use, and the sessions that it
 * keeps. New keys in the midst of a connection.
 */
#include "stream/stream.h"
#include "tls/carrier.h"
#include "tls/tls.h"

#include <pthread.h>
#include <stdio.h>

static struct parties all;

static int end(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        eddy_writer_close(p->writer[i]);
    for (int i = 0; i < 2; i++)
        (void)eddy_writer_wait_closed(p->writer[i]);
    pair_free(p);
    return 0;
}

/* Both say a line, so that tickets have come. */
static int exchange(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        const char *line;

        eddy_try(eddy_writer_printf(p->writer[i], "a line of side %d\n", i));
        eddy_try((int)eddy_reader_readline(p->reader[1 - i], &line));
    }
    return 0;
}

/* A connection to a server of that name: whether it resumed a session. */
static int visit(const char *name)
{
    struct pair p;
    int rc, reused = -1;

    eddy_try(eddy_memory_pair_open(0, p.reader, p.writer));
    rc = pair_start_tls(&p, &all, name, NULL);
    if (rc == 0) {
        reused = resumed(p.writer[0]);
        rc = exchange(&p);
    } else {
        eddy_writer_abort(p.writer[1]);
    }
    end(&p);
    return rc < 0 ? rc : reused;
}

/* Threads. */

enum { THREADS = 4, VISITS = 10 };

static eddy_async(visit_often)
{
    for (int i = 0; i < VISITS; i++)
        eddy_try(visit("server.test"));
    return 0;
}

static void *run(void *unused)
{
    return (void *)(intptr_t)test_run(visit_often());
}

TEST_VIRTUAL(one_context_is_used_by_several_threads_at_once)
{
    pthread_t threads[THREADS];

    parties_make(&all);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run, NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *rc;

        pthread_join(threads[i], &rc);
        EXPECT_EQ((intptr_t)rc, 0);
    }
    parties_free(&all);
}

/* Sessions. */

TEST_ASYNC(a_context_keeps_the_sessions_of_so_many_servers_and_forgets_the_oldest)
{
    enum { MOST = 256 };
    char name[32];

    if (test_tortured())
        SKIP("it takes hundreds of handshakes");
    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
    for (int i = 0, rc = 0; i < MOST + 2 && rc == 0; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        rc = visit(name);
        EXPECT_EQ(rc, 0);
    }
    EXPECT_EQ(all.client_context->n_sessions, MOST);
    EXPECT_EQ(visit("n1.test"), 0);
    EXPECT_EQ(visit("n257.test"), 1);
    EXPECT_EQ(all.client_context->n_sessions, MOST);
    parties_free(&all);
    return 0;
}

/* Keys. */

static int new_keys(eddy_writer *w, int how)
{
    struct eddyi_channel *t = &eddyi_stream_of_writer(w)->channel;

    return SSL_key_update(eddyi_tls_of(t->carrier)->ssl, how) == 1 ? 0 : EDDY_ETLS;
}

static eddy_async(talk, (eddy_reader *, r), (eddy_writer *, w))
{
    for (int i = 0; i < 40; i++) {
        char text[32];
        const char *line;

        snprintf(text, sizeof text, "line %d\n", i);
        if (i % 8 == 3)
            eddy_try(
                new_keys(w, i % 16 == 3 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED));
        eddy_try(eddy_writer_write(w, text, strlen(text)));
        eddy_try((int)eddy_reader_readline(r, &line));
        EXPECT(strncmp(line, text, strlen(text)) == 0);
    }
    return 0;
}

/* Both ask for them, at times at once. */
TEST_ASYNC(keys_are_changed_in_the_midst_of_what_both_say)
{
    struct pair p;
    eddy_task *t[2];

    parties_make(&all);
    pair_open(&p);
    if (EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), 0)) {
        EXPECT_STR(info(p.writer[0], "version"), "TLSv1.3");
        for (int i = 0; i < 2; i++)
            t[i] = eddy_create_task(talk(p.reader[i], p.writer[i]));
        for (int i = 0; i < 2; i++) {
            int rc = eddy_await(t[i]);

            EXPECT_EQ(rc, 0);
            REQUIRE(rc != -ECANCELED); /* or the task still has the streams */
            if (rc < 0)
                eddy_writer_abort(p.writer[i]);
        }
    }
    end(&p);
    parties_free(&all);
    return 0;
}

/* Where the latest change has not gone out yet, OpenSSL begins no other. */
static eddy_async(send_much, (eddy_writer *, w), (int *, changes))
{
    static char much[40000];

    for (int i = 0; i < 20; i++) {
        *changes += new_keys(w, SSL_KEY_UPDATE_REQUESTED) == 0;
        eddy_try(eddy_writer_write(w, much, sizeof much));
    }
    return eddy_writer_write_eof(w);
}

/* A side that only reads has to answer a change of keys, though its program never writes. */
TEST_ASYNC(keys_are_changed_while_only_one_side_speaks)
{
    struct pair p;
    eddy_task *t;
    const char *data;
    size_t got = 0;
    int changes = 0;
    ssize_t n;

    parties_make(&all);
    pair_open(&p);
    if (EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), 0)) {
        t = eddy_create_task(send_much(p.writer[0], &changes));
        while ((n = eddy_reader_read_some(p.reader[1], SIZE_MAX, &data)) > 0)
            got += (size_t)n;
        if (n < 0)
            eddy_writer_abort(p.writer[0]);
        EXPECT_EQ(n, 0);
        EXPECT_EQ(got, 800000);
        EXPECT(changes > 2);
        EXPECT_EQ(eddy_await(t), 0);
    }
    end(&p);
    parties_free(&all);
    return 0;
}
