/*
 * Subprocesses that call a protocol.
 */
#include "harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct recorder {
    eddy_subprocess_transport *transport;
    eddy_event lost;
    char log[200];     /* what it was told, each with a blank behind it */
    char received[64]; /* of its output, with the number where another begins */
    int latest;
    bool is_lost;
    int status_at_exit;
};

static void note(struct recorder *r, const char *what)
{
    size_t n = strlen(r->log);

    snprintf(r->log + n, sizeof r->log - n, "%s ", what);
}

static void made(void *arg, eddy_subprocess_transport *transport)
{
    struct recorder *r = arg;

    r->transport = transport;
    note(r, "made");
}

static void received(void *arg, int fd, const void *data, size_t size)
{
    struct recorder *r = arg;
    size_t n = strlen(r->received);

    if (r->latest != fd)
        n += (size_t)snprintf(r->received + n, sizeof r->received - n, "%d:", fd);
    r->latest = fd;
    snprintf(r->received + n, sizeof r->received - n, "%.*s", (int)size, (const char *)data);
}

static void pipe_lost(void *arg, int fd, const eddy_exception *e)
{
    note(arg, fd == 0 ? "in" : fd == 1 ? "out" : "err");
}

static void exited(void *arg)
{
    struct recorder *r = arg;

    note(r, "exited");
    r->status_at_exit = eddy_subprocess_transport_get_returncode(r->transport);
}

static void lost(void *arg, const eddy_exception *e)
{
    struct recorder *r = arg;

    note(r, "lost");
    r->is_lost = true;
    r->transport = NULL;
    eddy_event_set(&r->lost);
}

static int make_recorder(void *arg, const eddy_subprocess_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_subprocess_protocol recording = {.connection_made = made,
                                                       .pipe_data_received = received,
                                                       .pipe_connection_lost = pipe_lost,
                                                       .process_exited = exited,
                                                       .connection_lost = lost};

    *ret_protocol = &recording;
    *ret_arg = arg;
    return 0;
}

TEST_ASYNC_REAL(a_child_is_talked_with_through_its_pipes_and_its_end_comes_last)
{
    static struct recorder r = {0};
    eddy_subprocess_transport *t;

    eddy_try(eddy_loop_subprocess_exec(eddy_get_running_loop(), make_recorder, &r, &t,
                                       eddy_argv("cat"), .std_in = EDDY_PIPE,
                                       .std_out = EDDY_PIPE));
    EXPECT_STR(r.log, "made ");
    EXPECT(eddy_subprocess_transport_get_pid(t) > 0);
    EXPECT_EQ(eddy_subprocess_transport_get_returncode(t), EDDY_RUNNING);
    EXPECT(eddy_subprocess_transport_get_pipe_transport(t, 2) == NULL);
    eddy_transport_write(eddy_subprocess_transport_get_pipe_transport(t, 0), "hello", 5);
    eddy_transport_write_eof(eddy_subprocess_transport_get_pipe_transport(t, 0));
    if (test_tortured())
        eddy_subprocess_transport_close(t);
    EXPECT_EQ(eddy_event_wait(&r.lost), 0);
    if (!test_tortured()) {
        EXPECT_STR(r.received, "1:hello");
        EXPECT_EQ(r.status_at_exit, 0);
        EXPECT_IN("in ", r.log);
        EXPECT_IN("out ", r.log);
        EXPECT_IN("exited ", r.log);
    }
    EXPECT_STR(r.log + strlen(r.log) - 5, "lost ");
    EXPECT_EQ(eddy_subprocess_transport_kill(t), -ESRCH);
    eddy_subprocess_transport_unref(t);
    return 0;
}

TEST_ASYNC_REAL(a_command_writes_to_both_its_outputs, .ordered = true)
{
    static struct recorder r = {0};

    eddy_try(eddy_loop_subprocess_shell(eddy_get_running_loop(), make_recorder, &r, NULL,
                                        "echo wrong >&2; exit 3", .std_out = EDDY_PIPE,
                                        .std_err = EDDY_PIPE));
    EXPECT_EQ(eddy_event_wait(&r.lost), 0);
    if (!test_tortured()) {
        EXPECT_STR(r.received, "2:wrong\n");
        EXPECT_EQ(r.status_at_exit, 3);
    }
    return 0;
}

TEST_ASYNC_REAL(close_kills_and_closes_everything)
{
    static struct recorder r = {0};
    eddy_subprocess_transport *t;

    eddy_try(eddy_loop_subprocess_exec(eddy_get_running_loop(), make_recorder, &r, &t,
                                       eddy_argv("sleep", "1000"), .std_in = EDDY_PIPE,
                                       .std_out = EDDY_PIPE, .std_err = EDDY_PIPE));
    eddy_subprocess_transport_close(t);
    eddy_subprocess_transport_close(t);
    EXPECT(eddy_subprocess_transport_is_closing(t));
    EXPECT_EQ(eddy_event_wait(&r.lost), 0);
    EXPECT(r.status_at_exit == -SIGKILL || test_tortured());
    eddy_subprocess_transport_unref(t);
    return 0;
}

TEST_ASYNC_REAL(a_program_that_is_not_there_makes_no_protocol)
{
    static struct recorder r = {0};
    eddy_subprocess_transport *t;

    EXPECT_EQ(eddy_loop_subprocess_exec(eddy_get_running_loop(), make_recorder, &r, &t,
                                        eddy_argv("/nonexistent/program"), .std_in = EDDY_PIPE),
              -ENOENT);
    EXPECT_STR(r.log, "");
    return 0;
}

/* The loop closes with a child left. */

static struct recorder left_over;

static int leave_one(void *unused)
{
    return eddy_loop_subprocess_exec(eddy_get_running_loop(), make_recorder, &left_over, NULL,
                                     eddy_argv("sleep", "1000"), .std_out = EDDY_PIPE);
}

TEST_REAL(when_the_loop_closes_a_child_that_is_left_is_killed_and_its_protocol_told)
{
    eddy_loop *loop = test_real_loop();
    int rc;

    REQUIRE(loop != NULL);
    rc = eddy_loop_run_until_complete(loop, eddy_coro(leave_one, NULL));
    EXPECT_EQ(rc, 0);
    eddy_loop_close(loop);
    if (rc == 0)
        EXPECT(left_over.is_lost);
    eddy_loop_unref(loop);
}
