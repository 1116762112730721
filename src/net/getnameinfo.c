#include "base/sys.h"
#include "eddy/error.h"
#include "net/lookup.h"
#include "task/task.h"

#include <stdio.h>
#include <string.h>

/* Copies a text into a caller's buffer, if there is one. */
static int give(const char *text, char *buf, size_t size)
{
    if (buf && size > 0 && (size_t)snprintf(buf, size, "%s", text) >= size)
        return eddy_raise(-EOVERFLOW, "getnameinfo: '%s' does not fit into %zu bytes", text, size);
    return 0;
}

static int name_service(const union eddyi_address *a, char *buf, size_t size, int flags)
{
    int port = ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
    char name[NI_MAXSERV];

    if ((flags & NI_NUMERICSERV) ||
        eddyi_sys_service_name(port, flags & NI_DGRAM ? "udp" : "tcp", name, sizeof name) < 0)
        snprintf(name, sizeof name, "%d", port);
    return give(name, buf, size);
}

/* Cuts a name in the domain of this machine down to its first label (NI_NOFQDN). */
static void cut_domain(char *name)
{
    char own[NI_MAXHOST], *domain, *dot = strchr(name, '.');

    if (!dot || eddyi_sys_hostname(own, sizeof own) < 0)
        return;
    domain = strchr(own, '.');
    if (domain && strcasecmp(domain, dot) == 0)
        *dot = '\0';
}

static int name_host(const union eddyi_address *a, char *buf, size_t size, int flags)
{
    char host[NI_MAXHOST];
    int rc = flags & NI_NUMERICHOST ? EDDY_ENONAME : eddyi_lookup_name(a, host);

    if (rc == 0 && (flags & NI_NOFQDN))
        cut_domain(host);
    if (rc == EDDY_ENONAME && !(flags & NI_NAMEREQD)) {
        eddyi_address_host(&a->sa, host, sizeof host);
        rc = 0;
    }
    return rc < 0 ? rc : give(host, buf, size);
}

static int check(const struct sockaddr *addr, socklen_t addrlen, int flags)
{
    const int known = NI_NUMERICHOST | NI_NUMERICSERV | NI_NAMEREQD | NI_NOFQDN | NI_DGRAM;

    if (flags & ~known)
        return eddy_raise(-EINVAL, "getnameinfo: unknown flags 0x%x", flags & ~known);
    if ((flags & NI_NUMERICHOST) && (flags & NI_NAMEREQD))
        return eddy_raise(-EINVAL, "getnameinfo: a number and a name are asked for");
    if (!addr || addrlen < sizeof addr->sa_family ||
        (addr->sa_family != AF_INET && addr->sa_family != AF_INET6))
        return eddy_raise(-EAFNOSUPPORT, "getnameinfo: not an IP address");
    if (addrlen < eddyi_address_size(addr->sa_family))
        return eddy_raise(-EINVAL, "getnameinfo: an address of %u bytes", (unsigned)addrlen);
    return 0;
}

int eddy_getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, size_t host_size,
                     char *service, size_t service_size, int flags)
{
    int rc = eddyi_task_current() ? check(addr, addrlen, flags) : eddyi_raise_no_task();
    union eddyi_address a;

    if (rc < 0)
        return rc;
    memset(&a, 0, sizeof a);
    memcpy(&a, addr, eddyi_address_size(addr->sa_family));
    if (host && host_size > 0)
        rc = name_host(&a, host, host_size, flags);
    if (rc == 0 && service && service_size > 0)
        rc = name_service(&a, service, service_size, flags);
    return rc;
}
