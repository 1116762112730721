/*
 * Requests to getaddrinfo, and the lists of addresses that answer them.
 */
#ifndef EDDYI_QUERY_H
#define EDDYI_QUERY_H

#include "eddy/net.h"
#include "net/address.h"

/* A request. Borrows the caller's strings. */
struct eddyi_query {
    const char *host; /* NULL: this machine */
    int family;       /* AF_UNSPEC, AF_INET or AF_INET6 */
    int flags;        /* AI_… */
    unsigned n_types; /* each address is listed once per type */
    struct eddyi_query_type {
        int socktype, protocol, port;
    } types[3];
};

/* More addresses than any caller can try; longer answers are cut. */
enum { EDDYI_ADDRINFO_MAX = 1000 };

/* Checks a request and fills in *q. Returns 0 or a raised error. */
int eddyi_query_init(struct eddyi_query *q, const char *host, const char *service,
                     const struct addrinfo *hints);

/* Answers a request that needs no lookup. Returns 1 and the list, 0 if it needs one, or a raised
 * error. */
int eddyi_query_literal(const struct eddyi_query *q, struct addrinfo **ret);

/* Checks a name before any name server sees it. Returns 0 or raises EDDY_EBADNAME. */
int eddyi_name_check(const char *host, int flags);

/* Sorts the addresses in place, as RFC 6724 says; equally good ones keep their order. Asks the
 * kernel for the source address of each. */
void eddyi_addresses_sort(union eddyi_address *addresses, size_t n);

/* Makes the list of these addresses that have the right family, in order. @canonname may be NULL.
 * Returns 0 or -ENOMEM. */
int eddyi_addrinfo_make(const struct eddyi_query *q, const union eddyi_address *addresses, size_t n,
                        const char *canonname, struct addrinfo **ret);

#endif
