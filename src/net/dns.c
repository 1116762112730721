/*
 * Lookups on the loop, in the hosts file and at name servers, in the order of nsswitch.conf.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/dns_files.h"
#include "net/dns_sort.h"
#include "net/lookup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const bool eddyi_has_cares = true;

static int failed(const struct eddyi_dns_lookup *l, const char *host)
{
    if (l->error == -ENOMEM || l->error == -ECANCELED)
        return eddy_raise(l->error, NULL);
    return l->why ? eddy_raise(l->error, "look up %s: %s", host, l->why)
                  : eddy_raise(l->error, "look up %s", host);
}

/* Sorts the addresses and makes the list of them. 0 or a raised error. */
static int make_list(const struct eddyi_query *q, union eddyi_address *addresses, size_t n,
                     const char *canonname, struct addrinfo **ret)
{
    int rc;

    eddyi_dns_sort(addresses, n);
    rc = eddyi_addrinfo_make(q, addresses, n, canonname, ret);
    return rc < 0 ? eddy_raise(rc, "look up %s", q->host) : 0;
}

/* The hosts file. */

static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t length = strlen(host), n = sizeof name - 1;

    length -= host[length - 1] == '.';
    return length >= n && strncasecmp(host + length - n, name, n) == 0 &&
           (length == n || host[length - n - 1] == '.');
}

/* Writes the loopback addresses: localhost never goes to a server (RFC 6761, section 6.3). */
static size_t loopback(int family, union eddyi_address *ret)
{
    size_t n = 0;

    if (family != AF_INET)
        ret[n++].in6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    if (family != AF_INET6)
        ret[n++].in =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return n;
}

/* Searches for the addresses of a host. Returns 0, or raises an error. */
static int find_host(struct eddyi_lookup *l)
{
    const struct eddyi_query *q = &l->query;
    union eddyi_address *found = eddyi_zalloc(EDDYI_ADDRINFO_MAX * sizeof *found);
    const char *canonname = q->host;
    size_t n;
    int rc;

    if (!found)
        return eddy_raise(-ENOMEM, NULL);
    n = eddyi_hosts_find(l->resolver->hosts, q->host, q->family, found, EDDYI_ADDRINFO_MAX,
                         &canonname);
    if (n == 0 && is_localhost(q->host))
        n = loopback(q->family, found);
    rc = n > 0 ? make_list(q, found, n, canonname, &l->list)
               : eddy_raise(EDDY_ENONAME, "look up %s: there is no such name", q->host);
    eddyi_free(found);
    return rc;
}

/* Searches for the name of an address. Returns 0, or raises an error. */
static int find_name(struct eddyi_lookup *l)
{
    const char *name = eddyi_hosts_name(l->resolver->hosts, l->address);
    char number[EDDYI_ADDRESS_TEXT];

    if (name) {
        snprintf(l->name, NI_MAXHOST, "%s", name);
        return 0;
    }
    eddyi_address_host(&l->address->sa, number, sizeof number);
    return eddy_raise(EDDY_ENONAME, "look up %s: it has no name", number);
}

static int search_file(struct eddyi_lookup *l)
{
    int rc = eddyi_hosts_update(l);

    return rc != 0 ? rc : l->address ? find_name(l) : find_host(l);
}

/* Name servers. */

static void notice(struct eddyi_dns_lookup *dns)
{
    eddyi_lookup_wake(eddyi_container(dns, struct eddyi_lookup, dns));
}

static void delay_is_over(struct eddyi_ready *ready)
{
    struct eddyi_lookup *l = eddyi_container(ready, struct eddyi_lookup, delayed.ready);

    l->delay_over = true;
    eddyi_lookup_wake(l);
}

/* Tells if the addresses of one family should be used before the other family has answered. */
static bool should_begin(struct eddyi_lookup *l)
{
    if (l->delay < 0 || !eddyi_dns_lookup_has(&l->dns, AF_UNSPEC))
        return false;
    if (l->delay_over || eddyi_dns_lookup_has(&l->dns, AF_INET6))
        return true;
    if (l->delayed.node.place == 0)
        l->delay_over = eddyi_timer_start_after(l->loop, &l->delayed, l->delay) < 0;
    return l->delay_over;
}

/* Counts @l among the lookups that ask, or queues it if there are too many. */
static bool take_turn(struct eddyi_lookup *l)
{
    struct eddyi_resolver *r = l->resolver;

    if (l->asks)
        return true;
    l->asks = r->n_asking < r->max_asking;
    r->n_asking += l->asks;
    if (!l->asks && eddyi_list_empty(&l->waiting))
        eddyi_list_append(&r->queue, &l->waiting);
    return l->asks;
}

/* Gives the place of @l to the first lookup in the queue. A closed loop has no resolver. */
static void leave_turn(struct eddyi_lookup *l)
{
    struct eddyi_resolver *r = l->resolver;
    struct eddyi_list *next;

    if (!l->asks || l->loop->closed)
        return;
    l->asks = false;
    next = eddyi_list_pop(&r->queue);
    if (next) {
        struct eddyi_lookup *other = eddyi_container(next, struct eddyi_lookup, waiting);

        other->asks = true;
        eddyi_lookup_wake(other);
    } else {
        r->n_asking--;
    }
}

static int begin(struct eddyi_lookup *l)
{
    struct eddyi_resolver *r = l->resolver;
    int rc = eddyi_dns_config_update(r);

    if (rc < 0)
        return rc;
    l->pending = true;
    eddyi_ready_init(&l->delayed.ready, delay_is_over);
    l->delayed.node.place = 0;
    l->dns.notice = notice;
    eddyi_dns_lookup_begin(&l->dns, l->loop, r->config, l->query.host, l->query.family, l->address);
    eddyi_list_append(&r->lookups, &l->dns.link);
    return 0;
}

/* Makes a list of the families that have come and were not taken before. */
static int take(struct eddyi_lookup *l, struct addrinfo **ret)
{
    union eddyi_address *all = eddyi_zalloc(2 * EDDYI_ADDRINFO_MAX * sizeof *all);
    const char *canonname = NULL;
    size_t n = 0;
    int rc;

    if (!all)
        return eddy_raise(-ENOMEM, NULL);
    for (int i = 1; i >= 0; i--) {
        struct eddyi_dns_family *f = &l->dns.family[i];

        if (f->taken || f->found.n == 0)
            continue;
        memcpy(all + n, f->found.addresses, f->found.n * sizeof *all);
        n += f->found.n;
        canonname = f->found.canonname;
        f->taken = true;
    }
    rc = make_list(&l->query, all, n, canonname, ret);
    eddyi_free(all);
    return rc;
}

static int result_of(struct eddyi_lookup *l)
{
    char number[EDDYI_ADDRESS_TEXT];

    if (l->dns.error && l->address)
        eddyi_address_host(&l->address->sa, number, sizeof number);
    if (l->dns.error)
        return failed(&l->dns, l->address ? number : l->query.host);
    if (!l->address)
        return take(l, &l->list);
    memcpy(l->name, l->dns.name, NI_MAXHOST);
    return 0;
}

/* Asks until the lookup is over or has addresses to begin with. */
static int ask_servers(struct eddyi_lookup *l)
{
    int rc;

    if (!take_turn(l))
        return EDDYI_LOOKUP_WAITS;
    rc = l->pending ? 0 : begin(l);
    if (rc == 0 && !eddyi_dns_lookup_step(&l->dns) && !should_begin(l))
        return EDDYI_LOOKUP_WAITS;
    if (rc == 0)
        rc = result_of(l);
    if (rc < 0 || l->dns.over)
        eddyi_dns_end(l);
    return rc;
}

int eddyi_dns_go_on(struct eddyi_lookup *l)
{
    int rc = EDDY_ENONAME;

    for (; *l->source && rc == EDDY_ENONAME; l->source++) {
        rc = *l->source == 'd' ? ask_servers(l) : search_file(l);
        if (rc == EDDYI_LOOKUP_WAITS)
            break;
    }
    return rc;
}

int eddyi_dns_more(struct eddyi_lookup *l, struct addrinfo **ret)
{
    bool over = eddyi_dns_lookup_step(&l->dns);
    int rc = 0;

    if (l->dns.error == 0 && eddyi_dns_lookup_has(&l->dns, AF_UNSPEC))
        rc = take(l, ret) == 0;
    if (over)
        eddyi_dns_end(l);
    return rc;
}

void eddyi_dns_end(struct eddyi_lookup *l)
{
    eddyi_list_remove(&l->waiting);
    if (l->pending) {
        eddyi_timer_stop(l->loop, &l->delayed);
        eddyi_dns_lookup_end(&l->dns);
    }
    l->pending = false;
    leave_turn(l);
}

int eddyi_dns_set_servers(struct eddyi_resolver *r, const char *servers)
{
    struct eddyi_dns_config *c = NULL;
    struct eddyi_file_stamp stamp;
    char *copy = servers ? eddyi_strdup(servers) : NULL;
    int rc = servers && !copy ? eddy_raise(-ENOMEM, NULL) : 0;

    eddyi_sys_file_stamp(r->files.resolv_conf, &stamp);
    if (rc == 0)
        rc = eddyi_dns_config_load(r->files.resolv_conf, servers, &c);
    if (rc < 0) {
        eddyi_free(copy);
        return rc;
    }
    eddyi_free(r->servers);
    r->servers = copy;
    eddyi_dns_config_unref(r->config);
    r->config = c;
    r->config_stamp = stamp;
    EDDYI_LIST_EACH(l, &r->lookups)
        eddyi_dns_lookup_fail(eddyi_container(l, struct eddyi_dns_lookup, link), EDDY_ENAMEAGAIN,
                              "the name servers were changed");
    return 0;
}

void eddyi_dns_close(struct eddyi_resolver *r)
{
    while (eddyi_list_pop(&r->lookups))
        ;
    while (eddyi_list_pop(&r->queue))
        ;
    eddyi_dns_files_close(r);
}
