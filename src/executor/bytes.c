/*
 * The bytes that jobs return, for the waiting side.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "executor/job.h"
#include "task/future.h"

#include <string.h>

const void *eddy_concurrent_future_bytes(const eddy_concurrent_future *cf, size_t *ret_size)
{
    const struct eddyi_job *job = eddyi_job_if(cf);

    if (!job || !eddyi_concurrent_done(cf) || !job->bytes.data)
        return NULL;
    if (ret_size)
        *ret_size = job->bytes.size;
    return job->bytes.data;
}

const void *eddy_future_bytes(const eddy_future *f, size_t *ret_size)
{
    const eddy_concurrent_future *source = eddyi_wrapped_source(f);

    return source && eddyi_future_done(f) ? eddy_concurrent_future_bytes(source, ret_size) : NULL;
}

/* Takes the job's own bytes if no other code can see them, otherwise a copy. Raises -ENOMEM. */
static int take(eddy_future *f, eddy_bytes *ret)
{
    struct eddyi_job *job = eddyi_job_if(eddyi_wrapped_source(f));
    eddy_bytes bytes = {NULL, 0};
    const void *data = eddy_future_bytes(f, &bytes.size);

    if (data && f->refs == 1 && job->cf.private) {
        bytes = job->bytes;
        job->bytes = (eddy_bytes){NULL, 0};
    } else if (data) {
        bytes.data = eddyi_alloc(bytes.size);
        if (!bytes.data)
            return eddy_raise(-ENOMEM, NULL);
        memcpy(bytes.data, data, bytes.size);
    }
    *ret = bytes;
    return 0;
}

int eddy_await_bytes(eddy_future *f, eddy_bytes *ret)
{
    int rc = ret ? eddy_await(eddy_future_ref(f))
                 : eddy_raise(-EINVAL, "await_bytes: there is no place for the bytes");
    int taken = rc < 0 ? rc : take(f, ret);

    eddy_future_unref(f);
    return taken < 0 ? taken : rc;
}

void eddy_bytes_fini(eddy_bytes *b)
{
    eddyi_free(b->data);
    *b = (eddy_bytes){NULL, 0};
}
