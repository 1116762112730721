/*
 * Cancellation everywhere in TLS: whoever is cancelled, in the handshake or after it, both sides come to an end, and nothing is left.
 */
#include "testkit/everywhere.h"
#include "tls/tls.h"

static struct parties parties;
static int understood;

static eddy_async(ask, (eddy_reader *, r), (eddy_writer *, w))
{
    char buf[8];
    int rc = eddy_writer_start_tls(w, parties.client_context, .server_hostname = "server.test");

    if (rc == 0)
        rc = eddy_writer_write(w, "ping", 4);
    if (rc == 0)
        rc = (int)eddy_reader_readexactly(r, buf, 4);
    understood += rc == 4 && memcmp(buf, "pong", 4) == 0;
    if (rc < 0)
        eddy_writer_abort(w);
    eddy_writer_close(w);
    return rc < 0 ? rc : eddy_writer_wait_closed(w);
}

static eddy_async(answer, (eddy_reader *, r), (eddy_writer *, w))
{
    char buf[8];
    int rc = eddy_writer_start_tls(w, parties.server_context, .server_side = true);

    if (rc == 0)
        rc = (int)eddy_reader_readexactly(r, buf, 4);
    understood += rc == 4 && memcmp(buf, "ping", 4) == 0;
    if (rc == 4)
        rc = eddy_writer_write(w, "pong", 4);
    if (rc < 0)
        eddy_writer_abort(w);
    eddy_writer_close(w);
    return rc < 0 ? rc : eddy_writer_wait_closed(w);
}

/* For each trial anew: a context remembers sessions. */
static void begin(void *unused)
{
    parties_make(&parties);
}

static int tls_scenario(void *unused)
{
    eddy_task *tasks[2];
    struct pair p;
    int rc;

    understood = 0;
    pair_open(&p);
    tasks[0] = eddy_create_task(ask(p.reader[0], p.writer[0]));
    tasks[1] = eddy_create_task(answer(p.reader[1], p.writer[1]));
    rc = join(tasks, 2);
    eddy_writer_abort(p.writer[0]);
    eddy_writer_abort(p.writer[1]);
    pair_free(&p);
    return rc;
}

static int tls_check(void *unused, const eddy_test_trial *trial)
{
    parties_free(&parties);
    return trial->task ? 0 : HOLDS(understood == 2);
}

TEST_VIRTUAL(a_client_of_TLS_can_be_cancelled_everywhere)
{
    everywhere(
        &(eddy_test_scenario){"tls client", tls_scenario, .begin = begin, .check = tls_check, .task = "ask"},
        3);
}

TEST_VIRTUAL(a_server_of_TLS_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"tls server", tls_scenario, .begin = begin, .check = tls_check,
                                     .task = "answer"},
               3);
}
