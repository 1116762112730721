/*
 * Tests that fail, each in its own way, and some that pass: harness_test.c reads the output.
 */
#include "harness/test.h"

#include "base/sys.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(passes)
{
    puts("output of a test that passes is not shown");
}

TEST(expects_equal_numbers)
{
    int three = 3;

    EXPECT_EQ(three, 4L);
    puts("goes on");
}

TEST(expects_equal_texts)
{
    EXPECT_STR("hello", "world");
}

TEST(compares_numbers_by_value)
{
    EXPECT_EQ(1, 1.0);
    EXPECT_EQ((char)1, (unsigned long long)1);
    EXPECT_NE(-1, (unsigned)-1);
    EXPECT_NE(-1LL, (unsigned long long)-1);
    EXPECT_EQ("same", (const void *)"same" ? 0 : 0); /* a pointer is no number */
}

TEST(requires_something)
{
    REQUIRE(1 > 2);
    puts("never gets here");
}

TEST(skips)
{
    SKIP("there is no %s here", "moon");
}

TEST(crashes)
{
    raise(SIGSEGV);
}

TEST(exits)
{
    _exit(3);
}

TEST(hangs)
{
    for (;;)
        pause();
}

TEST(leaves_a_descriptor)
{
    EXPECT(pipe((int[2]){0, 0}) == 0);
}

TEST(closes_a_descriptor_of_others)
{
    close(0);
}

TEST(leaves_memory)
{
    static void *kept;

    kept = eddyi_alloc(10);
    EXPECT(kept != NULL);
}

static void *wait_for_ever(void *arg)
{
    for (;;)
        pause();
    return arg;
}

TEST(leaves_a_thread)
{
    pthread_t t;

    EXPECT_EQ(pthread_create(&t, NULL, wait_for_ever, NULL), 0);
}

TEST(leaves_a_child_process)
{
    if (fork() == 0)
        wait_for_ever(NULL);
}

TEST_ASYNC(ends_with_an_error)
{
    return eddy_raise(-EIO, "the disk is %s", "full");
}

TEST_ASYNC(fails_deep_inside_and_goes_on)
{
    eddy_try(eddy_sleep(3600));
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 7200);
    return 0;
}

TEST_ASYNC(waits_for_what_never_comes)
{
    return eddy_await(eddy_create_future());
}

TEST_ASYNC_REAL(skips_within_a_coroutine)
{
    SKIP("it is %s", eddy_loop_backend_name(eddy_get_running_loop()));
}

/* Under torture. */

TEST(survives_every_fault)
{
    char *a = eddyi_alloc(10), *b = eddyi_alloc(10);

    EXPECT(a && b);
    eddyi_free(a);
    eddyi_free(b);
}

TEST(allocates_in_a_loop)
{
    for (int i = 0; i < 50; i++)
        eddyi_free(eddyi_alloc(10));
}

TEST(crashes_when_the_second_allocation_fails)
{
    char *a = eddyi_alloc(10), *b = eddyi_alloc(10);

    *(volatile char *)b = 1;
    eddyi_free(a);
    eddyi_free(b);
}

TEST(leaks_when_the_second_allocation_fails)
{
    static char *a, *b;

    a = eddyi_alloc(10);
    b = eddyi_alloc(10);
    if (!b)
        return;
    eddyi_free(a);
    eddyi_free(b);
}

TEST(tries_for_ever)
{
    void *p;

    while ((p = eddyi_alloc(10)) == NULL)
        ;
    eddyi_free(p);
}

TEST(needs_its_allocation)
{
    void *p = eddyi_alloc(10);

    REQUIRE(p != NULL);
    memset(p, 0, 10);
    eddyi_free(p);
}

TEST_ASYNC_REAL(waits_in_vain_when_an_allocation_fails)
{
    eddy_future *told = eddy_create_future();
    void *news = eddyi_alloc(10);

    if (told && news)
        eddy_future_set_result(told, 0);
    eddyi_free(news);
    return eddy_await(told);
}
