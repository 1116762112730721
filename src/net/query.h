/*
 * What a caller of getaddrinfo asks for, and lists of what was found.
 */
#ifndef EDDYI_QUERY_H
#define EDDYI_QUERY_H

#include "eddy/net.h"
#include "net/address.h"

/* What is looked up; the strings are the caller's. */
struct eddyi_query {
    const char *host; /* NULL: this machine */
    int family;       /* AF_UNSPEC, AF_INET or AF_INET6 */
    int flags;        /* AI_… */
    unsigned n_types; /* each address is listed once for each of these */
    struct eddyi_query_type {
        int socktype, protocol, port;
    } types[3];
};

/* More than anybody can try; an answer that has more is cut there. */
enum { EDDYI_ADDRINFO_MAX = 1000 };

/* 0, or what is wrong with the request, as a raised error. */
int eddyi_query_init(struct eddyi_query *q, const char *host, const char *service,
                     const struct addrinfo *hints);

/* 1 and the list if nobody needs to be asked, else 0; or an error, raised. */
int eddyi_query_literal(const struct eddyi_query *q, struct addrinfo **ret);

/* 0, or EDDY_EBADNAME, raised: no name server needs to see this. */
int eddyi_name_check(const char *host, int flags);

/* The list of these addresses, of the right families, in order; @canonname may be NULL. 0 or
 * -ENOMEM. */
int eddyi_addrinfo_make(const struct eddyi_query *q, const union eddyi_address *addresses, size_t n,
                        const char *canonname, struct addrinfo **ret);

#endif
