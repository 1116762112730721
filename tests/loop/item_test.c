/* Items and timers in the program's storage, at the end of turns, and posts from other threads. */
#include "harness/test.h"

#include "harness/trace.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

struct word {
    eddy_item item;
    eddy_timer timer;
    eddy_loop *loop;
    const char *text;
};

static struct word *word_of(eddy_item *item)
{
    return (struct word *)(void *)((char *)item - offsetof(struct word, item));
}

static struct word *word_of_timer(eddy_timer *timer)
{
    return (struct word *)(void *)((char *)timer - offsetof(struct word, timer));
}

static void run(eddy_item *item)
{
    trace("%s", word_of(item)->text);
}

static void dropped(eddy_item *item)
{
    trace("drop:%s", word_of(item)->text);
}

static void run_timer(eddy_timer *timer)
{
    trace("%s", word_of_timer(timer)->text);
}

static void timer_dropped(eddy_timer *timer)
{
    trace("drop:%s", word_of_timer(timer)->text);
}

static struct word word(eddy_loop *loop, const char *text)
{
    return (struct word){.item = {.run = run, .dropped = dropped},
                         .timer = {.run = run_timer, .dropped = timer_dropped},
                         .loop = loop,
                         .text = text};
}

static eddy_loop *new_loop(void)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    return loop;
}

static void one_turn(eddy_loop *loop)
{
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

TEST_VIRTUAL(items_run_in_order_with_callbacks, .ordered = true)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a"), c = word(loop, "c");

    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), 0);
    EXPECT(eddy_loop_call_soon(loop, trace_callback, "b").slot != NULL || test_tortured());
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &c.item), 0);
    EXPECT(eddy_item_is_scheduled(&a.item));

    one_turn(loop);

    EXPECT_STR(traced(), "a b c");
    EXPECT(!eddy_item_is_scheduled(&a.item));
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(an_item_is_scheduled_once)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a");
    eddy_item none = {.run = NULL};

    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), 0);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), EDDY_EMISUSE);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &a.item), EDDY_EMISUSE);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &none), -EINVAL);
    EXPECT_EQ(eddy_loop_call_soon_item(NULL, &none), EDDY_ENOLOOP);

    one_turn(loop);

    EXPECT_STR(traced(), "a");
    eddy_loop_unref(loop);
}

static void again(eddy_item *item)
{
    struct word *w = word_of(item);

    trace("again");
    if (eddy_loop_time(w->loop) == 0 && w->text) {
        w->text = NULL;
        EXPECT_EQ(eddy_loop_call_soon_item(w->loop, item), 0);
    }
}

static void release(eddy_item *item)
{
    trace("freed");
    free(word_of(item));
}

TEST_VIRTUAL(an_item_may_be_scheduled_or_freed_when_it_runs, .ordered = true)
{
    eddy_loop *loop = new_loop();
    struct word twice = word(loop, "twice"), *freed = malloc(sizeof *freed);

    REQUIRE(freed != NULL);
    *freed = word(loop, "freed");
    twice.item.run = again;
    freed->item.run = release;
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &twice.item), 0);
    one_turn(loop);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &freed->item), 0);
    one_turn(loop);

    EXPECT_STR(traced(), "again again freed");
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(a_cancelled_item_neither_runs_nor_is_dropped)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a"), b = word(loop, "b"), last = word(loop, "last");

    eddy_item_cancel(loop, &a.item); /* not scheduled: harmless */
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), 0);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &b.item), 0);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &last.item), 0);
    eddy_item_cancel(loop, &a.item);
    eddy_item_cancel(loop, &last.item);
    EXPECT(!eddy_item_is_scheduled(&a.item));
    one_turn(loop);

    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_STR(traced(), "b");
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(timers_run_at_their_deadlines, .ordered = true)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a"), b = word(loop, "b"), c = word(loop, "c");

    if (eddy_loop_call_at_timer(loop, &a.timer, 20) == 0 &&
        eddy_loop_call_at_timer(loop, &b.timer, 10) == 0 &&
        eddy_loop_call_at_timer(loop, &c.timer, 15) == 0) {
        EXPECT_EQ(eddy_loop_call_at_timer(loop, &c.timer, 1), EDDY_EMISUSE);
        EXPECT(eddy_timer_is_scheduled(&c.timer));
        eddy_timer_cancel(loop, &c.timer);
        EXPECT(!eddy_timer_is_scheduled(&c.timer));
        eddy_loop_call_later(loop, 30, stop, loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
        EXPECT_STR(traced(), "b a");
    }
    EXPECT_EQ(eddy_loop_call_at_timer(loop, &c.timer, (double)NAN), -EINVAL);
    eddy_timer_cancel(loop, &c.timer);
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(closing_hands_back_the_items_and_timers_that_did_not_run)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a"), b = word(loop, "b"), t = word(loop, "t"), silent = a;
    int rc;

    silent.item.dropped = NULL;
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), 0);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &silent.item), 0);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &b.item), 0);
    rc = eddy_loop_call_at_timer(loop, &t.timer, 5);

    EXPECT_EQ(eddy_loop_close(loop), 0);

    EXPECT_IN("drop:a", traced());
    EXPECT_IN("drop:b", traced());
    EXPECT(rc < 0 || strstr(traced(), "drop:t"));
    EXPECT(!eddy_item_is_scheduled(&silent.item) && !eddy_timer_is_scheduled(&t.timer));
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), EDDY_ECLOSED);
    EXPECT_EQ(eddy_loop_call_soon_item_threadsafe(loop, &a.item), EDDY_ECLOSED);
    eddy_loop_unref(loop);
}

static struct word victim;

static void drop_and_cancel(eddy_item *item)
{
    trace("drop:%s", word_of(item)->text);
    eddy_item_cancel(word_of(item)->loop, &victim.item);
}

TEST_VIRTUAL(an_item_that_is_handed_back_may_cancel_another, .ordered = true)
{
    eddy_loop *loop = new_loop();
    struct word a = word(loop, "a");

    a.item.dropped = drop_and_cancel;
    victim = word(loop, "victim");
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &a.item), 0);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &victim.item), 0);

    EXPECT_EQ(eddy_loop_close(loop), 0);

    EXPECT_STR(traced(), "drop:a");
    eddy_loop_unref(loop);
}

/* The end of a turn. */

static struct word flush;

static void write_some(void *arg)
{
    struct word *w = arg;

    trace("write");
    if (!eddy_item_is_scheduled(&flush.item))
        EXPECT_EQ(eddy_loop_call_at_turn_end_item(w->loop, &flush.item), 0);
    eddy_loop_call_soon(w->loop, trace_callback, "next");
}

TEST_VIRTUAL(an_item_at_the_end_of_a_turn_runs_before_the_next_turn, .ordered = true)
{
    eddy_loop *loop = new_loop();

    if (test_tortured())
        SKIP("callbacks are missing");
    flush = word(loop, "flush");
    eddy_loop_call_soon(loop, write_some, &flush);
    eddy_loop_call_soon(loop, write_some, &flush);
    one_turn(loop);
    EXPECT_STR(traced(), "write write flush");
    one_turn(loop);
    EXPECT_STR(traced(), "write write flush next next");
    eddy_loop_unref(loop);
}

static int turns;

static void every_turn(eddy_item *item)
{
    struct word *w = word_of(item);

    trace("hook%d", ++turns);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(w->loop, item), 0);
    if (turns == 3)
        eddy_loop_stop(w->loop);
}

static void once_more(void *arg)
{
    trace("call");
    eddy_loop_call_soon(arg, once_more, arg);
}

TEST_VIRTUAL(an_item_that_schedules_itself_runs_once_in_each_turn, .ordered = true)
{
    eddy_loop *loop = new_loop();
    struct word hook = word(loop, "hook");

    if (test_tortured())
        SKIP("callbacks are missing");
    hook.item.run = every_turn;
    eddy_loop_call_soon(loop, once_more, loop);
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &hook.item), 0);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT_STR(traced(), "hook1 call hook2 call hook3");
    eddy_item_cancel(loop, &hook.item);
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(an_item_at_the_end_of_turns_does_not_keep_the_loop_awake)
{
    eddy_loop *loop = new_loop();
    struct word hook = word(loop, "hook");

    turns = -1000;
    hook.item.run = every_turn;
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &hook.item), 0);

    EXPECT(eddy_loop_run_forever(loop) < 0); /* -EDEADLK: nothing can happen any more */

    EXPECT(turns < -990);
    eddy_item_cancel(loop, &hook.item);
    eddy_loop_unref(loop);
}

/* Two tasks switch to each other in turns that share a poll. */
static eddy_async(yield_and_flush, (eddy_loop *, loop))
{
    for (int i = 0; i < 200; i++)
        eddy_try(eddy_sleep(0));
    trace("write");
    EXPECT_EQ(eddy_loop_call_at_turn_end_item(loop, &flush.item), 0);
    eddy_try(eddy_sleep(0));
    trace("next");
    return 0;
}

TEST_ASYNC_REAL(the_end_of_a_turn_comes_at_once_among_tasks_that_switch, .ordered = true)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *other;

    flush = word(loop, "flush");
    other = eddy_create_task(yield_and_flush(loop));
    for (int i = 0; i < 150; i++)
        eddy_try(eddy_sleep(0));
    eddy_try(eddy_await(other));
    EXPECT_STR(traced(), "write flush next");
    return 0;
}

/* Other threads. */

static void *post(void *arg)
{
    struct word *w = arg;

    EXPECT_EQ(eddy_loop_call_soon_item_threadsafe(w->loop, &w->item), 0);
    return NULL;
}

static void post_elsewhere(struct word *w)
{
    pthread_t t;

    REQUIRE(pthread_create(&t, NULL, post, w) == 0);
    pthread_join(t, NULL);
}

static void post_then_call(void *arg)
{
    struct word *words = arg;

    post_elsewhere(&words[0]);
    eddy_loop_call_soon(words[0].loop, trace_callback, "call");
    post_elsewhere(&words[1]);
    EXPECT_EQ(eddy_loop_call_soon_item(words[0].loop, &words[2].item), 0);
    eddy_loop_call_soon(words[0].loop, stop, words[0].loop);
}

TEST_REAL(posts_of_other_threads_run_before_later_calls, .ordered = true)
{
    eddy_loop *loop = test_real_loop();
    struct word words[] = {word(loop, "post1"), word(loop, "post2"), word(loop, "item")};

    REQUIRE(loop != NULL);
    if (test_tortured())
        SKIP("callbacks are missing");
    eddy_loop_call_soon(loop, post_then_call, words);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "post1 call post2 item");
    eddy_loop_unref(loop);
}

TEST_REAL(posts_of_other_threads_before_a_run_keep_their_place, .ordered = true)
{
    eddy_loop *loop = test_real_loop();
    struct word before = word(loop, "post"), item = word(loop, "item");

    REQUIRE(loop != NULL);
    post_elsewhere(&before);
    EXPECT_EQ(eddy_loop_call_soon_item(loop, &item.item), 0);
    one_turn(loop);
    EXPECT_STR(traced(), "post item");
    eddy_loop_unref(loop);
}

TEST_REAL(an_item_that_a_thread_posted_can_be_cancelled)
{
    eddy_loop *loop = test_real_loop();
    struct word a = word(loop, "a"), b = word(loop, "b");

    REQUIRE(loop != NULL);
    post_elsewhere(&a);
    post_elsewhere(&b);
    EXPECT(eddy_item_is_scheduled(&a.item));
    eddy_item_cancel(loop, &a.item);
    EXPECT(!eddy_item_is_scheduled(&a.item));
    one_turn(loop);
    EXPECT_STR(traced(), "b");
    eddy_loop_unref(loop);
}

enum { POSTS = 2000 };

static struct word flood[POSTS];
static int n_arrived;

static void arrive(eddy_item *item)
{
    if (++n_arrived == POSTS)
        eddy_loop_stop(word_of(item)->loop);
}

static void *post_flood(void *unused)
{
    for (int i = 0; i < POSTS; i++)
        EXPECT_EQ(eddy_loop_call_soon_item_threadsafe(flood[i].loop, &flood[i].item), 0);
    return unused;
}

static void busy(void *loop)
{
    if (n_arrived < POSTS)
        eddy_loop_call_soon(loop, busy, loop);
}

TEST_REAL(a_flood_of_items_from_a_thread_meets_calls_of_the_loops_own)
{
    eddy_loop *loop = test_real_loop();
    pthread_t t;

    REQUIRE(loop != NULL);
    for (int i = 0; i < POSTS; i++) {
        flood[i] = word(loop, "");
        flood[i].item.run = arrive;
    }
    eddy_loop_call_soon(loop, busy, loop);
    REQUIRE(pthread_create(&t, NULL, post_flood, NULL) == 0);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    pthread_join(t, NULL);
    EXPECT_EQ(n_arrived, POSTS);
    eddy_loop_unref(loop);
}
