/*
 * Lookups: the addresses of a host, or the name of an address.
 *
 * A lookup is a row of callbacks of the loop; a task may wait for its end. Its owner can start with
 * a part of the addresses:
 *
 *     rc = eddyi_lookup_run(&l, …)     first addresses in l.list; suspends
 *     while (l.pending) …
 *         eddyi_lookup_more(&l, &list)  further ones, after each call of l.notice
 *     eddyi_lookup_end(&l)
 */
#ifndef EDDYI_LOOKUP_H
#define EDDYI_LOOKUP_H

#include "net/dns_lookup.h"
#include "net/resolver.h"
#include "task/future.h"
#include "task/outcome.h"

/* The result of a step that has to wait: it is taken again after eddyi_lookup_wake(). */
enum { EDDYI_LOOKUP_WAITS = 1 };

struct eddyi_lookup {
    eddy_loop *loop;
    struct eddyi_query query;           /* of a host */
    const union eddyi_address *address; /* whose name is looked up, borrowed; NULL: of a host */
    int64_t delay;                      /* see eddyi_lookup_begin() */
    /* Called once, when there is a result; eddyi_lookup_end() prevents that. */
    void (*done)(struct eddyi_lookup *l);
    bool over;             /* there is a result */
    int result;            /* 0, or a raised error */
    struct addrinfo *list; /* owned */
    char *name;            /* of the address: NI_MAXHOST bytes of the caller's, written with 0 */
    /* more addresses may come */
    bool pending;
    /* Called when eddyi_lookup_more() may have some. NULL: no call is wanted. */
    void (*notice)(struct eddyi_lookup *l);
    void *arg; /* for @notice */

    /* Of the lookup itself. */
    struct eddyi_resolver *resolver; /* NULL: it has not begun, or has ended */
    struct eddyi_list link;          /* in r->all, while there is no result */
    int (*go_on)(struct eddyi_lookup *l);
    struct eddyi_ready step;
    struct eddyi_outcome outcome; /* of a task that waits */
    eddy_future *job;             /* of the C library's lookup; owned; NULL: none */
    struct eddyi_hook hook;
    char sources[3];             /* see r->order */
    const char *source;          /* the one that is searched */
    struct eddyi_list waiting;   /* in r->queue, or for the hosts file */
    unsigned n_reads;            /* how often it has waited for the hosts file */
    int hosts_error;             /* of the latest read */
    bool asks;                   /* it is among the n_asking */
    struct eddyi_dns_lookup dns; /* valid while pending */
    struct eddyi_timer delayed;  /* end of the resolution delay */
    bool delay_over;
};

/* The Resolution Delay of RFC 8305, section 3, in nanoseconds. */
#define EDDYI_RESOLUTION_DELAY INT64_C(50000000)

/*
 * Begins to look up the addresses of @host, as eddy_getaddrinfo() does. @delay < 0 waits for all
 * addresses; otherwise the result may be those of one family, if they come first: IPv6 at once,
 * IPv4 after @delay nanoseconds. Borrows @host. Returns true if there is a result at once;
 * otherwise l->done, to be set by the caller, is called. Needs eddyi_lookup_end() in any case.
 */
bool eddyi_lookup_begin(struct eddyi_lookup *l, eddy_loop *loop, const char *host,
                        const char *service, const struct addrinfo *hints, int64_t delay);

/* Begins a lookup of addresses and suspends until there is a result, which it returns. */
EDDY_AWAITS int eddyi_lookup_run(struct eddyi_lookup *l, const char *host, const char *service,
                                 const struct addrinfo *hints, int64_t delay);

/* Looks up the name of @a, of which @ret_name has NI_MAXHOST bytes. Suspends. Returns 0, or raises
 * an error. */
EDDY_AWAITS int eddyi_lookup_name(const union eddyi_address *a, char *ret_name);

/*
 * Takes addresses that have come since. Returns 1 and *ret, or 0; no more will come once l->pending
 * is false. Errors are dropped.
 */
int eddyi_lookup_more(struct eddyi_lookup *l, struct addrinfo **ret);

/* Ends a lookup, in any state, and frees what was not taken of its result. */
void eddyi_lookup_end(struct eddyi_lookup *l);

/* Has the lookup go on; called for it by the objects that it waits for. */
void eddyi_lookup_wake(struct eddyi_lookup *l);

/* Take a step of a lookup in the hosts file and at name servers, or by the C library. Return
 * EDDYI_LOOKUP_WAITS, 0 with the result, or a raised error. */
int eddyi_dns_go_on(struct eddyi_lookup *l);
int eddyi_system_go_on(struct eddyi_lookup *l);

/* Return to the resolver what the lookup has of it. */
void eddyi_dns_end(struct eddyi_lookup *l);
void eddyi_system_end(struct eddyi_lookup *l);

int eddyi_dns_more(struct eddyi_lookup *l, struct addrinfo **ret);

#endif
