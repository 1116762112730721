#include "harness/test.h"

#include "base/assert.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/refs.h"
#include "task/future.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Expects that fn(NULL) aborts, and that the one line it leaves has each of the two texts. */
static void expect_abort(void (*fn)(void *arg), const char *place, const char *condition)
{
    char output[1000];
    int status = test_in_child(fn, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_IN("eddy: ", output);
    EXPECT_IN(place, output);
    EXPECT_IN(condition, output);
    EXPECT(strchr(output, '\n') == output + strlen(output) - 1);
}

static void break_one(void *arg)
{
    int n = arg ? 2 : 1;

    EDDYI_ASSERT(n == 2 && "there are two");
}

TEST_VIRTUAL(the_tests_library_checks_its_invariants)
{
    expect_abort(break_one, "base/assert_test.c:", "broken invariant: n == 2 && \"there are two\"");
}

/* The header as programs get it. */
#pragma push_macro("EDDY_FAULTS")
#undef EDDY_FAULTS
#undef EDDYI_ASSERT
#undef EDDYI_ASSERT_ALWAYS
#undef EDDYI_ASSERT_H
#include "base/assert.h"
#pragma pop_macro("EDDY_FAULTS")

static int n_evaluated;

static bool evaluated(void)
{
    n_evaluated++;
    return false;
}

static void break_one_of_a_release(void *arg)
{
    EDDYI_ASSERT_ALWAYS(arg != NULL);
}

TEST_VIRTUAL(a_release_checks_what_would_corrupt_memory)
{
    expect_abort(break_one_of_a_release, "base/assert_test.c:", "broken invariant: arg != ");
}

TEST_VIRTUAL(a_release_does_not_evaluate_what_is_for_tests)
{
    EDDYI_ASSERT(evaluated());
    EXPECT_EQ(n_evaluated, 0);
}

static void remove_twice(void *arg)
{
    struct eddyi_list head, l, copy;

    (void)arg;
    eddyi_list_init(&head);
    eddyi_list_append(&head, &l);
    copy = l;
    eddyi_list_remove(&l);
    eddyi_list_remove(&copy);
}

TEST_VIRTUAL(an_element_leaves_its_list_once)
{
    expect_abort(remove_twice, "src/base/list.h:", "next->prev == l");
}

static void insert_twice(void *arg)
{
    struct eddyi_heap heap = {0};
    struct eddyi_heap_node node = {.place = 0};

    (void)arg;
    if (eddyi_heap_insert(&heap, &node, 1) == 0)
        eddyi_heap_insert(&heap, &node, 2);
}

TEST_VIRTUAL(a_timer_is_in_one_heap_once)
{
    expect_abort(insert_twice, "src/base/heap.c:", "node->place == 0");
}

static void remove_from_another_heap(void *arg)
{
    struct eddyi_heap one = {0}, other = {0};
    struct eddyi_heap_node node = {.place = 0}, its = {.place = 0};

    (void)arg;
    if (eddyi_heap_insert(&one, &node, 1) == 0 && eddyi_heap_insert(&other, &its, 1) == 0)
        eddyi_heap_remove(&other, &node);
}

TEST_VIRTUAL(a_timer_leaves_the_heap_it_is_in)
{
    expect_abort(remove_from_another_heap, "src/base/heap.c:", "i > 0");
}

static void drop_too_often(void *arg)
{
    unsigned refs = 1;

    (void)arg;
    eddyi_refs_drop(&refs);
    eddyi_refs_drop(&refs);
}

static void drop_shared_too_often(void *arg)
{
    atomic_uint refs = 1;

    (void)arg;
    eddyi_refs_drop_shared(&refs);
    eddyi_refs_drop_shared(&refs);
}

TEST_VIRTUAL(no_reference_is_dropped_twice)
{
    expect_abort(drop_too_often, "src/base/refs.h:", "*refs > 0");
    expect_abort(drop_shared_too_often, "src/base/refs.h:", "before > 0");
}

static int finish_twice(void *arg)
{
    eddy_future *f = eddy_create_future();

    (void)arg;
    if (!f)
        return -ENOMEM;
    eddyi_future_finish(f, 1, NULL, NULL);
    eddyi_future_finish(f, 2, NULL, NULL);
    return 0;
}

static void run_finish_twice(void *arg)
{
    (void)arg;
    (void)test_run(eddy_coro(finish_twice, NULL));
}

TEST_VIRTUAL(a_future_ends_once)
{
    if (test_tortured())
        SKIP("without memory nothing ends");
    expect_abort(run_finish_twice, "src/task/future.c:", "f->state == EDDYI_PENDING");
}
