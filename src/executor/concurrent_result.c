/*
 * The result of a concurrent future: setting it, and waiting for it in a plain thread.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "executor/concurrent.h"
#include "loop/loop.h"

#include <time.h>

/* A wait of more than this many seconds has no limit. */
static const double LONGEST = 1e9;

static bool deadline_after(double seconds, struct timespec *ret)
{
    double whole;

    if (seconds > LONGEST)
        return false;
    clock_gettime(CLOCK_MONOTONIC, ret);
    whole = (double)(time_t)seconds;
    ret->tv_sec += (time_t)seconds;
    ret->tv_nsec += (long)((seconds - whole) * 1e9);
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
    return true;
}

static void block(eddy_concurrent_future *cf, double timeout)
{
    struct timespec deadline;
    bool limited = deadline_after(timeout, &deadline);
    int rc = 0;

    eddyi_concurrent_lock(cf);
    while (!eddyi_concurrent_done(cf) && rc == 0)
        rc = eddyi_concurrent_sleep(cf, limited ? &deadline : NULL);
    eddyi_concurrent_unlock(cf);
}

int eddyi_concurrent_wait(eddy_concurrent_future *cf, double timeout)
{
    if (timeout != timeout)
        return eddy_raise(-EINVAL, "result: the timeout is not a number");
    if (eddyi_concurrent_done(cf))
        return 0;
    if (eddyi_concurrent_check(cf) < 0)
        return EDDY_EFORKED;
    if (timeout > 0) {
        if (cf->loop && cf->loop == eddyi_loop_running)
            return eddy_raise(
                -EDEADLK,
                "the loop in this thread would wait for itself; await eddy_wrap_future()");
        block(cf, timeout);
    }
    return eddyi_concurrent_done(cf) ? 0 : eddy_raise(-ETIMEDOUT, NULL);
}

int eddyi_concurrent_outcome(eddy_concurrent_future *cf, void **ret_value,
                             eddy_exception **ret_exception)
{
    *ret_exception = eddy_exception_ref(cf->exception);
    if (cf->status >= 0 && ret_value)
        *ret_value = cf->value;
    return cf->status;
}

void eddyi_concurrent_take(eddy_concurrent_future *cf)
{
    atomic_store_explicit(&cf->value_taken, true, memory_order_relaxed);
}

int(eddy_concurrent_future_result_value)(eddy_concurrent_future *cf, double timeout,
                                        void **ret_value)
{
    eddy_exception *e;
    int rc;

    if (!cf)
        return eddy_raise(-ENOMEM, NULL);
    rc = eddyi_concurrent_wait(cf, timeout);
    if (rc < 0)
        return rc;
    rc = eddyi_concurrent_outcome(cf, ret_value, &e);
    if (rc >= 0 && ret_value)
        eddyi_concurrent_take(cf);
    if (rc < 0)
        eddyi_error_set(eddyi_error_here(), rc, e);
    return rc;
}

int eddy_concurrent_future_result(eddy_concurrent_future *cf, double timeout)
{
    return eddy_concurrent_future_result_value(cf, timeout, NULL);
}

bool eddy_concurrent_future_set_running_or_notify_cancel(eddy_concurrent_future *cf)
{
    return eddyi_concurrent_begin(cf);
}

/* Raises EDDY_EINVALIDSTATE if @now is false: the call came too late. */
static int was_set(bool now, const char *call)
{
    return now ? 0
               : eddy_raise(EDDY_EINVALIDSTATE, "%s: the concurrent future is done already", call);
}

int eddy_concurrent_future_set_result_value(eddy_concurrent_future *cf, int status, void *value)
{
    if (status < 0)
        return eddy_raise(EDDY_EMISUSE, "set_result: a result is not negative; use set_exception");
    return was_set(eddyi_concurrent_finish(cf, status, value, NULL), "set_result");
}

int eddy_concurrent_future_set_result(eddy_concurrent_future *cf, int status)
{
    return eddy_concurrent_future_set_result_value(cf, status, NULL);
}

int eddy_concurrent_future_set_exception(eddy_concurrent_future *cf, int code, const char *fmt, ...)
{
    eddy_exception *e = NULL;
    va_list args;

    if (code >= 0)
        return eddy_raise(EDDY_EMISUSE, "set_exception: the code of an exception is negative");
    if (fmt) {
        va_start(args, fmt);
        e = eddyi_exception_vnew(code, fmt, args);
        va_end(args);
    }
    return was_set(eddyi_concurrent_finish(cf, code, NULL, e), "set_exception");
}
