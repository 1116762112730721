#include "base/sys.h"
#include "eddy/error.h"
#include "net/lookup.h"
#include "task/task.h"

/* Flags that only the C library implements. */
enum { SYSTEM_FLAGS = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN };

/* Returns the resolver of the task's loop. NULL with a raised error, also while the loop closes. */
static struct eddyi_resolver *resolver_here(eddy_task *t)
{
    if (t->future.loop->closed) {
        eddy_raise(-ECANCELED, NULL);
        return NULL;
    }
    return eddyi_resolver_of(t->future.loop);
}

static int look_up(struct eddyi_lookup *l, eddy_task *t, int64_t delay, struct addrinfo **ret)
{
    struct eddyi_resolver *r = resolver_here(t);

    if (!r)
        return eddy_exception_code(eddy_error());
    if ((l->query.flags & SYSTEM_FLAGS) || eddyi_resolver_is_system(r))
        return eddyi_system_addrinfo(r, &l->query, ret);
    return eddyi_dns_first(l, r, delay, ret);
}

int eddyi_lookup_first(struct eddyi_lookup *l, const char *host, const char *service,
                       const struct addrinfo *hints, int64_t delay, struct addrinfo **ret)
{
    eddy_task *t = eddyi_task_current();
    int rc;

    l->pending = false;
    rc = t ? eddyi_query_init(&l->query, host, service, hints) : eddyi_raise_no_task();
    if (rc == 0)
        rc = eddyi_query_literal(&l->query, ret);
    if (rc == 0)
        rc = eddyi_name_check(host, l->query.flags);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return look_up(l, t, delay, ret);
}

int eddyi_lookup_more(struct eddyi_lookup *l, struct addrinfo **ret)
{
    return l->pending ? eddyi_dns_more(l, ret) : 0;
}

void eddyi_lookup_end(struct eddyi_lookup *l)
{
    if (l->pending)
        eddyi_dns_end(l);
    l->pending = false;
}

int eddy_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret)
{
    struct eddyi_lookup l;
    int rc;

    if (!ret)
        return eddy_raise(-EINVAL, "getaddrinfo: there is no place for the list");
    rc = eddyi_lookup_first(&l, host, service, hints, -1, ret);

    eddyi_lookup_end(&l);
    return rc;
}
