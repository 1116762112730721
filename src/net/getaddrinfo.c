#include "base/sys.h"
#include "eddy/error.h"
#include "net/resolver.h"
#include "task/task.h"

/* What c-ares does not do. */
enum { SYSTEM_FLAGS = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN };

/* The resolver of the running task's loop, or NULL with an error raised. A loop that closes has none any more. */
static struct eddyi_resolver *resolver_here(eddy_task *t)
{
    if (t->future.loop->closed) {
        eddy_raise(-ECANCELED, NULL);
        return NULL;
    }
    return eddyi_resolver_of(t->future.loop);
}

static int look_up(eddy_task *t, const struct eddyi_query *q, struct addrinfo **ret)
{
    struct eddyi_resolver *r = resolver_here(t);

    if (!r)
        return eddy_exception_code(eddy_error());
    if ((q->flags & SYSTEM_FLAGS) || eddyi_resolver_is_system(r))
        return eddyi_system_addrinfo(r, q, ret);
    return eddyi_cares_addrinfo(r, q, ret);
}

int eddy_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret)
{
    eddy_task *t = eddyi_task_here();
    struct eddyi_query q;
    int rc = t ? eddyi_query_init(&q, host, service, hints) : EDDY_ENOTASK;

    if (rc == 0)
        rc = eddyi_query_literal(&q, ret);
    if (rc == 0)
        rc = eddyi_name_check(host, q.flags);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return look_up(t, &q, ret);
}
