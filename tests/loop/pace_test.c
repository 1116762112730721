/* The number of turns that share a poll of the kernel: share_poll() in src/loop/turn.c. */
#include "harness/test.h"

#include "watched_backend.h"

enum {
    MOST = 64, /* turns without a look, at the most */
    /* So many turns before its end, an item of the chain has a callback called at the present
     * time. */
    AT_ONCE = 500,
    /* So many turns before its end, an item of the chain takes longer than a timer has to wait that
     * the item before it has started. */
    LONG = 200,
};

static const int64_t LONG_TIME = 10000000; /* nanoseconds */

/* A chain: one item in each turn. */
static struct {
    eddy_loop *loop;
    struct eddyi_ready item;
    int left;
    int64_t takes; /* each, in nanoseconds */
    /* and reads the clock in its last moment, as the start of a timer does */
    bool reads_the_clock;
    int turns_left_then; /* when the callback ran that an item had called at the present time */
    bool has_long_item;
} chain;

static void note_turns_left(void *unused)
{
    chain.turns_left_then = chain.left;
}

static void link_of_chain(struct eddyi_ready *item)
{
    watched.now += chain.takes;
    if (chain.reads_the_clock)
        (void)eddy_loop_time(chain.loop);
    if (chain.left == AT_ONCE)
        eddy_loop_call_at(chain.loop, eddy_loop_time(chain.loop), note_turns_left, NULL);
    if (chain.has_long_item && chain.left == LONG + 1)
        eddy_loop_call_later(chain.loop, 0.001, note_turns_left, NULL);
    if (chain.has_long_item && chain.left == LONG)
        watched.now += LONG_TIME;
    if (--chain.left == 0)
        eddy_loop_stop(chain.loop);
    else
        eddyi_loop_ready(chain.loop, item);
}

/* How many looks so many turns take, which last that long. */
static int looks_in(int turns, int64_t nanoseconds)
{
    int before = watched.looks;

    chain.left = turns;
    chain.takes = nanoseconds;
    eddyi_loop_ready(chain.loop, &chain.item);
    EXPECT_EQ(eddy_loop_run_forever(chain.loop), 0);
    return watched.looks - before;
}

static bool set_up(void)
{
    chain.loop = eddy_loop_new(NULL);
    eddyi_ready_init(&chain.item, link_of_chain);
    chain.reads_the_clock = chain.has_long_item = false;
    chain.turns_left_then = -1;
    EXPECT(chain.loop != NULL);
    if (chain.loop)
        watch_backend(chain.loop);
    return chain.loop != NULL;
}

static void tear_down(void)
{
    unwatch_backend(chain.loop);
    EXPECT_EQ(eddy_loop_close(chain.loop), 0);
    eddy_loop_unref(chain.loop);
}

TEST(quick_turns_share_a_look, .ordered = true) /* who shuffles looks at each turn */
{
    int looks;

    if (!set_up())
        return;
    looks = looks_in(10000, 10);
    EXPECT(looks >= 10000 / MOST && looks <= 10000 / MOST + 20);
    tear_down();
}

TEST(slow_turns_look_each)
{
    if (!set_up())
        return;
    looks_in(1, 100000); /* it begins like a quick one */
    EXPECT_EQ(looks_in(1000, 100000), 1000);
    tear_down();
}

TEST(slow_turns_are_not_taken_for_quick_ones_because_they_read_the_clock)
{
    if (!set_up())
        return;
    chain.reads_the_clock = true;
    looks_in(1, 100000);
    EXPECT_EQ(looks_in(1000, 100000), 1000);
    tear_down();
}

TEST(that_turns_have_become_slow_is_noticed_after_the_next_look)
{
    int looks;

    if (!set_up())
        return;
    looks_in(10000, 10);
    looks = looks_in(1000, 100000);
    EXPECT(looks >= 1000 - MOST && looks <= 1000);
    tear_down();
}

TEST(a_callback_at_the_time_that_the_loop_has_just_told_is_called_in_the_next_turn, .ordered = true)
{
    if (!set_up())
        return;
    looks_in(10000, 10);
    /* Behind the item of the next turn, which was ready before. */
    EXPECT_EQ(chain.turns_left_then, AT_ONCE - 2);
    tear_down();
}

TEST(a_timer_that_became_due_during_a_long_callback_is_not_late, .ordered = true)
{
    if (!set_up())
        return;
    chain.has_long_item = true;
    looks_in(10000, 10);
    /* Behind the item of the next turn, which was ready before. */
    EXPECT_EQ(chain.turns_left_then, LONG - 2);
    tear_down();
}

TEST(turns_share_a_look_while_a_timer_is_far_away, .ordered = true)
{
    eddy_handle timer;
    int looks;

    if (!set_up())
        return;
    timer = eddy_loop_call_later(chain.loop, 3600, note_turns_left, NULL);
    looks = looks_in(10000, 10);
    EXPECT(looks >= 10000 / MOST && looks <= 10000 / MOST + 20);
    EXPECT_EQ(chain.turns_left_then, AT_ONCE - 2); /* by the other callback */
    eddy_handle_cancel(timer);
    tear_down();
}
