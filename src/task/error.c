/*
 * The latest failure, where it belongs: with the task that had it, and outside of tasks with the
 * thread.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "task/task.h"

static EDDYI_THREAD_LOCAL struct eddyi_error thread_error;

static void clear_thread_error(void)
{
    eddyi_error_clear(&thread_error);
}

struct eddyi_error *eddyi_error_here(void)
{
    if (eddyi_loop_running && eddyi_loop_running->current)
        return &eddyi_loop_running->current->error;
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
