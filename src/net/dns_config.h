/*
 * How name servers are asked: the contents of resolv.conf(5) at one moment.
 *
 * Each lookup holds a reference until it ends, so a change of the file does not affect lookups
 * that are under way.
 */
#ifndef EDDYI_DNS_CONFIG_H
#define EDDYI_DNS_CONFIG_H

#include "net/address.h"

#include <stdint.h>

enum { EDDYI_DNS_SERVERS_MAX = 8 };

struct eddyi_dns_config {
    unsigned refs;
    unsigned n_servers; /* at least 1 */
    union eddyi_address servers[EDDYI_DNS_SERVERS_MAX];
    unsigned ndots;    /* names with this many dots are tried as they are first */
    unsigned attempts; /* tries per server, at least 1 */
    /* limits the wait for the second family once the first has come, in ns; @timeout by default */
    int64_t patience;
    int64_t timeout; /* of a try at the first server, in nanoseconds */
    bool rotate;     /* each lookup begins with the next server */
    bool use_vc;     /* TCP only */
    bool edns0;
    bool trust_ad;       /* questions set the AD bit */
    bool single_request; /* IPv4 is asked first, then IPv6 */
    bool no_aaaa;        /* no questions for IPv6 addresses */
    bool no_reload;      /* changes of the file are ignored */
    unsigned next;       /* with rotate: the server of the next lookup */
    char *search;        /* owned; domains, each 0-terminated, then an empty one */
};

/*
 * Makes a configuration with the default options, no servers and no domains. NULL without memory.
 */
struct eddyi_dns_config *eddyi_dns_config_new(void);
void eddyi_dns_config_unref(struct eddyi_dns_config *c); /* NULL is allowed */

/* Adds the lines of a resolv.conf; skips unknown ones, as the C library does. 0 or -ENOMEM. */
int eddyi_dns_config_read(struct eddyi_dns_config *c, const char *text, size_t size);

/* Adds options, separated by white space: "timeout:2 rotate". */
void eddyi_dns_config_options(struct eddyi_dns_config *c, const char *text, size_t size);

/*
 * Replaces the servers with those in @list, separated by commas. 0, or -EINVAL if it is empty,
 * too long or malformed.
 */
int eddyi_dns_config_servers(struct eddyi_dns_config *c, const char *list);

/*
 * Loads the configuration from the file at @path and the environment; @servers, if not NULL,
 * replaces the servers of the file. A file that does not exist or may not be read counts as
 * empty; without servers it is 127.0.0.1.
 *
 * 0 and *ret, which the caller owns, or a raised error: -EINVAL for @servers, -EMFILE, -ENOMEM.
 */
int eddyi_dns_config_load(const char *path, const char *servers, struct eddyi_dns_config **ret);

#endif
