/* Caches of resolv.conf and the hosts file in a resolver. */
#ifndef EDDYI_DNS_FILES_H
#define EDDYI_DNS_FILES_H

#include "net/dns_config.h"
#include "net/dns_hosts.h"
#include "net/resolver.h"

/* Brings r->config up to date. 0 or a raised error. */
int eddyi_dns_config_update(struct eddyi_resolver *r);

/*
 * Brings r->hosts up to date. 0 or a raised error; -ECANCELED if the loop was closed, and @r is
 * gone.
 */
EDDY_AWAITS int eddyi_hosts_update(struct eddyi_resolver *r);

void eddyi_dns_files_close(struct eddyi_resolver *r);

#endif
