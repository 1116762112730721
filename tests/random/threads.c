/* Actions that have to do with other threads, and with the loop itself. Under the virtual clock,
 * without threads. */
#include "random.h"

#include <sched.h>

static int job(void *arg)
{
    for (intptr_t i = (intptr_t)arg; i > 0; i--)
        sched_yield();
    return 1;
}

static int run_in_thread(unsigned depth)
{
    eddy_future *f;

    if (!program.threads)
        return eddy_sleep(0);
    if (draw(2))
        return eddy_await(eddy_to_thread(job, (void *)(intptr_t)draw(20)));
    f = eddy_loop_run_in_executor(NULL, NULL, job, (void *)(intptr_t)draw(20));
    if (f && draw(2))
        eddy_future_cancel(f, NULL);
    return eddy_await(f);
}

static void set_event(void *arg)
{
    eddy_event_set(arg);
}

static int post(void *arg)
{
    eddy_handle h = eddy_loop_call_soon_threadsafe(arg, set_event, &program.events[0]);

    if (h.generation % 3 == 0)
        eddy_handle_cancel(h);
    return 0;
}

static void let_go(void *loop)
{
    eddy_loop_unref(loop);
}

/* The job may outlive the loop's run, so it has a reference. */
static int post_from_thread(unsigned depth)
{
    eddy_loop *loop = eddy_get_running_loop();

    if (program.threads)
        return eddy_await(eddy_to_thread(post, eddy_loop_ref(loop), .drop = let_go));
    return post(loop);
}

static void nothing(void *arg)
{
}

static int call_later(unsigned depth)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_handle h = draw(2) ? eddy_loop_call_soon(loop, nothing, NULL)
                            : eddy_loop_call_later(loop, draw_delay(), nothing, NULL);

    if (draw(2))
        eddy_handle_cancel(h);
    return 0;
}

static int ask_for_stop(unsigned depth)
{
    if (draw(20) == 0)
        eddy_loop_stop(eddy_get_running_loop());
    return 0;
}

static int describe(unsigned depth)
{
    char text[2000];

    if (draw(10) == 0)
        (void)eddy_format_call_graph(NULL, NULL, text, sizeof text);
    return 0;
}

action_fn *const thread_actions[] = {run_in_thread, post_from_thread, call_later, ask_for_stop,
                                     describe};
const unsigned n_thread_actions = sizeof thread_actions / sizeof thread_actions[0];
