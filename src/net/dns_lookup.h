/*
 * A name or an address looked up at name servers, by dns.c: search domains in turn, both families
 * concurrently. The addresses of one family are available as soon as they have come; the other
 * family then gets one more timeout.
 */
#ifndef EDDYI_DNS_LOOKUP_H
#define EDDYI_DNS_LOOKUP_H

#include "net/dns_exchange.h"

struct eddyi_dns_lookup;

struct eddyi_dns_family {
    struct eddyi_dns_exchange exchange;
    struct eddyi_dns_lookup *lookup;
    struct eddyi_dns_addresses found;
    bool wanted, asked;
    bool over;  /* its exchange has ended and was read */
    bool taken; /* found was handed out */
};

/* A lookup; lies on the stack of its task and must not move. */
struct eddyi_dns_lookup {
    struct eddyi_list link; /* in r->lookups */
    eddy_loop *loop;
    struct eddyi_dns_config *config;            /* a reference */
    void (*notice)(struct eddyi_dns_lookup *l); /* asks for another step */
    const char *host;                           /* borrowed */
    const union eddyi_address *address;         /* borrowed; NULL to look up a name */
    unsigned position;                          /* index of the next name to try */
    unsigned first_server;
    char *name;                        /* asked for, or found; owned, NI_MAXHOST bytes */
    struct eddyi_dns_family family[2]; /* IPv4, IPv6; the first alone for a PTR question */
    struct eddyi_timer patience;       /* limits the wait for the second family */
    bool patience_started, patience_expired;
    bool found; /* there are addresses, or a name */
    bool over;
    bool no_data;       /* a server knows the name but no address */
    int failure, error; /* of a name that was tried; of the lookup. 0: none */
    const char *why;    /* static text for the error, or NULL */
};

#endif
