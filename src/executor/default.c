/*
 * The default executor of a loop: created at its first use, shut down at the end of the program.
 */
#include "executor/default.h"

#include "base/sys.h"
#include "eddy/timeout.h"
#include "executor/executor.h"
#include "loop/loop.h"
#include "task/task.h"

/* The default executor of one loop. */
struct default_executor {
    struct eddyi_loop_part part;
    eddy_executor *executor; /* owned; NULL: not created yet, or given up */
    bool shut_down;          /* for good: no other is created */
};

static void close_part(struct eddyi_loop_part *part)
{
    struct default_executor *d = eddyi_container(part, struct default_executor, part);

    eddyi_executor_abandon(d->executor);
    eddyi_free(d);
}

static eddy_async(shut_down_and_report, (eddy_loop *, loop))
{
    const double join_timeout = 300; /* seconds; CPython's THREAD_JOIN_TIMEOUT */
    int rc = eddy_await(eddy_loop_shutdown_default_executor(loop, join_timeout));

    if (rc == -ETIMEDOUT)
        eddy_loop_call_exception_handler(
            loop, &(eddy_exception_context){.message = "jobs are left behind",
                                            .exception = eddy_error()});
    return rc;
}

/* Called by the runner at the end of the program. */
static eddy_coroutine *shut_down_at_end(struct eddyi_loop_part *part)
{
    struct default_executor *d = eddyi_container(part, struct default_executor, part);

    return d->executor ? shut_down_and_report(part->loop) : NULL;
}

static const struct eddyi_part_kind kind = {.size = sizeof(struct default_executor),
                                            .close = close_part,
                                            .shutdown = shut_down_at_end,
                                            .stage = EDDYI_EXECUTORS_END};

/* Returns the loop's default executor, creating it if there is none. Raises -ENOMEM and returns
 * NULL. */
static struct default_executor *find_or_make(eddy_loop *loop)
{
    struct default_executor *d = eddyi_loop_part(loop, &kind);

    if (!d)
        eddy_raise(-ENOMEM, NULL);
    return d;
}

eddy_executor *eddyi_default_executor(eddy_loop *loop)
{
    struct default_executor *d = find_or_make(loop);

    if (!d)
        return NULL;
    if (d->shut_down) {
        eddy_raise(EDDY_ECLOSED, "the loop's default executor was shut down");
        return NULL;
    }
    if (!d->executor)
        d->executor = eddy_thread_pool_new(0);
    return d->executor;
}

int eddy_loop_set_default_executor(eddy_loop *loop, eddy_executor *e)
{
    struct default_executor *d = NULL;
    int rc = e ? eddyi_loop_check(loop) : eddy_raise(-ENOMEM, NULL);

    if (rc == 0 && e->ops != &eddyi_thread_pool_ops)
        rc = eddy_raise(EDDY_EMISUSE, "the default executor must be a pool of threads");
    if (rc == 0) {
        d = find_or_make(loop);
        rc = d ? 0 : -ENOMEM;
    }
    if (rc < 0) {
        eddyi_executor_abandon(e);
        return rc;
    }
    eddyi_executor_abandon(d->executor);
    d->executor = e;
    return 0;
}

/*
 * Waits until the threads have left. Virtual time stands still while they run; there the limit is
 * one of real time, and the loop's thread blocks.
 */
static int wait_over(eddy_loop *loop, eddy_executor *e, double timeout)
{
    eddy_timeout tm;

    if (eddyi_concurrent_done(e->over))
        return 0;
    if (eddyi_backend_is_virtual(loop->backend))
        return eddyi_concurrent_wait(e->over, timeout);
    eddy_timeout_enter(&tm, timeout);
    return eddy_timeout_exit(
        &tm, eddy_await(eddyi_wrap_future(loop, eddy_concurrent_future_ref(e->over))));
}

/* Raises -ETIMEDOUT, which names the jobs that are stuck. */
static int give_up(eddy_executor *e, double timeout)
{
    char jobs[500];
    unsigned n = eddyi_executor_describe(e, jobs, sizeof jobs);

    return eddy_raise(-ETIMEDOUT,
                      "the executor did not finish joining its threads within %g seconds; still "
                      "running: %u job%s (%s)",
                      timeout, n, n == 1 ? "" : "s", jobs);
}

static eddy_async(shutdown_default_executor, (eddy_loop *, loop), (double, timeout))
{
    struct default_executor *d = find_or_make(loop);
    eddy_executor *e;
    int rc;

    if (!d)
        return -ENOMEM;
    d->shut_down = true;
    if (!d->executor)
        return 0;
    e = eddyi_executor_ref(d->executor);
    eddy_executor_shutdown(e, false, false);
    rc = wait_over(loop, e, timeout);
    if (rc == 0)
        eddyi_executor_join(e);
    else if (rc == -ETIMEDOUT)
        rc = give_up(e, timeout);

    /* By now the loop may be closing, or another task may have given the executor up. */
    d = rc == -ECANCELED ? NULL : eddyi_loop_part_find(loop, &kind);
    if (d && d->executor == e) {
        d->executor = NULL;
        eddyi_executor_abandon(e);
    }
    eddyi_executor_unref(e);
    return rc;
}

eddy_coroutine *eddy_loop_shutdown_default_executor(eddy_loop *loop, double timeout)
{
    return shutdown_default_executor(loop, timeout);
}
