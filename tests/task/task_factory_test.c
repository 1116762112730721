/* Task factories, and creating tasks where it cannot be done. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(work)
{
    trace("work");
    return 3;
}

static eddy_task *naming_factory(eddy_loop *loop, const eddy_task_options *options, void *arg)
{
    eddy_task_options mine = *options;

    trace("factory");
    EXPECT(loop == eddy_get_running_loop());
    mine.name = arg;
    return eddy_task_new(loop, &mine);
}

TEST_ASYNC(a_factory_makes_all_tasks_of_its_loop)
{
    eddy_loop *loop = eddy_get_running_loop();
    void *arg = &arg;
    eddy_task *t;

    EXPECT(eddy_loop_get_task_factory(loop, &arg) == NULL);
    EXPECT(arg == NULL);
    eddy_loop_set_task_factory(loop, naming_factory, "made");
    EXPECT(eddy_loop_get_task_factory(loop, &arg) == naming_factory);
    EXPECT_STR(arg, "made");

    t = eddy_create_task(work());
    REQUIRE(t != NULL);
    EXPECT_STR(eddy_task_get_name(t), "made");
    EXPECT_EQ(eddy_await(t), 3);
    EXPECT_EQ(eddy_await(eddy_gather(work())), 0);
    eddy_loop_set_task_factory(loop, NULL, NULL);
    EXPECT_EQ(eddy_await(eddy_create_task(work())), 3);
    EXPECT_STR(traced(), "factory work factory work work");
    return 0;
}

static eddy_task *none_factory(eddy_loop *loop, const eddy_task_options *options, void *arg)
{
    eddy_coroutine_close(options->coro);
    return NULL;
}

TEST_ASYNC(a_factory_that_makes_nothing_makes_everything_fail)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_group tg;

    eddy_loop_set_task_factory(loop, none_factory, NULL);
    EXPECT(eddy_create_task(work()) == NULL);
    EXPECT(eddy_spawn(work()) < 0);
    EXPECT(eddy_gather(work(), work()) == NULL);
    EXPECT(eddy_shield(work()) == NULL);
    EXPECT(eddy_as_completed(EDDY_LIST(work()), EDDY_FOREVER) == NULL);
    EXPECT(eddy_await(eddy_wait_for(work(), 0)) < 0);
    eddy_group_enter(&tg);
    EXPECT(eddy_group_create_task(&tg, work()) < 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    eddy_loop_set_task_factory(loop, NULL, NULL);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_VIRTUAL(a_run_whose_factory_makes_nothing_fails)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    eddy_loop_set_task_factory(loop, none_factory, NULL);
    EXPECT(eddy_loop_run_until_complete(loop, work()) < 0);
    EXPECT_STR(traced(), "");
    eddy_loop_unref(loop);
}

static eddy_async(eager_steps)
{
    trace("first");
    eddy_try(eddy_sleep(0));
    trace("second");
    return 0;
}

TEST_ASYNC(the_eager_factory_starts_every_task_at_once)
{
    eddy_task *t;

    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    t = eddy_create_task(eager_steps());
    trace("created");
    EXPECT(eddy_await(t) >= 0);
    EXPECT_STR(traced(), "first created second");
    return 0;
}

TEST_VIRTUAL(without_a_loop_there_are_no_tasks)
{
    eddy_task_options options = {.coro = work()};

    EXPECT(eddy_create_task(work()) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    EXPECT_EQ(eddy_spawn(work()), EDDY_ENOLOOP);
    EXPECT(eddy_gather(work()) == NULL);
    EXPECT(eddy_shield(work()) == NULL);
    EXPECT(eddy_as_completed(EDDY_LIST(work()), EDDY_FOREVER) == NULL);
    EXPECT(eddy_task_new(NULL, &options) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    EXPECT_STR(traced(), "");
}

TEST_VIRTUAL(tasks_can_be_made_before_their_loop_runs)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    t = eddy_loop_create_task(loop, work(), .eager_start = true, .name = "early");
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_loop_run_until_complete(loop, t), 3);
    EXPECT_STR(traced(), "work");
    eddy_loop_unref(loop);
}

TEST_ASYNC(without_memory_for_a_task_its_coroutine_is_closed)
{
    eddy_coroutine *coro = work(), *named = work();
    eddy_task_options none = {.coro = NULL};

    EXPECT(eddy_create_task((eddy_coroutine *)NULL) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(eddy_task_new(eddy_get_running_loop(), &none) == NULL);
    EXPECT_EQ(eddy_spawn((eddy_coroutine *)NULL), -ENOMEM);
    eddyi_fault_only("malloc", ENOMEM);
    eddyi_fault_only("mmap", ENOMEM);
    EXPECT(eddy_create_task(named, .name = "lost") == NULL);
    EXPECT(eddy_create_task(coro, .stack_size = 1 << 20) == NULL);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT_STR(traced(), "");
    return 0;
}
