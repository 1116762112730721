/*
 * Name lookups of a loop: by name servers on the loop, or by the C library in threads.
 *
 * A loop that ever looked up a name has a struct eddyi_resolver. Its caches of files are checked
 * before each lookup; lookups under way keep what they began with.
 */
#ifndef EDDYI_RESOLVER_H
#define EDDYI_RESOLVER_H

#include "base/sys.h"
#include "eddy/executor.h"
#include "loop/loop.h"
#include "net/query.h"

struct eddyi_hosts_load;

struct eddyi_resolver {
    struct eddyi_loop_part part;
    eddy_resolver choice;
    struct {
        const char *nsswitch, *resolv_conf, *hosts; /* paths; tests set others */
    } files;
    struct eddyi_file_stamp nsswitch_stamp;
    bool nsswitch_known;           /* the next two are up to date */
    bool needs_system;             /* only the C library knows the sources */
    char order[3];                 /* else the sources: 'f' hosts file, 'd' name servers */
    char *servers;                 /* owned; of eddy_loop_set_nameservers(), or NULL */
    eddy_executor *threads;        /* of system.c; NULL: none yet */
    unsigned n_asking, max_asking; /* lookups that ask servers now, and may at once */
    struct eddyi_list all;         /* struct eddyi_lookup: those that have no result yet */
    struct eddyi_list queue;       /* struct eddyi_lookup, until fewer ask */
    struct eddyi_list lookups;     /* struct eddyi_dns_lookup, under way */
    struct eddyi_file_stamp config_stamp, hosts_stamp;
    struct eddyi_dns_config *config; /* owns a reference; NULL: not loaded */
    struct eddyi_hosts *hosts;       /* owned; NULL: not loaded */
    struct eddyi_hosts_load *load;   /* the hosts file is being read in a thread; or NULL */
};

/* Returns the resolver of a loop, creating it at the first use. Raises -ENOMEM and returns NULL. */
struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop);

/* Returns the thread pool for lookups. NULL with a raised error. */
eddy_executor *eddyi_resolver_threads(struct eddyi_resolver *r);

/* Tells if the "hosts" line needs more than the hosts file and name servers. */
bool eddyi_nsswitch_needs_system(const char *text, size_t size);

/* Writes the order of those two sources: "fd", "df", "f" or "d". */
void eddyi_nsswitch_order(const char *text, size_t size, char ret[3]);

/* Brings r->config up to date. Returns 0, or a raised error. */
int eddyi_dns_config_update(struct eddyi_resolver *r);

/* True if eddy was built with c-ares. */
extern const bool eddyi_has_cares;

/*
 * Sets the name servers, NULL for those of resolv.conf; lookups under way fail. Returns 0, or a
 * raised error and no change.
 */
int eddyi_dns_set_servers(struct eddyi_resolver *r, const char *servers);

/* End the lookups of their kind. Threads that are still at work go on alone; they are not waited
 * for. */
void eddyi_system_close(struct eddyi_resolver *r);
void eddyi_dns_close(struct eddyi_resolver *r);

#endif
