#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/loop.h"
#include "loop/loop.h"
#include "task/task.h"

/* Stops the loop when the future is done; lies on the stack of the function that runs the loop. */
struct stopper {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    eddy_loop *loop;
};

static void stop(struct eddyi_ready *r)
{
    eddy_loop_stop(eddyi_container(r, struct stopper, ready)->loop);
}

static void stopper_fini(struct stopper *s)
{
    eddyi_hook_remove(&s->hook);
    eddyi_ready_cancel(&s->ready);
}

static void unref(eddy_future **f)
{
    eddy_future_unref(*f);
}

static int run_until_done(eddy_loop *loop, eddy_future *f)
{
    EDDY_CLEANUP(stopper_fini) struct stopper s = {.loop = loop};
    int rc;

    eddyi_hook_init(&s.hook);
    eddyi_ready_init(&s.ready, stop);
    if (eddyi_future_done(f))
        eddyi_loop_ready(loop, &s.ready);
    else
        eddyi_future_hook(f, &s.hook, &s.ready);
    rc = eddy_loop_run_forever(loop);
    if (rc == 0 && !eddyi_future_done(f))
        rc = eddy_raise(EDDY_ESTOPPED, "Event loop stopped before Future completed.");
    return rc;
}

static int check(eddy_loop *loop, eddy_awaitable *x)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (eddyi_loop_running || loop->running)
        return eddy_raise(EDDY_ERUNNING, "cannot run the event loop while another loop is running");
    if (x && eddyi_is_gone(x))
        return EDDY_EMISUSE;
    if (x && x->kind != EDDYI_COROUTINE && eddyi_future_of(x)->loop != loop)
        return eddy_raise(EDDY_EOTHERLOOP, NULL);
    return 0;
}

int(eddy_loop_run_until_complete_value)(eddy_loop *loop, eddy_awaitable *x, void **ret_value)
{
    EDDY_CLEANUP(unref) eddy_future *f = NULL;
    int rc = check(loop, x);

    if (rc < 0) {
        eddy_awaitable_drop(x);
        return rc;
    }
    f = eddy_awaitable_ensure_future(x, loop);
    if (!f)
        return eddyi_error_latest(-ENOMEM);
    rc = run_until_done(loop, f);
    if (rc == 0)
        rc = eddyi_future_retrieve_raise(f, ret_value);
    return rc;
}
