#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "eddy/task.h"
#include "loop/loop.h"
#include "task/future.h"

EDDYI_UNGUARDED eddy_future *eddy_awaitable_ensure_future(eddy_awaitable *x, eddy_loop *loop)
{
    eddy_task_options options = {.coro = NULL};

    if (!x) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    if (eddyi_is_gone(x))
        return NULL;
    if (x->kind != EDDYI_COROUTINE) {
        if (!loop || eddyi_future_of(x)->loop == loop)
            return eddyi_future_of(x);
        eddy_awaitable_drop(x);
        eddy_raise(EDDY_EOTHERLOOP, NULL);
        return NULL;
    }
    options.coro = (eddy_coroutine *)(void *)x;
    return eddy_task_future(
        eddy_loop_create_task_with(loop ? loop : eddy_get_event_loop(), &options));
}
