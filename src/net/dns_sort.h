/*
 * The order in which addresses of a host should be tried: RFC 6724, section 6.
 */
#ifndef EDDYI_DNS_SORT_H
#define EDDYI_DNS_SORT_H

#include "net/address.h"

/*
 * Sorts the addresses in place; equally good ones keep their order. Asks the kernel for the
 * source address of each.
 */
void eddyi_dns_sort(union eddyi_address *addresses, size_t n);

#endif
