/*
 * The contents of /etc/hosts as a table.
 *
 * Reading 300 000 lines takes a tenth of a second, finding a name in them a microsecond.
 */
#ifndef EDDYI_DNS_HOSTS_H
#define EDDYI_DNS_HOSTS_H

#include "net/address.h"

#include <stdint.h>

struct eddyi_hosts;
struct eddyi_lookup;
struct eddyi_resolver;

/*
 * Parses hosts(5). Takes ownership of @text, @size bytes with a 0 behind them. Malformed lines
 * are skipped. May be called from any thread. NULL without memory.
 */
struct eddyi_hosts *eddyi_hosts_new(char *text, size_t size);
void eddyi_hosts_free(void *h); /* NULL is allowed */

/*
 * Finds the addresses of a name, of @family or AF_UNSPEC, in the order of the file, up to @max.
 * *ret_canonname is the first name of the first matching line and belongs to the table. Returns
 * their number.
 */
size_t eddyi_hosts_find(const struct eddyi_hosts *h, const char *name, int family,
                        union eddyi_address *ret, size_t max, const char **ret_canonname);

/* Finds the first name of an address. NULL if there is none. */
const char *eddyi_hosts_name(const struct eddyi_hosts *h, const union eddyi_address *a);

/* Brings the table of the hosts file up to date for @l. Returns 0, EDDYI_LOOKUP_WAITS, or a raised
 * error. */
int eddyi_hosts_update(struct eddyi_lookup *l);

/* Ends a read of the file, and frees the table of @r. */
void eddyi_hosts_close(struct eddyi_resolver *r);

#endif
