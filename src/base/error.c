/*
 * The latest failure: of the task that failed, or of the thread outside of tasks.
 */
#include "base/exception.h"
#include "base/thread.h"

#include <stdatomic.h>

static EDDYI_THREAD_LOCAL struct eddyi_error thread_error;

static void clear_thread_error(void)
{
    eddyi_error_clear(&thread_error);
}

static _Atomic(eddyi_error_hook *) of_current_task; /* NULL: no task has run yet */

void eddyi_error_set_hook(eddyi_error_hook *hook)
{
    atomic_store_explicit(&of_current_task, hook, memory_order_relaxed);
}

struct eddyi_error *eddyi_error_here(void)
{
    eddyi_error_hook *hook = atomic_load_explicit(&of_current_task, memory_order_relaxed);
    struct eddyi_error *error = hook ? hook() : NULL;

    if (error)
        return error;
    eddyi_thread_at_exit(clear_thread_error);
    return &thread_error;
}

int eddyi_error_latest(int otherwise)
{
    int code = eddyi_error_here()->code;

    return code < 0 ? code : otherwise;
}

const eddy_exception *eddy_error(void)
{
    return eddyi_error_get(eddyi_error_here());
}

int eddy_raise(int code, const char *fmt, ...)
{
    eddy_exception *e = NULL;
    va_list args;

    code = eddyi_error_code(code);
    if (fmt) {
        va_start(args, fmt);
        e = eddyi_exception_vnew(code, fmt, args);
        va_end(args);
    }
    eddyi_error_set(eddyi_error_here(), code, e);
    return code;
}

int eddy_reraise(const eddy_exception *e)
{
    if (!e)
        return eddy_raise(EDDY_EMISUSE, "reraise: there is no exception");
    eddyi_error_set(eddyi_error_here(), eddy_exception_code(e), eddy_exception_ref(e));
    return eddy_exception_code(e);
}
