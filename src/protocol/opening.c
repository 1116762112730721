#include "protocol/opening.h"

#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait.h"

struct opening {
    struct eddyi_wait wait;
    struct eddyi_ready opened;
};

static void opened(struct eddyi_ready *r)
{
    eddyi_wait_over(&eddyi_container(r, struct opening, opened)->wait);
}

static bool cancel(struct eddyi_wait *w)
{
    eddyi_ready_cancel(&eddyi_container(w, struct opening, wait)->opened);
    eddyi_wait_over(w);
    return true;
}

int eddyi_opening_wait(eddy_loop *loop)
{
    eddy_task *t = eddyi_task_current();
    struct opening o;

    if (!t)
        return 0;
    eddyi_wait_init_of(&o.wait, t, cancel);
    o.wait.what = "a connection to be made";
    eddyi_ready_init(&o.opened, opened);
    eddyi_loop_ready(loop, &o.opened);
    eddyi_wait_park(&o.wait);
    return eddyi_wait_finish(&o.wait);
}

int eddyi_opening_check(eddy_loop *loop, bool has_factory, bool waits)
{
    eddy_task *t = waits ? eddyi_task_here() : eddyi_task_current();
    int rc = t || !waits ? eddyi_loop_check(loop) : EDDY_ENOTASK;

    if (rc < 0)
        return rc;
    if (t && t->future.loop != loop)
        return eddy_raise(EDDY_EOTHERLOOP, "the task belongs to another event loop");
    return has_factory ? 0 : eddy_raise(-EINVAL, "no protocol factory");
}
