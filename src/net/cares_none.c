/*
 * In the place of cares.c where eddy is built without c-ares: nothing of this is called then.
 */
#include "eddy/error.h"
#include "net/resolver.h"

const bool eddyi_has_cares = false;

int eddyi_cares_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *q, struct addrinfo **ret)
{
    return eddy_raise(-EOPNOTSUPP, NULL);
}

int eddyi_cares_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    return eddy_raise(-EOPNOTSUPP, NULL);
}

int eddyi_cares_open(struct eddyi_resolver *r)
{
    return eddy_raise(-EOPNOTSUPP, NULL);
}

void eddyi_cares_close(struct eddyi_resolver *r)
{
}
