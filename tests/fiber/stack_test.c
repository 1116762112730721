#include "harness/test.h"

#include "base/sys.h"
#include "fiber/stack.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

#define SECOND ((int64_t)1000000000)

static struct eddyi_stack_pool *open_pool(size_t object_size)
{
    struct eddyi_stack_pool *pool = NULL;

    eddyi_stack_pool_new(object_size, &pool);
    REQUIRE(pool != NULL);
    return pool;
}

static struct eddyi_stack *take(struct eddyi_stack_pool *pool, size_t size)
{
    struct eddyi_stack *s = NULL;

    eddyi_stack_take(pool, size, &s);
    REQUIRE(s != NULL);
    return s;
}

static void take_many(struct eddyi_stack_pool *pool, size_t size, struct eddyi_stack **stacks,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        stacks[i] = take(pool, size);
}

static void give_many(struct eddyi_stack **stacks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        eddyi_stack_give(stacks[i]);
}

/* Returns whether the page at @p is mapped and has memory. */
static bool resident(const void *p)
{
    uintptr_t page = (uintptr_t)p & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    unsigned char in_core = 0;

    return mincore((void *)page, 1, &in_core) == 0 && (in_core & 1);
}

static void write_byte(void *p)
{
    signal(SIGSEGV, SIG_DFL);
    *(volatile char *)p = 1;
}

/* Returns whether a write to @p, tried in a child process, is a segmentation fault. */
static bool faults(void *p)
{
    char output[256];
    int status = test_in_child(write_byte, p, output, sizeof(output));

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST(the_stack_used_last_is_taken_first)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *a = take(pool, 0), *b = take(pool, 0);

    EXPECT(a != b);
    eddyi_stack_give(a);
    eddyi_stack_give(b);
    EXPECT(take(pool, 0) == b);
    EXPECT(take(pool, 0) == a);

    eddyi_stack_give(a);
    eddyi_stack_give(b);
    eddyi_stack_pool_close(pool);
}

TEST(a_million_times_the_same_stack_and_no_system_call)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *first = take(pool, 0);
    int changes = 0;

    eddyi_stack_give(first);
    eddyi_fault_only("mmap", ENOMEM);
    eddyi_fault_only("madvise", ENOMEM);
    for (int i = 0; i < 1000000 / test_slowness(); i++) {
        struct eddyi_stack *s = take(pool, 0);

        changes += s != first;
        eddyi_stack_give(s);
    }
    EXPECT_EQ(changes, 0);
    EXPECT_EQ(eddyi_fault_hits(), 0);

    eddyi_stack_pool_close(pool);
}

TEST(sizes_are_rounded_up_to_a_power_of_two)
{
    static const struct {
        size_t asked, given;
    } sizes[] = {
        {0, 256 * 1024},
        {1, 16 * 1024},
        {16 * 1024, 16 * 1024},
        {16 * 1024 + 1, 32 * 1024},
        {64 * 1024, 64 * 1024},
        {1024 * 1024 - 1, 1024 * 1024},
        {200 * 1024 * 1024, 256 * 1024 * 1024},
        {256 * 1024 * 1024, 256 * 1024 * 1024},
    };
    struct eddyi_stack_pool *pool = open_pool(400);

    if (sysconf(_SC_PAGESIZE) != 4096)
        SKIP("the smallest class depends on the size of a page");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct eddyi_stack *s = take(pool, sizes[i].asked);

        EXPECT_EQ(s->size, sizes[i].given);
        EXPECT((size_t)((char *)s->object - s->limit) >= sizes[i].given / 2);
        memset(s->limit, 1, 1);
        memset((char *)s->object - 1, 1, 1);
        eddyi_stack_give(s);
    }
    eddyi_stack_pool_close(pool);
}

TEST(a_stack_above_the_limit_is_refused)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *s;

    EXPECT_EQ(eddyi_stack_take(pool, EDDYI_STACK_MAX + 1, &s), -EINVAL);
    EXPECT_EQ(eddyi_stack_take(pool, SIZE_MAX, &s), -EINVAL);

    eddyi_stack_pool_close(pool);
}

TEST(the_object_and_the_first_frames_share_the_top_page)
{
    enum { OBJECT = 440, FRAMES = 2048, N = 200 };
    struct eddyi_stack_pool *pool = open_pool(OBJECT);
    struct eddyi_stack *stacks[N];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    bool staggered = false;

    take_many(pool, 0, stacks, N);
    for (int i = 0; i < N; i++) {
        uintptr_t object = (uintptr_t)stacks[i]->object;

        EXPECT_EQ(object % 64, 0);
        EXPECT_EQ((object - FRAMES) / page, (object + OBJECT - 1) / page);
        EXPECT_EQ((object - FRAMES) / page, (uintptr_t)stacks[i] / page);
        staggered |= object % page != (uintptr_t)stacks[0]->object % page;
    }
    EXPECT(staggered);

    give_many(stacks, N);
    eddyi_stack_pool_close(pool);
}

TEST(stacks_do_not_overlap)
{
    enum { N = 130 };
    struct eddyi_stack_pool *pool = open_pool(440);
    struct eddyi_stack *stacks[N];

    take_many(pool, 16 * 1024, stacks, N);
    for (int i = 0; i < N; i++) {
        memset(stacks[i]->limit, i, (size_t)((char *)stacks[i]->object - stacks[i]->limit));
        memset(stacks[i]->object, i, 440);
    }
    for (int i = 0; i < N; i++) {
        unsigned char *p = (unsigned char *)stacks[i]->limit,
                      *end = (unsigned char *)stacks[i]->object + 440;
        int wrong = 0;

        for (; p < end; p++)
            wrong += *p != (unsigned char)i;
        EXPECT_EQ(wrong, 0);
    }
    give_many(stacks, N);
    eddyi_stack_pool_close(pool);
}

/* Both ends of the guard fault, the byte above it does not. */
static void expect_guard(const struct eddyi_stack *s)
{
    EXPECT(s->guard < s->limit);
    EXPECT(faults(s->guard));
    EXPECT(faults(s->limit - 1));
    EXPECT(!faults(s->limit));
    EXPECT(eddyi_stack_guards(s, s->guard));
    EXPECT(eddyi_stack_guards(s, s->limit - 1));
    EXPECT(!eddyi_stack_guards(s, s->limit));
    EXPECT(!eddyi_stack_guards(s, s->object));
}

TEST(below_a_stack_is_a_guard)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *a = take(pool, 16 * 1024), *b = take(pool, 0);

    if (!test_tortured()) {
        expect_guard(a);
        expect_guard(b);
        EXPECT_EQ(a->limit - a->guard, 64 * 1024);
        EXPECT_EQ(b->limit - b->guard, 64 * 1024);
    }
    eddyi_stack_give(a);
    eddyi_stack_give(b);
    eddyi_stack_pool_close(pool);
}

TEST(a_fault_among_the_stacks_below_is_an_overflow_that_jumped_over_the_guard)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *below = take(pool, 0), *s = take(pool, 0);

    EXPECT(eddyi_stack_guards(s, below->guard));
    EXPECT(!eddyi_stack_guards(below, s->guard));
    EXPECT(!eddyi_stack_guards(below, below->guard - 1));
    eddyi_stack_give(s);
    eddyi_stack_give(below);
    eddyi_stack_pool_close(pool);
}

TEST(older_kernels_get_guards_by_mprotect)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *a, *b;

    eddyi_fault_only("guard_install", EINVAL);
    a = take(pool, 0);
    b = take(pool, 0);
    EXPECT_EQ(eddyi_fault_hits(), 1); /* it need not be asked twice */
    if (!test_tortured()) {
        expect_guard(a);
        expect_guard(b);
    }
    eddyi_stack_give(a);
    eddyi_stack_give(b);
    eddyi_stack_pool_close(pool);
}

static int occurrences(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

static void take_unguarded(void *arg)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *stacks[3];

    eddyi_fault_only("guard_install", EINVAL);
    eddyi_fault_only("mprotect", ENOMEM);
    take_many(pool, 0, stacks, 3);
    for (int i = 0; i < 3; i++) {
        if (stacks[i]->guard != stacks[i]->limit || eddyi_stack_guards(stacks[i], stacks[i]->limit))
            _exit(1);
        *(volatile char *)stacks[i]->limit = 1;
    }
    give_many(stacks, 3);
    eddyi_stack_pool_close(pool);
}

TEST(without_any_guard_the_stack_works_and_that_is_said_once)
{
    char output[4096];
    int status = test_in_child(take_unguarded, NULL, output, sizeof(output));

    EXPECT_EQ(status, 0);
    EXPECT_EQ(occurrences(output, "have no guard pages"), 1);
}

/* Takes more stacks than may have a guard of their own mapping. Exits with 0 if 30000 of them had
 * one. */
static void exhaust_protection(void *arg)
{
    enum { N = 30500 };
    static struct eddyi_stack *stacks[N];
    struct eddyi_stack_pool *pool = open_pool(400);
    int guarded = 0;

    eddyi_fault_only("guard_install", EINVAL);
    take_many(pool, 16 * 1024, stacks, N);
    for (int i = 0; i < N; i++)
        guarded += stacks[i]->guard < stacks[i]->limit;
    give_many(stacks, N);
    eddyi_stack_pool_close(pool);
    /* They are gone with the pool, so that another one can have them. */
    pool = open_pool(400);
    stacks[0] = take(pool, 0);
    _exit(guarded == 30000 && stacks[0]->guard < stacks[0]->limit ? 0 : 1);
}

TEST(guards_by_mprotect_leave_room_among_the_mappings_of_the_process)
{
    char output[4096];
    int status;

    if (RUNNING_ON_VALGRIND || test_tortured())
        SKIP("too many mappings for valgrind, and too many calls to let each fail");
    status = test_in_child(exhaust_protection, NULL, output, sizeof(output));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(occurrences(output, "have no guard pages"), 1);
}

/* Returns whether the kernel makes guards without mprotect. */
static bool kernel_installs_guards(void)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *s;
    bool guarded;

    eddyi_fault_only("mprotect", ENOMEM);
    s = take(pool, 0);
    eddyi_fault_clear();
    guarded = s->guard < s->limit;
    eddyi_stack_give(s);
    eddyi_stack_pool_close(pool);
    return guarded;
}

TEST(more_guarded_stacks_at_once_than_mappings_would_allow)
{
    enum { N = 40000 }; /* at vm.max_map_count, 65530, guards made with mprotect end at 32753 */
    static struct eddyi_stack *stacks[N];
    size_t n = (size_t)(N / (test_slowness() * test_slowness())), unguarded = 0;
    struct eddyi_stack_pool *pool;

    if (test_tortured())
        SKIP("too many calls to let each fail");
    if (!kernel_installs_guards())
        SKIP("this kernel has no MADV_GUARD_INSTALL");
    pool = open_pool(400);
    take_many(pool, 0, stacks, n);
    for (size_t i = 0; i < n; i++)
        unguarded += stacks[i]->guard == stacks[i]->limit;
    EXPECT_EQ(unguarded, 0);
    EXPECT(faults(stacks[n - 1]->guard));

    give_many(stacks, n);
    eddyi_stack_pool_close(pool);
}

TEST(out_of_memory_is_an_error_and_the_pool_works_on)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *s;

    eddyi_fault_nth("mmap", 1, ENOMEM);
    EXPECT_EQ(eddyi_stack_take(pool, 0, &s), -ENOMEM);
    eddyi_fault_nth("mmap", 2, ENOMEM); /* the first is for the description of the slab */
    EXPECT_EQ(eddyi_stack_take(pool, 0, &s), -ENOMEM);

    eddyi_stack_give(take(pool, 0));
    eddyi_stack_pool_close(pool);
}

TEST(a_pool_without_memory_is_not_made)
{
    struct eddyi_stack_pool *pool;

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddyi_stack_pool_new(400, &pool), -ENOMEM);
    eddyi_stack_pool_close(NULL);
}

TEST(a_closed_pool_keeps_its_memory_until_the_last_stack_is_back)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *a = take(pool, 0), *b = take(pool, 0);
    char *object = b->object;

    eddyi_stack_pool_close(pool);
    eddyi_stack_give(a);
    memset(object, 1, 400);
    EXPECT(resident(object));

    eddyi_stack_give(b);
    EXPECT(!resident(object));
}

enum { BURST = 300, KEPT = 64 };

static int count_resident(struct eddyi_stack **stacks, char **tops, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        count += resident(tops[i]);
    return count;
}

static void note_tops(struct eddyi_stack **stacks, char **tops, int n)
{
    for (int i = 0; i < n; i++)
        tops[i] = stacks[i]->object;
}

/* Until there is nothing more to do at that time. */
static void tidy(struct eddyi_stack_pool *pool, int64_t now)
{
    while (eddyi_stack_pool_tidy(pool, now)) {
    }
}

TEST(memory_that_was_not_needed_for_seconds_goes_back_to_the_kernel)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *stacks[BURST];
    char *tops[BURST];
    int64_t now = eddyi_sys_now();

    take_many(pool, 0, stacks, BURST);
    note_tops(stacks, tops, BURST);
    tidy(pool, now += 10 * SECOND);
    give_many(stacks, BURST);
    tidy(pool, now += 10 * SECOND);
    EXPECT_EQ(count_resident(stacks, tops, BURST), BURST); /* they were needed in the time before */
    tidy(pool, now += 4 * SECOND);
    EXPECT_EQ(count_resident(stacks, tops, BURST), BURST);

    tidy(pool, now += 2 * SECOND);
    if (!test_tortured())
        EXPECT_EQ(count_resident(stacks, tops, BURST), KEPT);
    for (int i = BURST - KEPT; i < BURST; i++)
        EXPECT(resident(tops[i])); /* those that were used last */

    eddyi_stack_pool_close(pool);
}

TEST(stacks_in_use_and_stacks_used_since_stay_as_they_are)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *stacks[BURST], *again[BURST];
    char *tops[BURST];
    int64_t now = eddyi_sys_now();

    take_many(pool, 0, stacks, BURST);
    note_tops(stacks, tops, BURST);
    for (int i = 0; i < BURST; i++)
        memset(stacks[i]->object, 0x5a, 400);
    /* Every third is used on; all the others once in each period. */
    for (int i = 0; i < BURST; i++) {
        if (i % 3 != 0)
            eddyi_stack_give(stacks[i]);
    }
    for (int period = 0; period < 4; period++) {
        take_many(pool, 0, again, BURST - BURST / 3);
        give_many(again, BURST - BURST / 3);
        tidy(pool, now += 10 * SECOND);
    }
    EXPECT_EQ(count_resident(stacks, tops, BURST), BURST);

    /* Now the others are not used any more. */
    tidy(pool, now += 10 * SECOND);
    tidy(pool, now += 10 * SECOND);
    if (!test_tortured())
        EXPECT_EQ(count_resident(stacks, tops, BURST), BURST / 3 + KEPT);
    for (int i = 0; i < BURST; i += 3) {
        char expected[400];

        memset(expected, 0x5a, sizeof(expected));
        EXPECT(memcmp(tops[i], expected, sizeof(expected)) == 0);
        eddyi_stack_give(stacks[i]);
    }
    eddyi_stack_pool_close(pool);
}

TEST(a_stack_that_went_back_to_the_kernel_serves_again_with_its_guard)
{
    struct eddyi_stack_pool *pool = open_pool(400);
    struct eddyi_stack *stacks[BURST];
    int64_t now = eddyi_sys_now();

    take_many(pool, 0, stacks, BURST);
    /* One stays, so that its slab does. */
    give_many(stacks + 1, BURST - 1);
    for (int i = 0; i < 3; i++)
        tidy(pool, now += 10 * SECOND);

    take_many(pool, 0, stacks + 1, BURST - 1);
    for (int i = 1; i < BURST; i++) {
        EXPECT(stacks[i]->guard < stacks[i]->limit || test_tortured());
        memset(stacks[i]->object, 1, 400);
    }
    if (!test_tortured()) {
        expect_guard(stacks[KEPT + 1]);
        expect_guard(stacks[BURST - 1]);
    }
    give_many(stacks, BURST);
    eddyi_stack_pool_close(pool);
}

TEST(a_stack_that_shrinks_gives_back_what_is_below_the_frame_and_keeps_the_rest)
{
    struct eddyi_stack_pool *pool = open_pool(64);
    struct eddyi_stack *s = take(pool, 0);
    char *deep = s->limit + 32768, *frame = (char *)s->object - 64, elsewhere;

    *deep = 'd';
    *frame = 'f';
    eddyi_stack_shrink(s, &elsewhere);
    EXPECT_EQ(*deep, 'd');
    eddyi_stack_shrink(s, deep);
    EXPECT_EQ(*deep, 'd');
    eddyi_stack_shrink(s, frame);
    EXPECT_EQ(*deep, 0);
    EXPECT_EQ(*frame, 'f');
    eddyi_stack_give(s);
    eddyi_stack_pool_close(pool);
}
