/*
 * A lookup whose caller can start with a part of the result.
 *
 *     rc = eddyi_lookup_first(&l, …, &list)    first addresses
 *     while (l.pending) …
 *         eddyi_lookup_more(&l, &list)         further ones, after each call of l.notice
 *     eddyi_lookup_end(&l)
 */
#ifndef EDDYI_LOOKUP_H
#define EDDYI_LOOKUP_H

#include "net/dns_lookup.h"
#include "net/resolver.h"
#include "task/wait.h"

struct eddyi_lookup {
    struct eddyi_query query;
    bool pending; /* more addresses may come */
    /* Called when eddyi_lookup_more() may have something; set after _first. */
    void (*notice)(struct eddyi_lookup *l);
    void *arg;                       /* for @notice */
    struct eddyi_wait *wait;         /* of the task while it is parked in _first */
    struct eddyi_resolver *resolver; /* NULL: not among its n_asking */
    struct eddyi_list turn;          /* in r->queue, until the lookup may ask */
    struct eddyi_dns_lookup dns;     /* valid while pending */
    struct eddyi_timer delay;        /* end of the resolution delay */
    bool delayed;                    /* the delay has expired */
};

/* The Resolution Delay of RFC 8305, section 3, in nanoseconds. */
#define EDDYI_RESOLUTION_DELAY INT64_C(50000000)

/*
 * Looks up as eddy_getaddrinfo() does. @delay < 0 waits for all addresses. Otherwise returns the
 * addresses of one family, if they come first: IPv6 at once, IPv4 after @delay nanoseconds. Needs
 * _end() in any case.
 */
EDDY_AWAITS int eddyi_lookup_first(struct eddyi_lookup *l, const char *host, const char *service,
                                   const struct addrinfo *hints, int64_t delay,
                                   struct addrinfo **ret);

/*
 * Takes addresses that have come since. Returns 1 and *ret, or 0; no more will come once l->pending
 * is false. Errors are dropped.
 */
int eddyi_lookup_more(struct eddyi_lookup *l, struct addrinfo **ret);

void eddyi_lookup_end(struct eddyi_lookup *l);

/* The parts of these functions that ask name servers; l->query is set and is no literal. */
EDDY_AWAITS int eddyi_dns_first(struct eddyi_lookup *l, struct eddyi_resolver *r, int64_t delay,
                                struct addrinfo **ret);
int eddyi_dns_more(struct eddyi_lookup *l, struct addrinfo **ret);
void eddyi_dns_end(struct eddyi_lookup *l);

#endif
