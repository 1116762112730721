/* Looking for posts, or for a timer, for a moment before sleeping: src/loop/turn.c. */
#include "harness/test.h"

#include "watched_backend.h"

enum {
    MOMENT = 50000, /* nanoseconds that it spins */
    IN_VAIN = 4,    /* times in a row, after which it stops doing so */
    BRIEF = 20000,  /* nanoseconds that it spins for a timer */
};

static eddy_loop *loop;
static struct eddyi_ready item;
static int posts_left, arrived, sleeps_until_stop;

/* As another thread does it. */
static void post(void)
{
    posts_left--;
    EXPECT_EQ(eddyi_loop_post_elsewhere(loop, &item), 0);
}

static void arrive(struct eddyi_ready *r)
{
    arrived++;
}

/* A post comes 10 us after the loop fell asleep; when none are left it is stopped some sleeps
 * later, each of which a signal ends, say. */
static void post_while_asleep(void)
{
    watched.now += 10000;
    if (posts_left > 0)
        post();
    else if (--sleeps_until_stop <= 0)
        eddy_loop_stop(loop);
}

static void post_at_once(void)
{
    if (posts_left > 0)
        post();
}

static bool set_up(bool processors)
{
    loop = eddy_loop_new(NULL);
    EXPECT(loop != NULL);
    if (!loop)
        return false;
    loop->spin.enabled = processors; /* whatever the machine has */
    eddyi_ready_init(&item, arrive);
    watch_backend(loop);
    watched.sleep = post_while_asleep;
    posts_left = arrived = 0;
    sleeps_until_stop = 1;
    return true;
}

static void tear_down(void)
{
    unwatch_backend(loop);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    eddy_loop_unref(loop);
}

TEST(a_loop_without_posts_never_spins)
{
    if (!set_up(true))
        return;
    sleeps_until_stop = 100;
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(watched.sleeps, 100);
    EXPECT_EQ(watched.looks, 0);
    tear_down();
}

TEST(after_a_post_it_spins_for_a_moment_but_not_often_in_vain)
{
    if (!set_up(true))
        return;
    posts_left = 1;
    sleeps_until_stop = 100;
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(arrived, 1);
    EXPECT_EQ(watched.sleeps, 101);
    EXPECT_EQ(watched.looks, IN_VAIN * MOMENT / LOOK);
    tear_down();
}

TEST(posts_that_come_while_it_spins_need_no_sleep)
{
    if (!set_up(true))
        return;
    posts_left = 1000;
    watched.look = post_at_once;
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(arrived, 1000);
    EXPECT_EQ(watched.sleeps, 2); /* until the first came, and when the last had come */
    tear_down();
}

static void stop(void *arg)
{
    eddy_loop_stop(loop);
}

static void stop_soon(struct eddyi_ready *r)
{
    if (!eddy_loop_call_later(loop, 5e-6, stop, NULL).slot)
        eddy_loop_stop(loop);
}

TEST(it_does_not_spin_beyond_the_next_timer)
{
    if (!set_up(true))
        return;
    eddyi_ready_init(&item, stop_soon);
    posts_left = 1;
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(watched.sleeps, 1);
    EXPECT(test_tortured() || watched.looks == 5000 / LOOK);
    tear_down();
}

/* Runs until a timer stops the loop after so many nanoseconds. False: there was none. */
static bool run_until_timer(int64_t delay)
{
    bool started =
        set_up(false) && eddy_loop_call_later(loop, (double)delay * 1e-9, stop, NULL).slot;

    if (started)
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    if (loop)
        tear_down();
    return started;
}

TEST(a_timer_that_is_due_before_a_sleep_could_be_over_is_waited_for_awake)
{
    if (!run_until_timer(BRIEF - LOOK))
        return;
    EXPECT_EQ(watched.sleeps, 0);
    EXPECT_EQ(watched.looks, BRIEF / LOOK - 1);
}

TEST(a_timer_that_is_due_later_is_slept_for)
{
    if (!run_until_timer(BRIEF))
        return;
    EXPECT_EQ(watched.sleeps, 1);
    EXPECT_EQ(watched.looks, 0);
}

TEST(with_the_only_processor_it_does_not_spin_for_posts)
{
    if (!set_up(false))
        return;
    posts_left = 100;
    sleeps_until_stop = 10;
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(arrived, 100);
    EXPECT_EQ(watched.sleeps, 110);
    tear_down();
}
