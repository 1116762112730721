/*
 * Cancellation everywhere in TLS: whichever side is cancelled, in the handshake or after it, both
 * sides come to an end, and nothing is left.
 */
#include "testkit/everywhere.h"
#include "tls/tls.h"

#include <sys/socket.h>
#include <unistd.h>

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
    everywhere(&(eddy_test_scenario){"tls client", tls_scenario, .begin = begin, .check = tls_check,
                                     .task = "ask"},
               3);
}

TEST_VIRTUAL(a_server_of_TLS_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"tls server", tls_scenario, .begin = begin, .check = tls_check,
                                     .task = "answer"},
               3);
}

/* Transports that begin to speak TLS. */

static int made, lost;

static void side_lost(void *arg, const eddy_exception *e)
{
    lost++;
}

static int make_side(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol sides = {.connection_lost = side_lost};

    *ret_protocol = &sides;
    made++;
    return 0;
}

static eddy_async(start_client, (eddy_transport *, t))
{
    return eddy_loop_start_tls(eddy_get_running_loop(), t, parties.client_context,
                               .server_hostname = "server.test");
}

static eddy_async(start_server, (eddy_transport *, t))
{
    return eddy_loop_start_tls(eddy_get_running_loop(), t, parties.server_context,
                               .server_side = true);
}

static void begin_upgrade(void *unused)
{
    begin(NULL);
    made = lost = 0;
}

/* Starts TLS on both sides. When one side fails, aborts the other, so that it does not wait for
 * ever. */
static int upgrade_scenario(void *unused)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_transport *side[2] = {NULL, NULL};
    eddy_task *tasks[2];
    int fds[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    rc = eddy_loop_connect_accepted_socket(loop, make_side, NULL, fds[0], &side[0]);
    if (rc == 0)
        rc = eddy_loop_connect_accepted_socket(loop, make_side, NULL, fds[1], &side[1]);
    REQUIRE(rc == 0);
    tasks[0] = eddy_create_task(start_client(side[0]));
    tasks[1] = eddy_create_task(start_server(side[1]));
    rc = eddy_wait(tasks, 2, EDDY_FOREVER, EDDY_FIRST_COMPLETED);
    for (int i = 0; i < 2; i++)
        if (eddy_task_done(tasks[i]) && eddy_task_result(tasks[i]) < 0)
            eddy_transport_abort(side[1 - i]);
    rc = join(tasks, 2) < 0 ? -ECANCELED : rc < 0 ? rc : 0;
    for (int i = 0; i < 2; i++) {
        eddy_transport_abort(side[i]);
        eddy_transport_unref(side[i]);
    }
    while (lost < made)
        eddy_try(eddy_sleep(0.001));
    return rc;
}

static int upgrade_check(void *unused, const eddy_test_trial *trial)
{
    parties_free(&parties);
    return HOLDS(made == 2 && lost == 2);
}

TEST_VIRTUAL(a_transport_that_begins_to_speak_TLS_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"upgrade", upgrade_scenario, .begin = begin_upgrade,
                                     .check = upgrade_check, .backends = EDDY_TEST_REAL,
                                     .task = "start_client", .survives = true},
               1);
}
