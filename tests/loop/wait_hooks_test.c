/* The program's functions around each wait that may block. */
#include "harness/test.h"

#include "harness/trace.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static struct {
    atomic_int inside; /* 1 between before() and after() */
    int pairs;
    int wrong; /* a callback ran in between, or a call came out of order */
} hooks;

static void before(void *arg)
{
    EXPECT(arg == &hooks);
    if (atomic_exchange(&hooks.inside, 1) != 0)
        hooks.wrong++;
}

static void after(void *arg)
{
    EXPECT(arg == &hooks);
    if (atomic_exchange(&hooks.inside, 0) != 1)
        hooks.wrong++;
    hooks.pairs++;
}

static eddy_loop *new_loop(void)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_set_wait_hooks(loop, before, after, &hooks), 0);
    return loop;
}

static void stop(void *loop)
{
    hooks.wrong += hooks.inside;
    eddy_loop_stop(loop);
}

TEST_REAL(a_sleep_is_enclosed_by_the_wait_hooks)
{
    eddy_loop *loop = new_loop();

    /* On a busy machine a short time has passed before the loop comes to wait for it. */
    for (double delay = 0.001; hooks.pairs == 0 && delay < 5; delay *= 4)
        if (eddy_loop_call_later(loop, delay, stop, loop).slot)
            EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT(hooks.pairs > 0 || test_tortured());
    EXPECT_EQ(hooks.wrong, 0);
    eddy_loop_unref(loop);
    EXPECT_EQ(hooks.inside, 0);
}

static void count_down(void *arg)
{
    static int left = 500;

    hooks.wrong += hooks.inside;
    if (--left > 0 && eddy_loop_call_soon(arg, count_down, arg).slot)
        return;
    eddy_loop_stop(arg);
}

TEST_REAL(polls_that_do_not_block_are_not_enclosed)
{
    eddy_loop *loop = new_loop();

    if (eddy_loop_call_soon(loop, count_down, loop).slot)
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT_EQ(hooks.pairs, 0);
    eddy_loop_unref(loop);
}

/* Posts while it holds a lock that the loop's thread holds too, except while it waits. */
static pthread_mutex_t interpreter = PTHREAD_MUTEX_INITIALIZER;

static void give_up(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&interpreter);
}

static void take(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&interpreter);
}

enum { ROUNDS = 200 };

static struct {
    eddy_loop *loop;
    pthread_cond_t answered;
    int asked, replies;
} talk = {.answered = PTHREAD_COND_INITIALIZER};

static void answer(eddy_item *unused)
{
    (void)unused;
    talk.replies++;
    pthread_cond_signal(&talk.answered);
    if (talk.replies == ROUNDS)
        eddy_loop_stop(talk.loop);
}

static void *ask(void *unused)
{
    static eddy_item items[ROUNDS];

    pthread_mutex_lock(&interpreter);
    for (int i = 0; i < ROUNDS; i++) {
        items[i].run = answer;
        EXPECT_EQ(eddy_loop_call_soon_item_threadsafe(talk.loop, &items[i]), 0);
        while (talk.replies <= i)
            pthread_cond_wait(&talk.answered, &interpreter);
    }
    pthread_mutex_unlock(&interpreter);
    return unused;
}

TEST_REAL(a_thread_that_needs_the_lock_of_the_loops_thread_gets_it_in_each_wait)
{
    eddy_loop *loop = talk.loop = test_real_loop();
    pthread_t t;

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_set_wait_hooks(loop, give_up, take, NULL), 0);
    pthread_mutex_lock(&interpreter);
    REQUIRE(pthread_create(&t, NULL, ask, NULL) == 0);

    EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT_EQ(talk.replies, ROUNDS);
    talk.replies = ROUNDS; /* the thread waits for no more of them, if the run has failed */
    pthread_cond_signal(&talk.answered);
    pthread_mutex_unlock(&interpreter);
    pthread_join(t, NULL);
    pthread_mutex_lock(&interpreter); /* the hooks enclose the waits of closing, too */
    eddy_loop_unref(loop);
    pthread_mutex_unlock(&interpreter);
}

static eddy_async(open_file, (const char *, path))
{
    return eddy_file_open(path, 0, 0) < 0 ? 0 : -EINVAL;
}

TEST_REAL(waits_for_files_at_the_end_of_a_run_are_enclosed)
{
    eddy_loop *loop = new_loop();

    EXPECT_EQ(eddy_loop_run_until_complete(loop, open_file("/nonexistent/file")), 0);
    EXPECT_EQ(hooks.wrong, 0);
    eddy_loop_unref(loop);
    EXPECT_EQ(hooks.inside, 0);
}

TEST_REAL(wait_hooks_come_in_pairs_and_can_be_removed)
{
    eddy_loop *loop = new_loop();

    EXPECT_EQ(eddy_loop_set_wait_hooks(loop, before, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_loop_set_wait_hooks(loop, NULL, NULL, NULL), 0);
    if (eddy_loop_call_later(loop, 0.001, stop, loop).slot)
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_EQ(hooks.pairs, 0);
    eddy_loop_close(loop);
    EXPECT_EQ(eddy_loop_set_wait_hooks(loop, before, after, &hooks), EDDY_ECLOSED);
    eddy_loop_unref(loop);
}

/* The size of a loop, and the option without a fault handler. */

static void nothing(void *unused)
{
    (void)unused;
}

TEST_VIRTUAL(the_size_of_a_loop_grows_with_its_callbacks)
{
    eddy_loop *loop = test_virtual_loop();
    size_t size;

    REQUIRE(loop != NULL);
    size = eddy_loop_size(loop);
    EXPECT(size > 100);
    for (int i = 0; i < 1000; i++)
        eddy_loop_call_later(loop, 1, nothing, NULL);
    EXPECT(eddy_loop_size(loop) > size + 1000 * sizeof(void *) || test_tortured());
    eddy_loop_unref(loop);
}

static void look_at_stack(void *arg)
{
    stack_t now;

    EXPECT_EQ(sigaltstack(NULL, &now), 0);
    *(bool *)arg = now.ss_flags & SS_DISABLE;
}

static eddy_async(finish, (int, status))
{
    return status;
}

static bool is_default(int signo)
{
    struct sigaction now;

    EXPECT_EQ(sigaction(signo, NULL, &now), 0);
    return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

TEST_REAL(a_loop_without_a_fault_handler_installs_none)
{
    eddy_loop *loop = eddy_loop_new(&(eddy_loop_options){.no_fault_handler = true});
    bool disabled = false, disabled_before = false, before_segv = is_default(SIGSEGV);

    REQUIRE(loop != NULL);
    look_at_stack(&disabled_before); /* AddressSanitizer has one of its own */
    if (eddy_loop_call_soon(loop, look_at_stack, &disabled).slot)
        EXPECT_EQ(eddy_loop_run_until_complete(loop, finish(0)), 0);
    EXPECT(disabled == disabled_before || test_tortured());
    EXPECT_EQ(is_default(SIGSEGV), before_segv);
    eddy_loop_unref(loop);
}
