/*
 * Looking up the addresses of a host, with and without a task.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/lookup.h"

#include <string.h>

int eddy_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret)
{
    struct eddyi_lookup l;
    int rc;

    if (!ret)
        return eddy_raise(-EINVAL, "getaddrinfo: there is no place for the list");
    rc = eddyi_lookup_run(&l, host, service, hints, -1);
    if (rc == 0) {
        *ret = l.list;
        l.list = NULL;
    }
    eddyi_lookup_end(&l);
    return rc;
}

/* By callback. */

struct eddy_resolving {
    struct eddyi_lookup lookup;
    eddy_resolved_fn *done;
    void *arg;
    char host[]; /* what the lookup borrows */
};

static void tell(struct eddyi_lookup *l)
{
    eddy_resolving *r = eddyi_container(l, eddy_resolving, lookup);
    eddy_resolved_fn *done = r->done;
    struct addrinfo *list = l->list;
    void *arg = r->arg;
    int rc = l->result;

    l->list = NULL;
    eddy_resolving_cancel(r);
    done(arg, rc, list);
}

/* Runs in place of the lookup's step if that was over at once, which is told later too. */
static void told(struct eddyi_ready *ready)
{
    tell(eddyi_container(ready, struct eddyi_lookup, step));
}

int eddy_loop_getaddrinfo(eddy_loop *loop, const char *host, const char *service,
                          const struct addrinfo *hints, eddy_resolved_fn *done, void *arg,
                          eddy_resolving **ret)
{
    size_t size = host ? strlen(host) + 1 : 0;
    int rc = eddyi_loop_check(loop);
    eddy_resolving *r;

    if (rc == 0 && (!done || !ret))
        rc = eddy_raise(-EINVAL, "getaddrinfo: no function to be told, or no place for the lookup");
    r = rc < 0 ? NULL : eddyi_alloc(sizeof *r + size);
    if (!r)
        return rc < 0 ? rc : eddy_raise(-ENOMEM, NULL);
    r->done = done;
    r->arg = arg;
    if (host)
        memcpy(r->host, host, size);
    if (eddyi_lookup_begin(&r->lookup, loop, host ? r->host : NULL, service, hints, -1)) {
        rc = r->lookup.result;
        if (rc < 0) {
            eddy_resolving_cancel(r);
            return rc;
        }
        eddyi_ready_init(&r->lookup.step, told);
        eddyi_loop_ready(loop, &r->lookup.step);
    }
    r->lookup.done = tell;
    *ret = r;
    return 0;
}

void eddy_resolving_cancel(eddy_resolving *r)
{
    if (!r)
        return;
    eddyi_lookup_end(&r->lookup);
    eddyi_free(r);
}
