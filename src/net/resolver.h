/*
 * Who looks names up for a loop: c-ares, or the C library in threads.
 *
 * A loop that ever looked up a name has a struct eddyi_resolver.
 */
#ifndef EDDYI_RESOLVER_H
#define EDDYI_RESOLVER_H

#include "eddy/executor.h"
#include "loop/loop.h"
#include "net/query.h"

struct eddyi_resolver {
    struct eddyi_loop_part part;
    eddy_resolver choice;
    bool looked;               /* whether the next is known */
    bool needs_system;         /* what /etc/nsswitch.conf says */
    char *servers;             /* owned; as given to eddy_loop_set_nameservers(), NULL: the system's */
    eddy_executor *threads;    /* of system.c; NULL: none yet */
    struct eddyi_cares *cares; /* of cares.c; NULL: none yet */
};

/* The loop's, made at the first use; NULL, and -ENOMEM raised, when memory is short. */
struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop);

/* Whether the C library is to do the next lookup. */
bool eddyi_resolver_is_system(struct eddyi_resolver *r);

/* Whether the line "hosts" of an nsswitch.conf asks for more than the files and then the name servers. */
bool eddyi_nsswitch_needs_system(const char *text, size_t size);

/*
 * Look up what is no literal, for the running task. 0, or an error as documented for eddy_getaddrinfo(), raised. The name of an address
 * goes into @host, of NI_MAXHOST bytes.
 */
EDDY_AWAITS int eddyi_system_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *q,
                                      struct addrinfo **ret);
EDDY_AWAITS int eddyi_system_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host);
EDDY_AWAITS int eddyi_cares_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *q,
                                     struct addrinfo **ret);
EDDY_AWAITS int eddyi_cares_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host);

/* Whether eddy was built with c-ares. */
extern const bool eddyi_has_cares;

/* Makes the channel, if there is none: what is wrong with the servers shows here. 0 or a raised error. */
int eddyi_cares_open(struct eddyi_resolver *r);

/* End them. Threads that are still asking go on alone; lookups by c-ares fail. */
void eddyi_system_close(struct eddyi_resolver *r);
void eddyi_cares_close(struct eddyi_resolver *r);

#endif
