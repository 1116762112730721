#include "task/outcome.h"

#include "base/exception.h"

int eddyi_outcome_init(struct eddyi_outcome *o, bool (*cancel)(struct eddyi_wait *w),
                       const char *what)
{
    int rc = eddyi_wait_init(&o->wait, cancel);

    o->wait.what = what;
    o->parked = o->done = o->kept = false;
    o->result = -ECANCELED;
    o->exception = NULL;
    return rc;
}

bool eddyi_outcome_cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

void eddyi_outcome_set(struct eddyi_outcome *o, int64_t result)
{
    EDDYI_ASSERT(!o->done);
    if (o->wait.over)
        return;
    o->done = true;
    o->result = result;
    if (result < 0)
        o->exception = eddy_exception_ref(eddyi_error_of((int)result));
    if (o->parked)
        eddyi_wait_over(&o->wait);
}

void eddyi_outcome_done(void *o, int status)
{
    eddyi_outcome_set(o, status);
}

/* Parks. Returns true if the wait was cancelled, which is raised then. */
static bool park(struct eddyi_outcome *o)
{
    o->parked = true;
    eddyi_wait_park(&o->wait);
    if (!o->kept)
        return eddyi_wait_finish(&o->wait) < 0;
    return eddyi_wait_finish_with(&o->wait, o->result) < 0 && o->wait.cancelled;
}

int64_t eddyi_outcome_wait(struct eddyi_outcome *o)
{
    bool cancelled = !o->done && park(o);
    int64_t rc = cancelled ? -ECANCELED : o->result;

    if (!cancelled && o->exception)
        rc = eddy_reraise(o->exception);
    else if (!cancelled && rc == -ECANCELED)
        rc = eddy_raise(-ECANCELED, NULL);
    eddy_exception_unref(o->exception);
    return rc;
}
