/*
 * When a task has a stack: from its first step to its end.
 */
#include "harness/test.h"

#include "task/task.h"

#include <string.h>

/* Stacks of this size lie in a mapping of their own each. */
enum { ONE_PER_MAPPING = 32 << 20, MANY = 1500 };

static eddy_async(note_frame, (char **, ret_frame))
{
    *ret_frame = __builtin_frame_address(0);
    return 0;
}

TEST_ASYNC(tasks_that_do_not_suspend_leave_their_stack_to_the_next)
{
    enum { N = 50 };
    eddy_awaitable *tasks[N];
    char *frames[N] = {NULL};
    size_t n_stacks = 1;

    for (size_t i = 0; i < N; i++)
        tasks[i] = EDDY_AWAITABLE(eddy_create_task(note_frame(&frames[i])));
    EXPECT_EQ(eddy_await(eddy_gather_list(tasks, N, false)), 0);

    for (size_t i = 0; i < N; i++) {
        size_t same = 0;

        while (frames[same] != frames[i])
            same++;
        n_stacks = same == i && i > 0 ? n_stacks + 1 : n_stacks;
    }
    EXPECT(n_stacks <= 2); /* sanitizers and valgrind want two in turn */
    return 0;
}

static eddy_async(nothing)
{
    return 0;
}

TEST_ASYNC(a_task_has_a_stack_only_while_it_runs_or_is_suspended, .ordered = true)
{
    eddy_task *t = eddy_create_task(eddy_sleep_coro(1, 0, NULL));

    REQUIRE(t != NULL);
    EXPECT(t->stack == NULL);
    eddy_sleep(0);
    EXPECT(t->stack != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 0);
    EXPECT(t->stack == NULL);
    eddy_unref(t);
    return 0;
}

static eddy_async(note_run, (bool *, ran))
{
    *ran = true;
    return 0;
}

TEST_ASYNC(a_task_whose_first_step_finds_no_stack_fails_and_does_not_run, .ordered = true)
{
    bool ran = false;
    eddy_task *parked =
        eddy_create_task(eddy_sleep_coro(1, 0, NULL), .stack_size = ONE_PER_MAPPING);
    eddy_task *hungry = eddy_create_task(note_run(&ran), .stack_size = ONE_PER_MAPPING);

    REQUIRE(parked != NULL && hungry != NULL);
    eddyi_fault_only("mmap", ENOMEM);
    EXPECT_EQ(eddy_await(hungry), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(eddy_exception_message(eddy_error()), "no stack for the first step of the task");
    EXPECT(!ran);
    EXPECT_EQ(eddy_await(parked), 0);
    return 0;
}

TEST_ASYNC(a_task_cannot_be_created_when_there_is_no_stack_at_all)
{
    bool ran = false;
    eddy_task *lazy, *eager;

    eddyi_fault_only("mmap", ENOMEM);
    lazy = eddy_create_task(note_run(&ran), .stack_size = ONE_PER_MAPPING);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    eager = eddy_create_task(note_run(&ran), .stack_size = ONE_PER_MAPPING, .eager_start = true);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    eddyi_fault_clear();
    EXPECT(lazy == NULL && eager == NULL && !ran);
    return 0;
}

struct large {
    char bytes[200];
};

static eddy_async(add_later, (long, n), (long *, sum))
{
    eddy_try(eddy_sleep(0));
    EXPECT_STR(eddy_coroutine_name(eddy_task_get_coro(eddy_current_task())), "add_later");
    *sum += n;
    return 0;
}

static eddy_async(add_large_later, (struct large, large), (long *, sum))
{
    eddy_try(eddy_sleep(0));
    *sum += large.bytes[sizeof large.bytes - 1];
    return 0;
}

/* With very many tasks the arguments of a coroutine move to the stack of its task. */
TEST_ASYNC(very_many_tasks_keep_their_arguments)
{
    static eddy_awaitable *tasks[2 * MANY];
    struct large large;
    long sum = 0;

    memset(&large, 1, sizeof large);
    for (long i = 0; i < MANY; i++) {
        tasks[2 * i] = EDDY_AWAITABLE(eddy_create_task(add_later(i, &sum)));
        tasks[2 * i + 1] = EDDY_AWAITABLE(eddy_create_task(add_large_later(large, &sum)));
    }
    EXPECT_EQ(eddy_await(eddy_gather_list(tasks, 2 * MANY, false)), 0);
    EXPECT_EQ(sum, (long)MANY * (MANY - 1) / 2 + MANY);
    return 0;
}

TEST_ASYNC(the_coroutine_of_a_task_that_has_begun_cannot_be_awaited)
{
    static eddy_task *others[MANY];
    eddy_coroutine *coro;
    eddy_task *t;

    for (size_t i = 0; i < MANY; i++)
        others[i] = eddy_create_task(eddy_sleep_coro(1, 0, NULL));
    eddy_sleep(0);
    coro = eddy_sleep_coro(1, 0, NULL);
    t = eddy_create_task(coro);
    eddy_sleep(0);
    EXPECT_EQ(eddy_await(coro), EDDY_EMISUSE);
    EXPECT_EQ(eddy_await(t), 0);
    for (size_t i = 0; i < MANY; i++)
        EXPECT_EQ(eddy_await(others[i]), 0);
    return 0;
}

static eddy_async(keep_some, (eddy_task **, kept), (size_t, n))
{
    for (size_t i = 0; i < n; i++)
        if (!(kept[i] = eddy_create_task(nothing())))
            return -ENOMEM;
    return eddy_sleep(0);
}

TEST(tasks_outlive_the_loop_that_ran_them)
{
    static eddy_task *kept[MANY];

    EXPECT_EQ(eddy_run(keep_some(kept, MANY)), 0);
    for (size_t i = 0; i < MANY && kept[i]; i++) {
        EXPECT(eddy_future_done(eddy_task_future(kept[i])));
        eddy_unref(kept[i]);
    }
}
