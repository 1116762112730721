/*
 * Call graphs: the shapes that asyncio's test_graph.py expects.
 */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A graph as "T<name> [innermost …] (who waits, …)"; of a future "F". */
static void walk(const eddy_future_call_graph *g, char *text)
{
    eddy_task *t = eddy_future_as_task(g->future);

    sprintf(text + strlen(text), t ? "T<%s> [" : "F [", t ? eddy_task_get_name(t) : "");
    for (size_t i = 0; i < g->n_call_stack; i++)
        sprintf(text + strlen(text), "%s%s", i ? " " : "", g->call_stack[i].function);
    strcat(text, "] (");
    for (size_t i = 0; i < g->n_awaited_by; i++) {
        strcat(text, i ? ", " : "");
        walk(g->awaited_by[i], text);
    }
    strcat(text, g->cut ? "cut)" : ")");
}

static char seen[2000];

static int look_at(eddy_future *f, const eddy_call_graph_options *options)
{
    eddy_future_call_graph *graph;

    seen[0] = '\0';
    eddy_try(eddy_capture_call_graph(f, options, &graph));
    walk(graph, seen);
    eddy_call_graph_free(graph);
    return 0;
}

static eddy_async(c4)
{
    eddy_try(eddy_sleep(0));
    return look_at(NULL, NULL);
}

static eddy_async(c3)
{
    return eddy_await(c4());
}

static eddy_async(c2)
{
    return eddy_await(c3());
}

static eddy_async(c1, (eddy_task *, t))
{
    return eddy_await(eddy_ref(t));
}

static eddy_async(group)
{
    eddy_group tg;
    eddy_task *t;

    eddy_group_enter(&tg);
    if (eddy_group_create_task(&tg, c2(), .name = "c2_root", .ret_task = &t) == 0) {
        eddy_group_create_task(&tg, c1(t), .name = "sub_1");
        eddy_group_create_task(&tg, c1(t), .name = "sub_2");
        eddy_unref(t);
    }
    return eddy_group_exit(&tg, 0);
}

TEST_VIRTUAL(a_group_and_tasks_wait_for_a_task, .ordered = true)
{
    EXPECT_EQ(test_run(group()), 0);
    EXPECT_STR(seen,
               "T<c2_root> [c4 c3 c2] (T<Task-1> [group] (), T<sub_1> [c1] (T<Task-1> [group] ()), "
               "T<sub_2> [c1] (T<Task-1> [group] ()))");
}

static eddy_future *make_gather(void)
{
    return eddy_gather(c3(), eddy_sleep_coro(1, 0, NULL));
}

static eddy_future *make_shield(void)
{
    return eddy_shield(c3());
}

typedef eddy_future *make_fn(void);

static eddy_async(await_made, (make_fn *, make))
{
    return eddy_await(make());
}

static int look_from_within(make_fn *make)
{
    eddy_task *t = eddy_create_task(await_made(make), .name = "boss");

    return eddy_await(t);
}

TEST_ASYNC(a_gather_is_passed_over)
{
    eddy_try(look_from_within(make_gather));
    EXPECT_IN("[c4 c3] (T<boss> [await_made] (T<Task-", seen);
    return 0;
}

TEST_ASYNC(a_shield_is_passed_over)
{
    eddy_try(look_from_within(make_shield));
    EXPECT_IN("[c4 c3] (T<boss> [await_made] (T<Task-", seen);
    return 0;
}

static eddy_future *make_nested(void)
{
    return eddy_gather(eddy_shield(eddy_gather(c3())), c3());
}

TEST_ASYNC(so_are_futures_that_wait_for_futures)
{
    eddy_try(look_from_within(make_nested));
    EXPECT_IN("[c4 c3] (T<boss> [await_made] (T<Task-", seen);
    return 0;
}

static eddy_async(wait_for_both)
{
    eddy_task *ts[] = {eddy_create_task(c3()), eddy_create_task(c3())};
    int rc = ts[0] && ts[1] ? eddy_wait(ts, 2, 1, EDDY_ALL_COMPLETED) : -ENOMEM;

    eddy_unref(ts[0]);
    eddy_unref(ts[1]);
    return rc;
}

TEST_ASYNC(wait_is_an_edge_while_it_waits)
{
    eddy_task *t = eddy_create_task(wait_for_both(), .name = "boss");

    EXPECT_EQ(eddy_await(t), 2);
    EXPECT_IN("[c4 c3] (T<boss> [wait_for_both] (T<Task-", seen);
    return 0;
}

static eddy_async(await_each)
{
    eddy_completions *it = eddy_as_completed(EDDY_LIST(c3(), c3()), EDDY_FOREVER);
    eddy_coroutine *next;
    int rc = it ? 0 : -ENOMEM;

    while (rc == 0 && (next = eddy_completions_next(it)) != NULL)
        rc = eddy_await(next);
    eddy_completions_free(it);
    return rc;
}

TEST_ASYNC(so_is_as_completed)
{
    eddy_task *t = eddy_create_task(await_each(), .name = "boss");

    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_IN("[c4 c3] (T<boss> [as_completed await_each] (T<Task-", seen);
    return 0;
}

TEST_ASYNC(wait_for_is_a_coroutine_of_the_task_that_waits)
{
    eddy_task *t = eddy_create_task(eddy_wait_for(c3(), 5), .name = "boss");

    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_IN("T<boss> [c4 c3 wait_for] (T<Task-", seen);
    return 0;
}

static eddy_async(await_future, (eddy_future *, f))
{
    return eddy_await(eddy_ref(f));
}

TEST_ASYNC(an_edge_ends_with_its_wait, .ordered = true)
{
    eddy_future *f = eddy_create_future();
    eddy_task *a = f ? eddy_create_task(await_future(f), .name = "a") : NULL;
    eddy_task *b = f ? eddy_create_task(await_future(f), .name = "b") : NULL;

    eddy_sleep(0);
    eddy_sleep(0);
    if (a && b && look_at(f, NULL) == 0)
        EXPECT_STR(seen, "F [] (T<a> [await_future] (), T<b> [await_future] ())");
    if (a)
        eddy_task_cancel(a, NULL);
    eddy_sleep(0);
    if (a && b && !eddy_future_done(f) && look_at(f, NULL) == 0)
        EXPECT_STR(seen, "F [] (T<b> [await_future] ())");
    if (f && !eddy_future_done(f))
        eddy_future_set_result(f, 0);
    (void)eddy_await(a);
    (void)eddy_await(b);
    if (f && look_at(f, NULL) == 0)
        EXPECT_STR(seen, "F [] ()");
    eddy_unref(f);
    return 0;
}

static eddy_async(deep, (const eddy_call_graph_options *, options))
{
    return look_at(NULL, options);
}

static eddy_async(middle, (const eddy_call_graph_options *, options))
{
    return eddy_await(deep(options));
}

static const char *stack_with(eddy_call_graph_options options)
{
    static char stack[200];
    char *end;

    if (eddy_await(middle(&options)) < 0)
        return "failed";
    snprintf(stack, sizeof stack, "%s", strchr(seen, '['));
    end = strchr(stack, ']');
    end[1] = '\0';
    return stack;
}

static eddy_async(outer)
{
    if (eddy_await(c4()) < 0) /* no memory for it */
        return 0;
    EXPECT_STR(stack_with((eddy_call_graph_options){0}), "[deep middle outer]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.depth = 1}), "[middle outer]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.depth = 9}), "[]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.limit = 1}), "[outer]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.limit = -1}), "[deep]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.limit = 9}), "[deep middle outer]");
    EXPECT_STR(stack_with((eddy_call_graph_options){.no_stack = true}), "[]");
    return 0;
}

TEST_ASYNC(a_stack_can_be_cut_at_either_end)
{
    return eddy_await(eddy_create_task(outer()));
}

static eddy_task *a, *b;

static eddy_async(await_task, (eddy_task **, other))
{
    return eddy_await(eddy_ref(*other));
}

static eddy_async(wait_for_task, (eddy_task **, other))
{
    return eddy_wait(other, 1, 1, EDDY_ALL_COMPLETED);
}

TEST_ASYNC(a_cycle_is_cut_where_it_comes_round)
{
    a = eddy_create_task(await_task(&b), .name = "a");
    b = a ? eddy_create_task(wait_for_task(&a), .name = "b") : NULL;
    eddy_sleep(0);
    eddy_sleep(0);
    if (b && look_at(eddy_task_future(a), NULL) == 0)
        EXPECT_STR(seen, "T<a> [await_task] (T<b> [wait_for_task] (cut))");
    (void)eddy_await(a);
    (void)eddy_await(b);
    return 0;
}

/* Which is further than recursion would come on the stack of a task. */
static eddy_async(chain_link, (eddy_task *, next), (eddy_future *, last))
{
    return next ? eddy_await(next) : eddy_await(last);
}

TEST_ASYNC(a_graph_may_be_deeper_than_a_stack)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = NULL;
    int n = 3000;

    if (test_tortured())
        SKIP("a chain half made would leak");
    for (int i = 0; i < n; i++)
        t = eddy_create_task(chain_link(t, i == 0 ? eddy_ref(f) : NULL), .stack_size = 16384);
    eddy_sleep(0);
    eddy_sleep(0);
    EXPECT(eddy_format_call_graph(f, NULL, NULL, 0) > n * 50);
    eddy_future_set_result(f, 0);
    EXPECT_EQ(eddy_await(t), 0);
    eddy_unref(f);
    return 0;
}

static eddy_async(format_here)
{
    char text[1000], cut[20];
    int length = eddy_format_call_graph(NULL, NULL, text, sizeof text);

    if (length < 0)
        return length;
    EXPECT_EQ(length, (int)strlen(text));
    EXPECT_IN("* Task(name='it', id=0x", text);
    EXPECT_IN("  + Call stack:\n  |   async format_here(), made at ", text);
    EXPECT_IN("  + Awaited by:\n    * Task(name='Task-", text);
    EXPECT_EQ(eddy_format_call_graph(NULL, NULL, cut, sizeof cut), length);
    EXPECT_EQ(strlen(cut), sizeof cut - 1);
    return 0;
}

TEST_ASYNC(the_text_is_asyncios)
{
    return eddy_await(eddy_create_task(format_here(), .name = "it"));
}

static void look_in_callback(void *arg)
{
    eddy_future_call_graph *graph = (void *)arg;

    EXPECT_EQ(eddy_capture_call_graph(NULL, NULL, &graph), 0);
    EXPECT(graph == NULL);
    EXPECT_EQ(eddy_format_call_graph(NULL, NULL, NULL, 0), 0);
}

TEST_ASYNC(a_callback_has_no_graph_of_its_own)
{
    int something;

    eddy_loop_call_soon(eddy_get_running_loop(), look_in_callback, &something);
    return eddy_sleep(0);
}

TEST(outside_of_a_loop_there_is_no_current_task)
{
    eddy_future_call_graph *graph;

    EXPECT_EQ(eddy_capture_call_graph(NULL, NULL, &graph), EDDY_ENOLOOP);
}
