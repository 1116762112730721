/*
 * The lists that eddy_getaddrinfo() returns: one piece of memory each, whatever their length.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/query.h"

#include <string.h>

/* An element of a list. The canonical name follows the last element. */
struct entry {
    struct addrinfo info;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
};

static bool wanted(const struct eddyi_query *q, const union eddyi_address *a)
{
    return q->family == AF_UNSPEC || q->family == a->sa.sa_family;
}

static void fill(struct entry *e, const struct eddyi_query *q, const union eddyi_address *a,
                 const struct eddyi_query_type *type)
{
    socklen_t size = eddyi_address_size(a->sa.sa_family);

    e->info = (struct addrinfo){.ai_flags = q->flags,
                                .ai_family = a->sa.sa_family,
                                .ai_socktype = type->socktype,
                                .ai_protocol = type->protocol,
                                .ai_addrlen = size,
                                .ai_addr = &e->address.sa};
    memcpy(&e->address, a, size);
    eddyi_address_set_port(&e->address.sa, type->port);
}

int eddyi_addrinfo_make(const struct eddyi_query *q, const union eddyi_address *addresses, size_t n,
                        const char *canonname, struct addrinfo **ret)
{
    size_t name_size = canonname && (q->flags & AI_CANONNAME) ? strlen(canonname) + 1 : 0;
    size_t n_entries = 0, k = 0;
    struct entry *entries;

    for (size_t i = 0; i < n; i++)
        n_entries += wanted(q, &addresses[i]) ? q->n_types : 0;
    if (n_entries > EDDYI_ADDRINFO_MAX)
        n_entries = EDDYI_ADDRINFO_MAX;
    entries = n_entries ? eddyi_zalloc(n_entries * sizeof *entries + name_size) : NULL;
    if (!entries)
        return n_entries ? -ENOMEM : EDDY_ENONAME;
    for (size_t i = 0; i < n; i++) {
        for (unsigned t = 0; t < q->n_types && k < n_entries && wanted(q, &addresses[i]);
             t++, k++) {
            fill(&entries[k], q, &addresses[i], &q->types[t]);
            if (k > 0)
                entries[k - 1].info.ai_next = &entries[k].info;
        }
    }
    if (name_size)
        entries[0].info.ai_canonname = memcpy(entries + n_entries, canonname, name_size);
    *ret = &entries[0].info;
    return 0;
}

void eddy_freeaddrinfo(struct addrinfo *list)
{
    eddyi_free(list);
}
