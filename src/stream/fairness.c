/*
 * Fairness between streams.
 *
 * A call that finds its bytes in the buffer, or whose bytes go out at once, need not suspend; so a
 * task whose peer sends as fast as it is read would keep the loop to itself, and a thousand of
 * those would each have their 64 KiB of short lines handled before anybody else has a turn.
 * Therefore a stream has a share of each turn of the loop: EDDYI_SHARE units, of which a call that
 * reads uses one, a call that writes two, for it enters the kernel, and either one more for every
 * 4 KiB that it moves. When the share is used up, the next call lets others run first, as
 * eddy_sleep(0) does. While nothing else is ready, only the kernel's events wait, and the share is
 * sixteen times as large.
 *
 * The share is counted in calls and bytes, not in time: a program runs in the same order on a slow
 * machine, and up to the share in the order that asyncio has. 21 short lines with their answers
 * take about 0.1 ms, of which the switch (20 ns) is nothing, and a thousand flooders 0.1 s of each
 * turn.
 */
#include "stream/stream.h"
#include "task/task.h"

enum { SHARE_ALONE = 16 * EDDYI_SHARE };

/*
 * Counting goes on through waits, for to begin anew there would cost the calls that wait. It begins
 * anew here, where the loop has turned meanwhile; so a stream gets at most twice its share of a
 * turn.
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
