#include "net/dns_sort.h"

#include "base/sys.h"

#include <string.h>

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

void eddyi_dns_sort(union eddyi_address *addresses, size_t n)
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
