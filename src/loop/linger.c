/*
 * Lingering: a loop that will have work again in a moment looks for it instead of going to sleep.
 *
 * To put a thread to sleep and wake it takes 20 to 40 us on an idle processor of a virtual machine,
 * and whoever wakes it pays for a system call. So
 *
 *   - while posts of other threads come in quick succession the loop looks for the next one for
 *     about as long as that; a post is then seen in less than a microsecond. Looking in vain a few
 *     times in a row ends it, so a loop to which nobody posts never does that; nor does one that
 *     has the only processor, which the poster needs;
 *   - a timer that is due before a sleep could be over is waited for awake, unless time is virtual.
 */
#include "base/sys.h"
#include "loop/loop.h"

enum {
    MOMENT = 50000,    /* nanoseconds: so long for posts */
    BRIEF = 20000,     /* and so long for a timer */
    KEEN = 4,          /* how often it may be in vain */
    LOOKS_AT_ONCE = 64 /* between looks at the kernel: 1 to 2 us */
};

static bool has_come(eddy_loop *loop)
{
    return eddyi_loop_posted(loop) || atomic_load_explicit(&loop->signalled, memory_order_relaxed);
}

EDDYI_DIRECT void eddyi_loop_waited(eddy_loop *loop, int64_t since)
{
    if (loop->spins && eddyi_loop_posted(loop) && eddyi_loop_now(loop) - since < MOMENT)
        loop->keen = KEEN;
}

EDDYI_DIRECT bool eddyi_loop_would_linger(const eddy_loop *loop, int64_t timeout)
{
    bool brief = timeout >= 0 && timeout < BRIEF && !loop->backend->ops->wait_for_wake;

    return loop->keen > 0 || brief;
}

int eddyi_loop_linger(eddy_loop *loop, int64_t begin, int64_t timeout)
{
    int64_t end = begin + (timeout >= 0 && timeout < MOMENT ? timeout : MOMENT);
    int rc = 0;

    if (loop->keen > 0)
        loop->keen--;
    do {
        for (int i = 0; i < LOOKS_AT_ONCE && !has_come(loop); i++)
            eddyi_sys_relax();
        if (!has_come(loop))
            rc = loop->backend->ops->wait(loop->backend, 0);
    } while (rc == 0 && !has_come(loop) && eddyi_list_empty(&loop->ready) &&
             eddyi_loop_now(loop) < end);
    if (has_come(loop))
        loop->keen = KEEN;
    return rc;
}
