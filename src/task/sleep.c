#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/switch.h"
#include "task/task.h"

/* The wait of a sleeping task, on its stack. */
struct sleep {
    struct eddyi_wait wait;
    struct eddyi_timer timer;
    eddy_loop *loop; /* the task's */
};

/* Ends the sleep. As in asyncio, where the timer ends a future, the task has its turn after the
 * timer's (rule 42). */
static void wake(struct eddyi_ready *r)
{
    struct sleep *s = eddyi_container(r, struct sleep, timer.ready);

    eddyi_wait_fetch(s, sizeof *s);
    eddyi_wait_over_on(&s->wait, s->loop);
}

static bool sleep_cancel(struct eddyi_wait *w)
{
    eddyi_timer_stop(w->task->future.loop, &eddyi_container(w, struct sleep, wait)->timer);
    eddyi_wait_over(w);
    return true;
}

/* Sleeps for @delay seconds. Not inlined, so that eddy_sleep(0) needs no frame for it. */
__attribute__((noinline)) static int sleep_for(double delay)
{
    eddy_task *t = eddyi_task_current();
    struct sleep s;
    int rc;

    if (!t)
        return eddyi_raise_no_task();
    if (delay != delay)
        return eddy_raise(-EINVAL, "sleep: the delay is not a number");

    eddyi_wait_init_of(&s.wait, t, sleep_cancel);
    s.wait.what = "sleep";
    s.loop = eddyi_loop_running;
    s.timer.node.place = 0;
    eddyi_ready_init(&s.timer.ready, wake);
    rc = eddyi_timer_start_after(s.loop, &s.timer, eddyi_nanoseconds(delay));
    if (rc < 0)
        return eddy_raise(rc, NULL);
    eddyi_wait_park_here(&s.wait, t);
    return eddyi_wait_finish(&s.wait);
}

int eddy_sleep(double delay)
{
    eddy_task *t;

    if (!(delay <= 0))
        return sleep_for(delay);
    t = eddyi_task_current();
    return t ? eddyi_task_yield(t) : eddyi_raise_no_task();
}

static eddy_async(sleep_and_return, (double, delay), (int, result), (void *, value))
{
    eddy_try(eddy_sleep(delay));
    eddy_return(value);
    return result;
}

eddy_coroutine *eddy_sleep_coro(double delay, int result, void *value)
{
    return sleep_and_return(delay, result, value);
}
