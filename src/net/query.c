#include "net/query.h"

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
