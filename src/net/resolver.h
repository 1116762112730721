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
    eddy_loop *loop;
    eddy_executor *threads; /* of system.c; NULL: none yet */
};

/* The loop's, made at the first use; NULL, and -ENOMEM raised, when memory is short. */
struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop);

/* Look up what is no literal, for the running task. 0, or an error as documented for eddy_getaddrinfo(), raised. */
EDDY_AWAITS int eddyi_system_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *q,
                                      struct addrinfo **ret);
/* The name of an address, into @host of NI_MAXHOST bytes. */
EDDY_AWAITS int eddyi_system_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host);

/* For its end: the threads that are still asking go on alone. */
void eddyi_system_close(struct eddyi_resolver *r);

#endif
