#include "net/address.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int eddyi_address_parse(const char *text, union eddyi_address *ret)
{
    const char *scope = strchr(text, '%');
    size_t length = scope ? (size_t)(scope - text) : strlen(text);
    char buf[INET6_ADDRSTRLEN];
    union eddyi_address a;

    if (length >= sizeof buf)
        return 0;
    memcpy(buf, text, length);
    buf[length] = '\0';
    memset(&a, 0, sizeof a);
    if (!scope && inet_pton(AF_INET, buf, &a.in.sin_addr) == 1) {
        a.sa.sa_family = AF_INET;
    } else if (inet_pton(AF_INET6, buf, &a.in6.sin6_addr) == 1) {
        int index = scope ? eddyi_sys_interface(scope + 1) : 0;

        if (index < 0)
            return index;
        a.sa.sa_family = AF_INET6;
        a.in6.sin6_scope_id = (unsigned)index;
    } else {
        return 0;
    }
    *ret = a;
    return 1;
}

void eddyi_address_map(union eddyi_address *a)
{
    struct in_addr v4 = a->in.sin_addr;

    memset(a, 0, sizeof *a);
    a->sa.sa_family = AF_INET6;
    a->in6.sin6_addr.s6_addr[10] = a->in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&a->in6.sin6_addr.s6_addr[12], &v4, sizeof v4);
}

void eddyi_address_set_port(struct sockaddr *sa, int port)
{
    if (sa->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons((uint16_t)port);
    else if (sa->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)sa)->sin_port = htons((uint16_t)port);
}

static void format_ipv6(const struct sockaddr_in6 *in6, char *buf, size_t size)
{
    char name[IF_NAMESIZE];
    size_t n;

    if (!inet_ntop(AF_INET6, &in6->sin6_addr, buf, (socklen_t)size))
        snprintf(buf, size, "?");
    n = strlen(buf);
    if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, name))
        snprintf(buf + n, size - n, "%%%s", name);
    else if (in6->sin6_scope_id)
        snprintf(buf + n, size - n, "%%%u", in6->sin6_scope_id);
}

void eddyi_address_host(const struct sockaddr *sa, char *buf, size_t size)
{
    const union eddyi_address *a = (const void *)sa;

    if (sa->sa_family == AF_INET6)
        format_ipv6(&a->in6, buf, size);
    else if (sa->sa_family != AF_INET || !inet_ntop(AF_INET, &a->in.sin_addr, buf, (socklen_t)size))
        snprintf(buf, size, "?");
}

static void format_unix(const struct sockaddr_un *un, socklen_t len, char *buf, size_t size)
{
    size_t offset = offsetof(struct sockaddr_un, sun_path), n = len > offset ? len - offset : 0;

    if (n == 0)
        snprintf(buf, size, "an unnamed socket");
    else if (un->sun_path[0] == '\0')
        snprintf(buf, size, "@%.*s", (int)n - 1, un->sun_path + 1);
    else
        snprintf(buf, size, "%.*s", (int)n, un->sun_path);
}

const char *eddyi_address_format(const struct sockaddr *sa, socklen_t len, char *buf, size_t size)
{
    const union eddyi_address *a = (const void *)sa;
    size_t n;

    if (len < sizeof sa->sa_family || sa->sa_family == AF_UNIX) {
        format_unix(&a->un, len, buf, size);
        return buf;
    }
    if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6) {
        snprintf(buf, size, "an address of family %d", sa->sa_family);
        return buf;
    }
    eddyi_address_host(sa, buf, size);
    n = strlen(buf);
    snprintf(buf + n, size - n, " port %d",
             ntohs(sa->sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port));
    return buf;
}

int eddyi_address_unix(const char *path, union eddyi_address *ret, socklen_t *ret_len)
{
    size_t n = path ? strlen(path) : 0, offset = offsetof(struct sockaddr_un, sun_path);

    if (n == 0)
        return -EINVAL;
    /* The kernel adds a terminator of its own where there is no room for one, but then
     * getsockname(2) reports 109 bytes. */
    if (n >= sizeof ret->un.sun_path + (path[0] == '@'))
        return -ENAMETOOLONG;
    memset(ret, 0, sizeof *ret);
    ret->un.sun_family = AF_UNIX;
    memcpy(ret->un.sun_path, path, n);
    if (path[0] == '@')
        ret->un.sun_path[0] = '\0';
    /* A terminator would be part of an abstract name. */
    *ret_len = (socklen_t)(offset + n + (path[0] != '@'));
    return 0;
}

bool eddyi_address_equal(const struct sockaddr *a, const struct sockaddr *b)
{
    const union eddyi_address *x = (const void *)a, *y = (const void *)b;

    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return x->in.sin_port == y->in.sin_port && x->in.sin_addr.s_addr == y->in.sin_addr.s_addr;
    return x->in6.sin6_port == y->in6.sin6_port && x->in6.sin6_scope_id == y->in6.sin6_scope_id &&
           memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr, sizeof x->in6.sin6_addr) == 0;
}
