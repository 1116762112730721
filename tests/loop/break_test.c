/* Ending a run in the middle of a turn. */
#include "harness/test.h"

#include "harness/trace.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static eddy_loop *new_loop(void)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    if (test_tortured())
        SKIP("callbacks are missing");
    return loop;
}

static void one_turn(eddy_loop *loop)
{
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
}

static void break_off(void *loop)
{
    trace("break");
    eddy_loop_call_soon(loop, trace_callback, "before");
    EXPECT_EQ(eddy_loop_break(loop), 0);
    eddy_loop_call_soon(loop, trace_callback, "after");
}

TEST_VIRTUAL(the_rest_of_a_broken_turn_is_the_head_of_the_next, .ordered = true)
{
    eddy_loop *loop = new_loop();

    eddy_loop_call_soon(loop, trace_callback, "a");
    eddy_loop_call_soon(loop, break_off, loop);
    eddy_loop_call_soon(loop, trace_callback, "b");
    eddy_loop_call_soon(loop, trace_callback, "c");

    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "a break");
    one_turn(loop);
    EXPECT_STR(traced(), "a break b c before after");
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(a_run_that_was_broken_goes_on_in_the_next, .ordered = true)
{
    eddy_loop *loop = new_loop();

    for (int i = 0; i < 3; i++) {
        eddy_loop_call_soon(loop, break_off, loop);
        eddy_loop_call_later(loop, 1, break_off, loop);
    }
    for (int i = 0; i < 6; i++)
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(eddy_loop_time(loop), 1.0);
    eddy_loop_unref(loop);
}

static void at_end(eddy_item *item)
{
    (void)item;
    trace("end");
}

TEST_VIRTUAL(a_broken_turn_has_no_end_before_the_next_run, .ordered = true)
{
    eddy_loop *loop = new_loop();
    eddy_item item = {.run = at_end};

    one_turn(loop);
    eddy_loop_call_soon(loop, break_off, loop);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &item), 0);
    eddy_item_cancel(loop, &item);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &item), 0);
    EXPECT_STR(traced(), "break");
    one_turn(loop);
    EXPECT_STR(traced(), "break end before after");
    eddy_loop_unref(loop);
}

static void break_at_end(eddy_item *item)
{
    (void)item;
    break_off(eddy_get_running_loop());
}

TEST_VIRTUAL(the_end_of_a_turn_can_break_off_the_run, .ordered = true)
{
    eddy_loop *loop = new_loop();
    eddy_item first = {.run = break_at_end}, second = {.run = at_end};

    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &first), 0);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &second), 0);
    eddy_loop_call_soon(loop, trace_callback, "a");
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "break");
    one_turn(loop);
    EXPECT_STR(traced(), "break end a before after");
    eddy_loop_unref(loop);
}

static eddy_async(break_in_task, (eddy_loop *, loop))
{
    trace("task");
    EXPECT_EQ(eddy_loop_break(loop), 0);
    trace("still");
    eddy_try(eddy_sleep(0));
    trace("resumed");
    return 0;
}

TEST_VIRTUAL(a_task_can_break_off_the_run, .ordered = true)
{
    eddy_loop *loop = new_loop();
    eddy_task *t = eddy_loop_create_task(loop, break_in_task(loop));

    REQUIRE(t != NULL);
    eddy_loop_call_soon(loop, trace_callback, "a");
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_ref(t)), EDDY_ESTOPPED);
    EXPECT_STR(traced(), "task still");
    EXPECT_EQ(eddy_loop_run_until_complete(loop, t), 0);
    EXPECT_STR(traced(), "task still a resumed");
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(a_loop_that_does_not_run_cannot_be_broken)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_break(loop), EDDY_EMISUSE);
    EXPECT_EQ(eddy_loop_break(NULL), EDDY_ENOLOOP);
    eddy_loop_close(loop);
    EXPECT_EQ(eddy_loop_break(loop), EDDY_ECLOSED);
    eddy_loop_unref(loop);
}

/* A carrier of the program's is called by a completion, in the middle of a poll. */
static void on_readable(eddy_carrier *c, ssize_t result)
{
    (void)result;
    trace("completion");
    eddy_loop_call_soon(c->loop, trace_callback, "later");
    EXPECT_EQ(eddy_loop_break(c->loop), 0);
    EXPECT_EQ(eddy_loop_break(c->loop), 0);
}

static void on_closed(eddy_carrier *c, int status)
{
    (void)status;
    c->ops->free(c);
}

TEST_REAL(a_completion_can_break_off_the_run, .ordered = true)
{
    eddy_loop *loop = test_real_loop();
    eddy_carrier *c = NULL;
    int pair[2];

    REQUIRE(loop != NULL);
    if (test_tortured())
        SKIP("the run may have nothing to wait for");
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(eddy_socket_carrier_new(loop, pair[0], &c) == 0);
    c->on_readable = on_readable;
    c->on_closed = on_closed;
    REQUIRE(c->ops->wait_readable(c, NULL, 0) == 0);
    REQUIRE(write(pair[1], "x", 1) == 1);

    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "completion");
    one_turn(loop);
    EXPECT_STR(traced(), "completion later");
    c->ops->close(c, true);
    one_turn(loop);
    close(pair[1]);
    eddy_loop_unref(loop);
}
