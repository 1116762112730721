/*
 * Freed awaitables that debug mode keeps: the latest KEPT_MAX of each loop.
 *
 * A program that uses such an awaitable again, most likely because an eddy_await() has consumed it,
 * gets an error, instead of meeting another task in the same memory.
 */
#include "eddy/error.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

enum { KEPT_MAX = 200 };

static void free_coroutine(struct eddyi_kept *kept)
{
    eddy_coroutine *coro = eddyi_container(eddyi_list_pop(&kept->all), struct eddy_coroutine, link);

    kept->n--;
    eddyi_block_free(coro, coro->size);
}

static void free_task(struct eddyi_kept *kept)
{
    eddy_task *t = eddyi_container(eddyi_list_pop(&kept->all), struct eddy_task, link);

    kept->n--;
    eddyi_stack_give(t->stack);
}

static bool keep(struct eddyi_kept *kept, eddy_awaitable *x, struct eddyi_list *link)
{
    x->kind = EDDYI_GONE;
    eddyi_list_append(&kept->all, link);
    return ++kept->n > KEPT_MAX;
}

bool eddyi_keep_coroutine(eddy_coroutine *coro)
{
    eddy_loop *loop = eddyi_loop_running;

    if (!loop || !loop->debug || loop->closed)
        return false;
    if (keep(&loop->tasks.kept_coroutines, &coro->base, &coro->link))
        free_coroutine(&loop->tasks.kept_coroutines);
    return true;
}

bool eddyi_keep_task(eddy_task *t, eddy_loop *loop)
{
    if (loop != eddyi_loop_running || !loop->debug || loop->closed)
        return false;
    if (keep(&loop->tasks.kept_tasks, &t->future.base, &t->link))
        free_task(&loop->tasks.kept_tasks);
    return true;
}

void eddyi_free_kept(eddy_loop *loop)
{
    while (loop->tasks.kept_coroutines.n > 0)
        free_coroutine(&loop->tasks.kept_coroutines);
    while (loop->tasks.kept_tasks.n > 0)
        free_task(&loop->tasks.kept_tasks);
}

int eddyi_raise_gone(void)
{
    return eddy_raise(
        EDDY_EMISUSE,
        "it is gone: an earlier eddy_await(), or another call, has consumed it, and the last "
        "reference with it");
}

int eddyi_raise_taken(void)
{
    return eddy_raise(EDDY_EMISUSE,
                      "the coroutine was given to a task already, or is being awaited");
}
