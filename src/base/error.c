/*
 * The latest failure: of the task that failed, or of the thread outside of tasks.
 */
#include "base/exception.h"
#include "base/log.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>

void eddyi_error_set(struct eddyi_error *error, int code, eddy_exception *e)
{
    eddy_exception *old = error->exception;

    error->code = code;
    error->exception = e;
    eddy_exception_unref(old);
}

void eddyi_error_clear(struct eddyi_error *error)
{
    eddyi_error_set(error, 0, NULL);
}

const eddy_exception *eddyi_error_get(struct eddyi_error *error)
{
    if (!error->exception && error->code < 0) {
        error->exception = eddy_exception_new(error->code, NULL);
        if (!error->exception)
            return eddyi_exception_no_memory();
    }
    return error->exception;
}

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

const eddy_exception *eddyi_error_of(int status)
{
    struct eddyi_error *error = eddyi_error_here();

    return status < 0 && error->code == status ? eddyi_error_get(error) : NULL;
}

eddy_exception *eddyi_error_take(struct eddyi_error *error, int status)
{
    eddy_exception *e = NULL;

    if (status < 0 && error->code == status) {
        e = error->exception;
        error->exception = NULL;
    }
    eddyi_error_clear(error);
    return e;
}

void eddyi_error_format(int status, char *buf, size_t size)
{
    const eddy_exception *e = eddyi_error_of(status);

    if (e)
        eddy_exception_format(e, buf, size);
    else
        snprintf(buf, size, "%s", eddy_strerror(status));
}

void eddy_error_clear(void)
{
    eddyi_error_clear(eddyi_error_here());
}

void eddy_perror(const char *what)
{
    const eddy_exception *e = eddy_error();
    char text[1000] = "no error";

    if (e)
        eddy_exception_format(e, text, sizeof text);
    what = what ? what : "";
    if (eddyi_log_is_taken())
        eddyi_log(EDDY_LOG_ERROR, "%s%s%s", what, *what ? ": " : "", text);
    else
        fprintf(stderr, "%s%s%s\n", what, *what ? ": " : "", text);
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
