/* Caches of resolv.conf and the hosts file in a resolver. */
#ifndef EDDYI_DNS_FILES_H
#define EDDYI_DNS_FILES_H

#include "net/dns_config.h"
#include "net/dns_hosts.h"
#include "net/resolver.h"

/* Brings r->config up to date. 0 or a raised error. */
int eddyi_dns_config_update(struct eddyi_resolver *r);

struct eddyi_lookup;

/* Brings the hosts file's table up to date for @l. Returns 0, EDDYI_LOOKUP_WAITS, or a raised
 * error. */
int eddyi_hosts_update(struct eddyi_lookup *l);

void eddyi_dns_files_close(struct eddyi_resolver *r);

#endif
