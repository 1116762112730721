#include "net/query.h"

#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <ctype.h>
#include <string.h>

enum {
    KNOWN_FLAGS = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV | AI_V4MAPPED |
                  AI_ALL | AI_ADDRCONFIG | AI_IDN | AI_CANONIDN
};

/* Returns a decimal port number, or -1 if @text is none or the number is too large. */
static long port_number(const char *text)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char)*text))
        return -1;
    n = strtoul(text, &end, 10);
    return *end == '\0' && n <= 65535 ? (long)n : -1;
}

/* Returns the port of a service, or EDDY_ENOSERVICE if there is none with that protocol. */
static int port_of(const char *service, const char *protocol, int flags)
{
    long n = service && *service ? port_number(service) : 0;

    if (n < 0 && !(flags & AI_NUMERICSERV) && protocol && !isdigit((unsigned char)*service))
        n = eddyi_sys_service_port(service, protocol);
    return n < 0 ? EDDY_ENOSERVICE : (int)n;
}

static void add_type(struct eddyi_query *q, int socktype, int protocol, int port)
{
    q->types[q->n_types++] = (struct eddyi_query_type){socktype, protocol, port};
}

/* Chooses the socket types that were asked for, except for those without such a service. */
static int choose_types(struct eddyi_query *q, const char *service, const struct addrinfo *hints)
{
    static const struct {
        int socktype, protocol;
        const char *name;
    } known[] = {
        {SOCK_STREAM, IPPROTO_TCP, "tcp"}, {SOCK_DGRAM, IPPROTO_UDP, "udp"}, {SOCK_RAW, 0, NULL}};
    int wanted = hints->ai_socktype, protocol = hints->ai_protocol;
    bool matched = false;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int port;

        if ((wanted && wanted != known[i].socktype) ||
            (protocol && known[i].protocol && protocol != known[i].protocol))
            continue;
        matched = true;
        port = port_of(service, known[i].name, q->flags);
        if (port >= 0)
            add_type(q, known[i].socktype, known[i].protocol ? known[i].protocol : protocol, port);
    }
    /* A protocol that is not in the table, such as SCTP: the caller knows it. */
    if (!matched && wanted && protocol && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
        int port = port_of(service, NULL, q->flags);

        matched = true;
        if (port >= 0)
            add_type(q, wanted, protocol, port);
    }
    if (!matched)
        return eddy_raise(-ESOCKTNOSUPPORT, "getaddrinfo: socket type %d with protocol %d", wanted,
                          protocol);
    if (q->n_types == 0)
        return eddy_raise(EDDY_ENOSERVICE, "getaddrinfo: service '%s'", service);
    return 0;
}

int eddyi_query_init(struct eddyi_query *q, const char *host, const char *service,
                     const struct addrinfo *hints)
{
    static const struct addrinfo none;

    hints = hints ? hints : &none;
    *q = (struct eddyi_query){.host = host, .family = hints->ai_family, .flags = hints->ai_flags};
    if (q->flags & ~KNOWN_FLAGS)
        return eddy_raise(-EINVAL, "getaddrinfo: unknown flags 0x%x", q->flags & ~KNOWN_FLAGS);
    if (!host && (q->flags & AI_CANONNAME))
        return eddy_raise(-EINVAL, "getaddrinfo: AI_CANONNAME without a host");
    if (!host && !service)
        return eddy_raise(-EINVAL, "getaddrinfo: neither host nor service");
    if (q->family != AF_UNSPEC && q->family != AF_INET && q->family != AF_INET6)
        return eddy_raise(-EAFNOSUPPORT, "getaddrinfo: address family %d", q->family);
    return choose_types(q, service, hints);
}

/* Lists the addresses of this machine as the C library does: loopback with IPv6 first, all
 * interfaces with IPv4 first. */
static int this_machine(const struct eddyi_query *q, struct addrinfo **ret)
{
    union eddyi_address both[2] = {{.in = {.sin_family = AF_INET}},
                                   {.in6 = {.sin6_family = AF_INET6}}};
    union eddyi_address swap = both[0];

    if (!(q->flags & AI_PASSIVE)) {
        swap.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        both[0] = both[1];
        both[0].in6.sin6_addr = in6addr_loopback;
        both[1] = swap;
    }
    return eddyi_addrinfo_make(q, both, 2, NULL, ret);
}

int eddyi_query_literal(const struct eddyi_query *q, struct addrinfo **ret)
{
    union eddyi_address a;
    int rc = q->host ? eddyi_address_parse(q->host, &a) : 0;

    if (!q->host) {
        rc = this_machine(q, ret);
    } else if (rc == 0) {
        if (q->flags & AI_NUMERICHOST)
            return eddy_raise(EDDY_ENONAME, "getaddrinfo %s: not an address", q->host);
        return 0;
    } else if (rc < 0) {
        return eddy_raise(EDDY_ENONAME, "getaddrinfo %s: no such interface", q->host);
    } else if (q->family && q->family != a.sa.sa_family &&
               !(q->family == AF_INET6 && (q->flags & AI_V4MAPPED))) {
        return eddy_raise(EDDY_ENONAME, "getaddrinfo %s: not an IPv%d address", q->host,
                          q->family == AF_INET6 ? 6 : 4);
    } else {
        if (q->family == AF_INET6 && a.sa.sa_family == AF_INET)
            eddyi_address_map(&a);
        rc = eddyi_addrinfo_make(q, &a, 1, q->host, ret);
    }
    return rc < 0 ? eddy_raise(rc, NULL) : 1;
}

static int bad(const char *host, const char *why)
{
    return eddy_raise(EDDY_EBADNAME, "getaddrinfo '%.80s': %s", host, why);
}

/* Recognises the label of an abbreviated or malformed address, as in "256.1.1.1" or "127.1": there
 * is no numeric top-level domain. */
static bool is_numeric(const char *label, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char)label[i]))
            return length > 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
    return true;
}

int eddyi_name_check(const char *host, int flags)
{
    size_t total = strlen(host), length = 0;

    if (total > 0 && host[total - 1] == '.')
        total--;
    if (total > 253)
        return bad(host, "longer than 253 bytes");
    if (flags & AI_IDN) /* the C library encodes the name first */
        return total > 0 ? 0 : bad(host, "an empty label");
    for (size_t i = 0; i <= total; i += length + 1) {
        for (length = 0; i + length < total && host[i + length] != '.'; length++) {
            unsigned char c = (unsigned char)host[i + length];

            if (c <= ' ' || c >= 0x7f)
                return bad(host, c >= 0x7f ? "not ASCII, and without AI_IDN"
                                           : "a space or control character");
        }
        if (length == 0)
            return bad(host, "an empty label");
        if (length > 63)
            return bad(host, "a label of more than 63 bytes");
        if (i + length == total && is_numeric(host + i, length))
            return bad(host, "neither an address nor a name");
    }
    return 0;
}

/* The order in which addresses of a host should be tried: RFC 6724, section 6. */

/* Only this many addresses are sorted; the rest keeps its place. */
enum { MANY = 64 };

/* The policy table of RFC 6724, section 2.1; longer prefixes first. */
static const struct policy {
    unsigned char prefix[16];
    unsigned char length; /* in bits */
    unsigned char precedence, label;
} policies[] = {{{[15] = 1}, 128, 50, 0},
                {{[10] = 0xff, 0xff}, 96, 35, 4},
                {{0}, 96, 1, 3},
                {{0x20, 1, 0, 0}, 32, 5, 5},
                {{0x20, 2}, 16, 30, 2},
                {{0x3f, 0xfe}, 16, 1, 12},
                {{0xfe, 0xc0}, 10, 1, 11},
                {{0xfc}, 7, 3, 13},
                {{0}, 0, 40, 1}};

/* An address with its sort keys. */
struct rank {
    union eddyi_address address;
    bool usable, same_scope, same_label;
    int precedence, scope;
    unsigned common; /* leading bits in common with the source; IPv6 only */
};

/* Writes an address as IPv6, mapped if it is IPv4. */
static void widen(const union eddyi_address *a, unsigned char *ret)
{
    union eddyi_address copy = *a;

    if (copy.sa.sa_family == AF_INET)
        eddyi_address_map(&copy);
    memcpy(ret, &copy.in6.sin6_addr, 16);
}

static unsigned common_bits(const unsigned char *a, const unsigned char *b)
{
    unsigned n = 0;

    while (n < 128 && ((a[n / 8] ^ b[n / 8]) & (0x80 >> n % 8)) == 0)
        n++;
    return n;
}

static const struct policy *policy_of(const unsigned char *address)
{
    const struct policy *p = policies;

    while (common_bits(p->prefix, address) < p->length)
        p++;
    return p;
}

enum { LINK_LOCAL = 2, SITE_LOCAL = 5, GLOBAL = 14 };

static int scope_of(const unsigned char *a)
{
    static const unsigned char mapped[12] = {[10] = 0xff, 0xff}, loopback[16] = {[15] = 1};

    if (memcmp(a, mapped, sizeof mapped) == 0)
        return a[12] == 127 || (a[12] == 169 && a[13] == 254) ? LINK_LOCAL : GLOBAL;
    if (a[0] == 0xff)
        return a[1] & 0xf;
    if (memcmp(a, loopback, sizeof loopback) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
        return LINK_LOCAL;
    return a[0] == 0xfe && (a[1] & 0xc0) == 0xc0 ? SITE_LOCAL : GLOBAL;
}

/* Finds the source address that the kernel would use. Sends nothing. False if there is no route. */
static bool source_of(const union eddyi_address *to, union eddyi_address *ret)
{
    unsigned size = sizeof *ret;
    union eddyi_address there = *to;
    int fd = eddyi_sys_socket(to->sa.sa_family, SOCK_DGRAM, 0), rc = fd;

    if (fd < 0)
        return false;
    eddyi_address_set_port(&there.sa, 65535);
    rc = eddyi_sys_connect(fd, &there.sa, eddyi_address_size(to->sa.sa_family));
    if (rc == 0)
        rc = eddyi_sys_sockname(fd, &ret->sa, &size);
    eddyi_sys_close(fd);
    return rc == 0;
}

static void judge(struct rank *r)
{
    unsigned char address[16], source[16];
    union eddyi_address from;
    const struct policy *p;

    widen(&r->address, address);
    p = policy_of(address);
    r->precedence = p->precedence;
    r->scope = scope_of(address);
    r->usable = source_of(&r->address, &from);
    if (!r->usable)
        return;
    widen(&from, source);
    r->same_scope = scope_of(source) == r->scope;
    r->same_label = policy_of(source)->label == p->label;
    if (r->address.sa.sa_family == AF_INET6)
        r->common = common_bits(address, source);
}

/* Tells if @b should be tried before @a. */
static bool is_better(const struct rank *b, const struct rank *a)
{
    if (b->usable != a->usable)
        return b->usable;
    if (b->same_scope != a->same_scope)
        return b->same_scope;
    if (b->same_label != a->same_label)
        return b->same_label;
    if (b->precedence != a->precedence)
        return b->precedence > a->precedence;
    if (b->scope != a->scope)
        return b->scope < a->scope;
    return b->address.sa.sa_family == a->address.sa.sa_family && b->common > a->common;
}

void eddyi_addresses_sort(union eddyi_address *addresses, size_t n)
{
    struct rank *ranks = NULL;

    n = n < MANY ? n : MANY;
    if (n > 1)
        ranks = eddyi_zalloc(n * sizeof *ranks);
    if (!ranks)
        return;
    for (size_t i = 0; i < n; i++) {
        struct rank r = {.address = addresses[i]};
        size_t k = i;

        judge(&r);
        for (; k > 0 && is_better(&r, &ranks[k - 1]); k--)
            ranks[k] = ranks[k - 1];
        ranks[k] = r;
    }
    for (size_t i = 0; i < n; i++)
        addresses[i] = ranks[i].address;
    eddyi_free(ranks);
}

/* The lists that eddy_getaddrinfo() returns: one piece of memory each, whatever their length. */

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
