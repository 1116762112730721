/* Generators in several threads, one after the other, and generators that are freed while they
 * run. */
#include "harness/test.h"

#include "harness/trace.h"

#include <pthread.h>

static eddy_gen(count, (int, from))
{
    for (int i = 0; i < 4; i++)
        eddy_try(eddy_yield((void *)(intptr_t)(from + i), NULL));
    return from;
}

/* Boxes in which threads leave generators that they have begun for others to finish. */
enum { THREADS = 4, BOXES = 16, ROUNDS = 500 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct box {
    eddy_generator *g;
    int from;
} boxes[BOXES];

static struct box exchange(size_t i, struct box mine)
{
    struct box found;

    pthread_mutex_lock(&mutex);
    found = boxes[i];
    boxes[i] = mine;
    pthread_mutex_unlock(&mutex);
    return found;
}

static void go_on(struct box b, int n)
{
    void *value = NULL;

    for (int i = 1; b.g && i < n; i++) {
        EXPECT_EQ(eddy_next(b.g, &value), 1);
        EXPECT_EQ((intptr_t)value, b.from + i);
    }
    if (b.g && n == 4) {
        EXPECT_EQ(eddy_next(b.g, &value), 0);
        EXPECT_EQ(eddy_generator_result(b.g), b.from);
    }
    eddy_generator_free(b.g);
}

static void *begin_and_finish(void *arg)
{
    int rounds = test_tortured() ? 4 : ROUNDS;

    for (int i = 0; i < rounds; i++) {
        struct box mine = {.from = (int)(intptr_t)arg * 100000 + 10 * i};

        mine.g = count(mine.from);
        if (!mine.g || eddy_next(mine.g, NULL) != 1) {
            eddy_generator_free(mine.g);
            continue;
        }
        go_on(exchange((size_t)i % BOXES, mine), i % 4 + 1);
    }
    return NULL;
}

TEST(generators_that_one_thread_has_begun_are_finished_by_another_thread)
{
    pthread_t threads[THREADS];
    size_t n = 0;

    while (n < THREADS &&
           pthread_create(&threads[n], NULL, begin_and_finish, (void *)(intptr_t)n) == 0)
        n++;
    EXPECT_EQ(n, THREADS);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    for (size_t i = 0; i < BOXES; i++)
        go_on(exchange(i, (struct box){NULL, 0}), 4);
}

static void *begin(void *g)
{
    REQUIRE(eddy_next((eddy_generator *)g, NULL) == 1);
    return NULL;
}

static void in_thread(void *(*fn)(void *arg), void *arg)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, fn, arg) == 0);
    pthread_join(thread, NULL);
}

TEST(a_generator_outlives_the_thread_that_has_begun_it)
{
    eddy_generator *g = count(10);
    void *value = NULL;

    REQUIRE(g != NULL);
    in_thread(begin, g);
    EXPECT_EQ(eddy_next(g, &value), 1);
    EXPECT_EQ((intptr_t)value, 11);
    eddy_generator_free(g);
}

static eddy_gen(delegate, (int, from))
{
    eddy_try(eddy_yield_from(count(from)));
    return 0;
}

static void *finish(void *g)
{
    eddy_generator_free((eddy_generator *)g);
    return NULL;
}

TEST(generators_within_generators_go_from_thread_to_thread)
{
    eddy_generator *g = delegate(20);
    void *value = NULL;

    REQUIRE(g != NULL);
    in_thread(begin, g);
    EXPECT_EQ(eddy_next(g, &value), 1);
    EXPECT_EQ((intptr_t)value, 21);
    in_thread(finish, g);
}

static eddy_async(finish_in_task, (eddy_generator *, g))
{
    void *value = NULL;

    EXPECT_EQ(eddy_next(g, &value), 1);
    EXPECT_EQ((intptr_t)value, 31);
    eddy_generator_free(g);
    return 0;
}

TEST(a_generator_begun_outside_in_a_thread_is_finished_in_a_task)
{
    eddy_generator *g = count(30);

    REQUIRE(g != NULL);
    in_thread(begin, g);
    if (test_run(finish_in_task(g)) < 0)
        eddy_generator_free(g); /* it never ran */
}

static eddy_generator *itself;

static eddy_gen(frees_itself, (bool, and_ends))
{
    int local = 7;

    eddy_generator_free(itself);
    eddy_generator_free(itself);
    EXPECT_EQ(local, 7);
    trace("freed");
    if (!and_ends && eddy_yield(&local, NULL) < 0)
        trace("closed");
    return 0;
}

TEST(a_generator_that_frees_itself_goes_when_it_yields)
{
    void *value = "untouched";

    itself = frees_itself(false);
    REQUIRE(itself != NULL);
    REQUIRE(eddy_next(itself, &value) == EDDY_EMISUSE);
    EXPECT_IN("freed while", eddy_exception_message(eddy_error()));
    EXPECT_STR(value, "untouched");
    EXPECT_STR(traced(), "freed closed");
}

TEST(a_generator_that_frees_itself_goes_when_it_ends)
{
    itself = frees_itself(true);
    REQUIRE(itself != NULL);
    REQUIRE(eddy_next(itself, NULL) == EDDY_EMISUSE);
    EXPECT_STR(traced(), "freed");
}

static eddy_gen(frees_itself_when_closed)
{
    int rc = eddy_yield("value", NULL);

    eddy_generator_free(itself);
    trace("freed");
    return rc;
}

TEST(a_generator_that_frees_itself_while_it_is_freed_is_freed_once)
{
    itself = frees_itself_when_closed();
    REQUIRE(itself != NULL);
    REQUIRE(eddy_next(itself, NULL) == 1);
    eddy_generator_free(itself);
    EXPECT_STR(traced(), "freed");
}

TEST(a_generator_that_frees_itself_while_it_is_closed_is_gone)
{
    itself = frees_itself_when_closed();
    REQUIRE(itself != NULL);
    REQUIRE(eddy_next(itself, NULL) == 1);
    EXPECT_EQ(eddy_generator_close(itself), EDDY_EMISUSE);
    EXPECT_STR(traced(), "freed");
}

static eddy_gen(delegate_to_itself)
{
    eddy_try(eddy_yield_from(itself));
    return 0;
}

TEST(a_generator_that_frees_itself_below_another_one_is_freed_once)
{
    eddy_generator *g = delegate_to_itself();

    itself = frees_itself(false);
    REQUIRE(g != NULL && itself != NULL);
    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_next(g, NULL), 0);
    eddy_generator_free(g);
    EXPECT_STR(traced(), "freed");
}

static eddy_async_gen(slow)
{
    int rc = 0;

    while (rc == 0) {
        eddy_try(eddy_sleep(1));
        rc = eddy_yield("value", NULL);
    }
    trace("%s", rc == EDDY_EGENERATOREXIT ? "closed" : "?");
    return rc;
}

static eddy_async(next_of, (eddy_async_generator *, g))
{
    return eddy_anext(g, NULL);
}

TEST_ASYNC(an_asynchronous_generator_that_is_freed_while_a_task_runs_it_goes_when_it_yields)
{
    eddy_async_generator *g = slow();
    eddy_task *t = eddy_create_task(next_of(g));

    REQUIRE(g != NULL && t != NULL);
    EXPECT_EQ(eddy_sleep(0.5), 0);
    eddy_async_generator_free(g);
    EXPECT_EQ(eddy_await(t), EDDY_EMISUSE);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 1.0);
    EXPECT_STR(traced(), "closed");
    return 0;
}

TEST_ASYNC(an_asynchronous_generator_that_is_freed_while_a_task_runs_it_goes_when_that_is_cancelled)
{
    eddy_async_generator *g = slow();
    eddy_task *t = eddy_create_task(next_of(g));

    REQUIRE(g != NULL && t != NULL);
    EXPECT_EQ(eddy_sleep(0.5), 0);
    eddy_async_generator_free(g);
    eddy_task_cancel(t, NULL);
    EXPECT(eddy_await(t) < 0);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 0.5);
    return 0;
}

static eddy_async_generator *shared;

static eddy_async(begin_shared)
{
    REQUIRE(eddy_anext(shared, NULL) == 1);
    return 0;
}

static eddy_async(use_foreign)
{
    EXPECT_EQ(eddy_anext(shared, NULL), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_asend(shared, NULL, NULL), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_athrow(shared, NULL, -EIO, NULL), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_aclose(shared), EDDY_EOTHERLOOP);
    return 0;
}

TEST_VIRTUAL(an_asynchronous_generator_stays_with_the_loop_in_which_it_has_begun)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    shared = slow();
    REQUIRE(shared != NULL);
    REQUIRE(eddy_loop_run_until_complete(loop, begin_shared()) == 0);
    test_run(use_foreign());
    eddy_async_generator_free(shared);
    eddy_loop_close(loop);
    eddy_loop_unref(loop);
}

static void *use_in_thread(void *unused)
{
    (void)unused;
    test_run(use_foreign());
    eddy_async_generator_free(shared);
    return NULL;
}

static eddy_async(share_with_a_thread)
{
    shared = slow();
    REQUIRE(shared != NULL);
    REQUIRE(eddy_anext(shared, NULL) == 1);
    in_thread(use_in_thread, NULL);
    EXPECT_EQ(eddy_anext(shared, NULL), 1);
    eddy_async_generator_free(shared);
    return 0;
}

TEST_VIRTUAL(an_asynchronous_generator_is_not_freed_in_another_thread_than_that_of_its_running_loop)
{
    test_run(share_with_a_thread());
}

static eddy_gen(yield_within_a_timeout)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 10);
    eddy_try(eddy_yield("value", NULL));
    return eddy_timeout_exit(&tm, 0);
}

static eddy_async(leave_timeout_to_a_thread)
{
    eddy_generator *g = yield_within_a_timeout();

    EXPECT_EQ(eddy_next(g, NULL), 1);
    in_thread(finish, g);
    return 0;
}

static void run_child(void *unused)
{
    (void)unused;
    test_run(leave_timeout_to_a_thread());
}

TEST(a_timeout_in_a_generator_that_another_thread_ends_ends_the_process_with_a_message)
{
    char output[1000];
    int status = test_in_child(run_child, NULL, output, sizeof output);

    if (test_tortured())
        return;
    EXPECT(status != 0);
    EXPECT_IN("ended in another thread than that of the loop", output);
}
