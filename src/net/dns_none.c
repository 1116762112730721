/* Stands in for the other dns files in a build without c-ares. No function in here is ever
 * called. */
#include "eddy/error.h"
#include "net/lookup.h"

const bool eddyi_has_cares = false;

int eddyi_dns_go_on(struct eddyi_lookup *l)
{
    return eddy_raise(-EOPNOTSUPP, NULL);
}

int eddyi_dns_more(struct eddyi_lookup *l, struct addrinfo **ret)
{
    return 0;
}

void eddyi_dns_end(struct eddyi_lookup *l)
{
}

int eddyi_dns_set_servers(struct eddyi_resolver *r, const char *servers)
{
    return eddy_raise(-EOPNOTSUPP, "eddy was built without c-ares");
}

void eddyi_dns_close(struct eddyi_resolver *r)
{
}
