/*
 * Loops for tests, and control of their time.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/run.h"
#include "eddy/wait.h"
#include "task/task.h"
#include "testkit/kit.h"

#include <stdio.h>

eddy_loop *eddy_test_loop(void)
{
    return eddyi_kit_loop(EDDY_BACKEND_VIRTUAL);
}

int eddy_test_run(eddy_coroutine *coro)
{
    unsigned long seed = eddyi_kit_number("EDDY_SHUFFLE");
    int rc = eddy_run(coro, .loop_factory = eddy_test_loop);

    if (rc < 0 && seed)
        fprintf(stderr, "eddy: failed in the order of EDDY_SHUFFLE=%lu\n", seed);
    return rc;
}

static bool timer_is_due(const eddy_loop *loop)
{
    return eddyi_heap_first_when(&loop->schedule.timers) <= eddyi_loop_now(loop);
}

static bool is_idle(const eddy_loop *loop)
{
    return eddyi_list_empty(&loop->schedule.ready) && eddyi_list_empty(&loop->schedule.batch) &&
           !eddyi_loop_posted(loop) && !timer_is_due(loop);
}

/*
 * Lets turns pass until the loop is idle. Each turn polls the kernel, whose events run in the same
 * turn or are at least ready after it.
 */
static int settle_in_task(eddy_loop *loop)
{
    uint64_t idle_since = loop->schedule.turns;

    do {
        eddy_try(eddy_sleep(0));
        if (!is_idle(loop))
            idle_since = loop->schedule.turns;
    } while (loop->schedule.turns < idle_since + 2);
    return 0;
}

static int settle_from_outside(eddy_loop *loop)
{
    do {
        eddy_loop_stop(loop); /* makes the run one turn long, without waiting */
        eddy_try(eddy_loop_run_forever(loop));
    } while (!is_idle(loop));
    return 0;
}

/* Returns 1 in a task of the loop, 0 outside of any loop; raises an error elsewhere. */
static int place(eddy_loop *loop)
{
    eddy_try(eddyi_loop_check(loop));
    if (eddyi_loop_running && (eddyi_loop_running != loop || !loop->tasks.current))
        return eddy_raise(
            EDDY_EMISUSE,
            "time can only be made to pass in a task of the loop, or while no loop runs");
    return eddyi_loop_running != NULL;
}

int eddy_test_run_until_idle(eddy_loop *loop)
{
    loop = loop ? loop : eddyi_loop_running;
    return eddy_try(place(loop)) ? settle_in_task(loop) : settle_from_outside(loop);
}

/* Ends the run at a given time; lies on the stack of the caller that runs the loop. */
struct alarm {
    struct eddyi_timer timer;
    eddy_loop *loop;
    bool rung;
};

static void ring(struct eddyi_ready *r)
{
    struct alarm *a = eddyi_container(r, struct alarm, timer.ready);

    a->rung = true;
    eddy_loop_stop(a->loop);
}

static int pass_from_outside(eddy_loop *loop, double seconds)
{
    struct alarm a = {.loop = loop};
    int rc;

    eddyi_ready_init(&a.timer.ready, ring);
    rc = eddyi_timer_start_after(loop, &a.timer, eddyi_nanoseconds(seconds));
    if (rc < 0)
        return eddy_raise(rc, NULL);
    rc = eddy_loop_run_forever(loop);
    eddyi_timer_stop(loop, &a.timer);
    if (rc == 0 && !a.rung)
        rc = eddy_raise(EDDY_ESTOPPED, "the loop was stopped before the time had passed");
    return rc;
}

int eddy_test_advance(eddy_loop *loop, double seconds)
{
    bool in_task;

    loop = loop ? loop : eddyi_loop_running;
    in_task = eddy_try(place(loop));
    if (seconds != seconds)
        return eddy_raise(-EINVAL, "advance: the time is not a number");
    if (seconds > 0)
        eddy_try(in_task ? eddy_sleep(seconds) : pass_from_outside(loop, seconds));
    return eddy_test_run_until_idle(loop);
}
