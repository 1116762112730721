/*
 * Fairness between streams.
 *
 * A call that finds its bytes in the buffer, or whose bytes are sent at once, need not suspend. So
 * a task whose peer sends as fast as the task reads would occupy the loop, and a thousand of them
 * would each have their 64 KiB of short lines handled before another task has a turn. Therefore
 * each stream has a share of each turn of the loop: EDDYI_SHARE units. A call that reads uses one
 * unit, a call that writes uses two, since it enters the kernel, and either uses one more for every
 * 4 KiB that it moves. When the share is used up, the next call lets others run first, as
 * eddy_sleep(0) does. While nothing else is ready, only the kernel's events wait, and the share is
 * sixteen times as large.
 *
 * The share is counted in calls and bytes, not in time: a program runs in the same order on a slow
 * machine, and up to the share in asyncio's order. 21 short lines with their answers take about 0.1
 * ms, compared to which the switch (20 ns) is negligible; a thousand flooding peers take 0.1 s of
 * each turn.
 */
#include "stream/stream.h"
#include "task/task.h"

enum { SHARE_ALONE = 16 * EDDYI_SHARE };

/*
 * Lets others run, if the share of @s is used up in this turn.
 *
 * Waits do not reset the count, since a reset there would cost the calls that wait. The count is
 * reset here, if the loop has turned meanwhile; so a stream gets at most twice its share of a turn.
 */
int eddyi_stream_let_others_run(struct eddyi_stream *s)
{
    eddy_loop *loop = s->channel.loop;
    bool alone = eddyi_list_empty(&loop->schedule.ready) && eddyi_list_empty(&loop->schedule.batch);
    eddy_task *t = eddyi_task_current();
    int rc = 0;

    if (!t || t->future.loop != loop)
        return 0;
    if (s->turn == loop->schedule.turns) {
        if (alone && s->channel.used < SHARE_ALONE)
            return 0;
        eddyi_stream_enter(s);
        rc = eddyi_task_yield(t);
        eddyi_stream_leave(s);
    }
    s->turn = loop->schedule.turns;
    s->channel.used = 0;
    return rc;
}
