/* Actions on tasks, futures, scopes and generators. */
#include "random.h"

#include <errno.h>

static int sleep_a_while(unsigned depth)
{
    return eddy_sleep(draw_delay());
}

/* Another task, awaited, kept for others, or left to itself. */
static int create(unsigned depth)
{
    eddy_task *t = eddy_create_task(actor(depth + 1), .eager_start = draw(4) == 0);
    unsigned i = draw(N_LIVE);

    if (draw(3) == 0)
        return eddy_await(t);
    if (!t)
        return -ENOMEM;
    if (program.live[i])
        eddy_unref(program.live[i]);
    program.live[i] = t;
    program.live_depth[i] = depth + 1;
    return 0;
}

static int spawn(unsigned depth)
{
    return eddy_spawn(actor(depth + 1));
}

static int cancel(unsigned depth)
{
    eddy_task *t = program.live[draw(N_LIVE)];

    if (t)
        eddy_task_cancel(t, draw(2) ? "random" : NULL);
    return 0;
}

/* Only what is further down: tasks that wait for each other in a circle would wait for ever, as in
 * asyncio. */
static int await_another(unsigned depth)
{
    unsigned i = draw(N_LIVE);

    if (!program.live[i] || program.live_depth[i] <= depth)
        return 0;
    return eddy_await(eddy_ref(program.live[i]));
}

static int run_with_timeout(unsigned depth)
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, draw_delay());
    rc = act(depth + 1);
    if (draw(4) == 0)
        (void)eddy_timeout_reschedule(&tm, eddy_loop_time(eddy_get_running_loop()) + draw_delay());
    return eddy_timeout_exit(&tm, rc);
}

static int run_group(unsigned depth)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    for (unsigned i = draw(5); i > 0; i--)
        eddy_group_create_task(&tg, actor(depth + 1));
    if (draw(8) == 0)
        eddy_group_cancel(&tg);
    rc = act(depth + 1);
    if (draw(8) == 0)
        return rc; /* the scope ends itself */
    return eddy_group_exit(&tg, rc);
}

static int gather(unsigned depth)
{
    eddy_awaitable *aws[4];
    size_t n = draw(5);
    eddy_future *f;

    for (size_t i = 0; i < n; i++)
        aws[i] = EDDY_AWAITABLE(actor(depth + 1));
    f = eddy_gather_list(aws, n, draw(2));
    if (f && draw(6) == 0)
        eddy_future_cancel(f, NULL);
    return eddy_await(f);
}

static int wait_for(unsigned depth)
{
    return eddy_await(eddy_wait_for(actor(depth + 1), draw_delay()));
}

static int shield(unsigned depth)
{
    eddy_future *f = eddy_shield(actor(depth + 1));

    if (f && draw(3) == 0)
        eddy_future_cancel(f, NULL);
    return eddy_await(f);
}

static int wait_for_some(unsigned depth)
{
    static const int when[] = {EDDY_FIRST_COMPLETED, EDDY_FIRST_EXCEPTION, EDDY_ALL_COMPLETED};
    eddy_task *tasks[3];
    unsigned n = 0;
    int rc;

    for (unsigned i = 0; i < 3; i++) {
        tasks[n] = eddy_create_task(actor(depth + 1));
        n += tasks[n] != NULL;
    }
    rc = eddy_wait(tasks, n, draw(3) ? EDDY_FOREVER : draw_delay(), when[draw(3)]);
    for (unsigned i = 0; i < n; i++)
        eddy_unref(tasks[i]);
    return rc;
}

static int as_completed(unsigned depth)
{
    eddy_awaitable *aws[3];
    eddy_completions *it;
    eddy_future *f;
    int rc = 0;

    for (size_t i = 0; i < 3; i++)
        aws[i] = EDDY_AWAITABLE(actor(depth + 1));
    it = eddy_as_completed(aws, 3, draw(3) ? EDDY_FOREVER : draw_delay());
    if (!it)
        return -ENOMEM;
    for (unsigned i = draw(4); i > 0 && rc >= 0; i--) {
        rc = eddy_completions_anext(it, &f);
        if (rc > 0)
            rc = eddy_await(eddy_future_ref(f)); /* borrowed from the iterator */
    }
    eddy_completions_free(it);
    return rc;
}

/* Futures belong to the program: a callback that never runs, as its loop was closed, could not give
 * one back. */
static void set_result(void *arg)
{
    eddy_future **slot = arg;

    if (*slot)
        (void)eddy_future_set_result(*slot, 1);
}

static int await_future(unsigned depth)
{
    eddy_future **slot = &program.futures[draw(N_SHARED)];

    eddy_future_unref(*slot);
    *slot = eddy_create_future();
    if (!*slot)
        return -ENOMEM;
    eddy_loop_call_later(eddy_get_running_loop(), draw_delay(), set_result, slot);
    return eddy_await(eddy_future_ref(*slot));
}

static int fail(unsigned depth)
{
    static const int codes[] = {-EIO, -ECANCELED, -ETIMEDOUT, EDDY_EUSER};

    return eddy_raise(codes[draw(4)], "random");
}

static int uncancel(unsigned depth)
{
    eddy_task_uncancel(eddy_current_task());
    return 0;
}

static eddy_async_gen(numbers, (unsigned, depth))
{
    for (unsigned i = draw(4); i > 0; i--) {
        if (draw(2))
            eddy_try(act(depth + 1));
        eddy_try(eddy_yield(NULL, NULL));
    }
    return 0;
}

static int iterate(unsigned depth)
{
    eddy_async_generator *g = numbers(depth + 1);
    void *value;
    int rc = 1;

    if (!g)
        return -ENOMEM;
    for (unsigned i = draw(6); i > 0 && rc > 0; i--)
        rc = draw(5) ? eddy_anext(g, &value) : eddy_athrow(g, &value, -EIO, "random");
    if (draw(2))
        (void)eddy_aclose(g);
    eddy_async_generator_free(g);
    return rc;
}

action_fn *const task_actions[] = {
    sleep_a_while,    create,       create,       spawn,    cancel,   await_another,
    run_with_timeout, run_group,    gather,       wait_for, shield,   cancel,
    wait_for_some,    as_completed, await_future, fail,     uncancel, iterate,
};
const unsigned n_task_actions = sizeof task_actions / sizeof task_actions[0];
