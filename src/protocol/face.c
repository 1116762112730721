#include "protocol/face.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

void eddyi_face_init(struct eddyi_face *f, eddy_loop *loop, void (*fini)(struct eddyi_face *f))
{
    *f = (struct eddyi_face){
        .loop = eddyi_loop_hold(loop), .refs = 1, .connected = true, .fini = fini};
    eddyi_vars_init(&f->vars, NULL);
}

void eddyi_face_free_if_unused(struct eddyi_face *f)
{
    if (f->refs > 0 || f->calls > 0)
        return;
    eddyi_vars_fini(&f->vars);
    if (f->fini)
        f->fini(f);
    eddyi_loop_release(f->loop);
    eddyi_free(f);
}

/* Yields twice: the queued items run in the next turn; in asyncio the last of them wakes the task,
 * which then runs in the turn after that. */
int eddyi_face_wait(void)
{
    eddy_task *t = eddyi_task_current();
    int rc = t ? eddyi_task_yield(t) : 0;

    return t && rc == 0 ? eddyi_task_yield(t) : rc;
}

int eddyi_face_check(eddy_loop *loop, bool has_factory, bool waits)
{
    eddy_task *t = eddyi_task_current();
    int rc = t || !waits ? eddyi_loop_check(loop) : eddyi_raise_no_task();

    if (rc < 0)
        return rc;
    if (t && t->future.loop != loop)
        return eddy_raise(EDDY_EOTHERLOOP, "the task belongs to another event loop");
    return has_factory ? 0 : eddy_raise(-EINVAL, "no protocol factory");
}
