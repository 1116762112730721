#include "base/sys.h"
#include "eddy/error.h"
#include "net/resolver.h"
#include "task/task.h"

/* The resolver of the running task's loop, or NULL with an error raised. A loop that closes has none any more. */
static struct eddyi_resolver *resolver_here(eddy_task *t)
{
    if (t->future.loop->closed) {
        eddy_raise(-ECANCELED, NULL);
        return NULL;
    }
    return eddyi_resolver_of(t->future.loop);
}

int eddy_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret)
{
    eddy_task *t = eddyi_task_here();
    struct eddyi_resolver *r;
    struct eddyi_query q;
    int rc = t ? eddyi_query_init(&q, host, service, hints) : EDDY_ENOTASK;

    if (rc == 0)
        rc = eddyi_query_literal(&q, ret);
    if (rc == 0)
        rc = eddyi_name_check(host, q.flags);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    r = resolver_here(t);
    return r ? eddyi_system_addrinfo(r, &q, ret) : eddy_exception_code(eddy_error());
}
