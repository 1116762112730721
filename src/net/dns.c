/*
 * Lookups on the loop, in the hosts file and at name servers, in the order of nsswitch.conf.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/dns_hosts.h"
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

    eddyi_addresses_sort(addresses, n);
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

/* A question to name servers: search domains in turn, both families concurrently. */

enum { LONGEST_NAME = 253, N_FAMILIES = 2 };

static const struct {
    int family, type;
} families[N_FAMILIES] = {{AF_INET, EDDYI_DNS_A}, {AF_INET6, EDDYI_DNS_AAAA}};

static void exchange_done(struct eddyi_dns_exchange *e)
{
    struct eddyi_dns_lookup *l = eddyi_container(e, struct eddyi_dns_family, exchange)->lookup;

    l->notice(l);
}

static void out_of_patience(struct eddyi_ready *r)
{
    struct eddyi_dns_lookup *l = eddyi_container(r, struct eddyi_dns_lookup, patience.ready);

    l->patience_expired = true;
    l->notice(l);
}

/* The names to ask for. */

static bool is_absolute(const char *host)
{
    return host[strlen(host) - 1] == '.';
}

static bool is_asked_first(const struct eddyi_dns_lookup *l)
{
    unsigned dots = 0;

    for (const char *p = l->host; *p; p++)
        dots += *p == '.';
    return is_absolute(l->host) || dots >= l->config->ndots;
}

static unsigned count_domains(const struct eddyi_dns_lookup *l)
{
    unsigned n = 0;

    if (is_absolute(l->host))
        return 0;
    for (const char *d = l->config->search; d && *d; d += strlen(d) + 1)
        n++;
    return n;
}

static const char *domain(const struct eddyi_dns_lookup *l, unsigned n)
{
    const char *d = l->config->search;

    while (n-- > 0)
        d += strlen(d) + 1;
    return d;
}

/*
 * Puts the next name to ask for into l->name: the host itself, and the host in each search
 * domain. The number of dots decides if the host itself comes first or last. False at the end.
 */
static bool next_name(struct eddyi_dns_lookup *l)
{
    unsigned n = count_domains(l), as_is = is_asked_first(l) ? 0 : n;

    while (l->position <= n) {
        unsigned p = l->position++;
        int length = p == as_is ? snprintf(l->name, NI_MAXHOST, "%s", l->host)
                                : snprintf(l->name, NI_MAXHOST, "%s.%s", l->host,
                                           domain(l, p > as_is ? p - 1 : p));

        if (length <= LONGEST_NAME + is_absolute(l->name))
            return true;
    }
    return false;
}

/* Asking. */

static void ask(struct eddyi_dns_lookup *l, unsigned i)
{
    struct eddyi_dns_family *f = &l->family[i];

    f->asked = true;
    f->lookup = l;
    f->exchange.done = exchange_done;
    eddyi_dns_exchange_start(&f->exchange, l->loop, l->config, l->first_server, l->name,
                             l->address ? EDDYI_DNS_PTR : families[i].type);
    if (l->found)
        eddyi_dns_exchange_hurry(&f->exchange);
}

static void forget(struct eddyi_dns_family *f)
{
    eddyi_dns_exchange_end(&f->exchange);
    eddyi_dns_addresses_fini(&f->found);
    f->asked = f->over = false;
}

/* Asks for the next name. False if there is none. */
static bool ask_next(struct eddyi_dns_lookup *l)
{
    if (l->address && l->position++ > 0)
        return false;
    if (l->address)
        eddyi_dns_arpa(l->address, l->name);
    else if (!next_name(l))
        return false;
    for (unsigned i = 0; i < N_FAMILIES; i++) {
        forget(&l->family[i]);
        if (l->family[i].wanted && (i == 0 || !l->config->single_request || !l->family[0].wanted))
            ask(l, i);
    }
    return true;
}

static void stop(struct eddyi_dns_lookup *l, int error, const char *why)
{
    l->over = true;
    l->error = error;
    l->why = why;
    for (unsigned i = 0; i < N_FAMILIES; i++)
        eddyi_dns_exchange_end(&l->family[i].exchange);
    eddyi_timer_stop(l->loop, &l->patience);
}

/* Ends it after the last name. */
static void give_up(struct eddyi_dns_lookup *l)
{
    if (l->failure)
        stop(l, l->failure, l->why);
    else
        stop(l, EDDY_ENONAME,
             l->no_data ? "the name has no such address" : "there is no such name");
}

/*
 * Records a failure. A server that failed may do so for one domain only, so other names are
 * tried; a timeout or a local error ends the lookup.
 */
static void note_failure(struct eddyi_dns_lookup *l, const struct eddyi_dns_exchange *e, int code)
{
    if (code == EDDY_ENONAME || code == EDDY_EBADNAME)
        return;
    l->failure = code;
    l->why = e->why;
    if (code != EDDY_ENAMEAGAIN || !e->server_spoke)
        l->position = UINT32_MAX;
}

static void collect(struct eddyi_dns_lookup *l, unsigned i)
{
    struct eddyi_dns_family *f = &l->family[i];
    const struct eddyi_dns_exchange *e = &f->exchange;
    int rc = e->error;

    if (!f->asked || f->over || e->running)
        return;
    f->over = true;
    if (rc == 0 && !e->no_such && l->address)
        rc = eddyi_dns_host_of(e->answer, e->n_answer, l->address, l->name);
    else if (rc == 0 && !e->no_such)
        rc = eddyi_dns_addresses_init(&f->found, e->answer, e->n_answer, families[i].type);
    if (rc < 0) {
        note_failure(l, e, rc);
    } else if (!e->no_such) {
        l->found = l->found || l->address || f->found.n > 0;
        l->no_data = true;
    }
}

static bool all_over(const struct eddyi_dns_lookup *l)
{
    for (unsigned i = 0; i < N_FAMILIES; i++)
        if (l->family[i].wanted && !l->family[i].over)
            return false;
    return true;
}

/* One family has addresses: asks for the other at shorter intervals, for one timeout in all. */
static void hurry(struct eddyi_dns_lookup *l)
{
    for (unsigned i = 0; i < N_FAMILIES; i++)
        eddyi_dns_exchange_hurry(&l->family[i].exchange);
    if (!l->patience_started &&
        eddyi_timer_start_after(l->loop, &l->patience, l->config->patience) < 0)
        l->patience_expired = true;
    l->patience_started = true;
}

/* Asks the second question of single-request once the first is over. */
static bool ask_second(struct eddyi_dns_lookup *l)
{
    struct eddyi_dns_family *second = &l->family[1];

    if (!second->wanted || second->asked || !l->family[0].over)
        return false;
    ask(l, 1);
    return true;
}

static bool asking_step(struct eddyi_dns_lookup *l)
{
    while (!l->over) {
        for (unsigned i = 0; i < N_FAMILIES; i++)
            collect(l, i);
        if (ask_second(l))
            continue;
        if (l->found && (l->patience_expired || all_over(l)))
            stop(l, 0, NULL);
        else if (l->found && !l->patience_started)
            hurry(l);
        else if (!all_over(l))
            return false;
        else if (!ask_next(l))
            give_up(l);
    }
    return true;
}

static bool asking_has(const struct eddyi_dns_lookup *l, int family)
{
    for (unsigned i = 0; i < N_FAMILIES; i++) {
        const struct eddyi_dns_family *f = &l->family[i];

        if (!f->taken && f->found.n > 0 && (family == AF_UNSPEC || family == families[i].family))
            return true;
    }
    return false;
}

static void asking_fail(struct eddyi_dns_lookup *l, int error, const char *why)
{
    if (l->over)
        return;
    stop(l, error, why);
    l->notice(l);
}

static void asking_begin(struct eddyi_dns_lookup *l, eddy_loop *loop,
                         struct eddyi_dns_config *config, const char *host, int family,
                         const union eddyi_address *address)
{
    void (*notice)(struct eddyi_dns_lookup *) = l->notice;

    *l = (struct eddyi_dns_lookup){
        .loop = loop, .config = config, .notice = notice, .host = host, .address = address};
    eddyi_list_init(&l->link);
    eddyi_ready_init(&l->patience.ready, out_of_patience);
    config->refs++;
    if (config->rotate)
        l->first_server = config->next++ % config->n_servers;
    l->family[0].wanted = address || family != AF_INET6;
    l->family[1].wanted = !address && family != AF_INET && !config->no_aaaa;
    l->name = eddyi_alloc(NI_MAXHOST);
    if (!l->name)
        stop(l, -ENOMEM, NULL);
    else
        ask_next(l); /* there is one: the host itself is short enough */
}

static void asking_end(struct eddyi_dns_lookup *l)
{
    eddyi_list_remove(&l->link);
    eddyi_timer_stop(l->loop, &l->patience);
    for (unsigned i = 0; i < N_FAMILIES; i++)
        forget(&l->family[i]);
    eddyi_free(l->name);
    eddyi_dns_config_unref(l->config);
}

/* The turn of a lookup at the name servers. */

int eddyi_dns_config_update(struct eddyi_resolver *r)
{
    struct eddyi_dns_config *c = NULL;
    struct eddyi_file_stamp stamp;
    int rc;

    if (r->config && r->config->no_reload)
        return 0;
    eddyi_sys_file_stamp(r->files.resolv_conf, &stamp);
    if (r->config && eddyi_same_stamp(&stamp, &r->config_stamp))
        return 0;
    rc = eddyi_dns_config_load(r->files.resolv_conf, r->servers, &c);
    if (rc < 0)
        return rc;
    eddyi_dns_config_unref(r->config);
    r->config = c;
    r->config_stamp = stamp;
    return 0;
}

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
    if (l->delay < 0 || !asking_has(&l->dns, AF_UNSPEC))
        return false;
    if (l->delay_over || asking_has(&l->dns, AF_INET6))
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
    asking_begin(&l->dns, l->loop, r->config, l->query.host, l->query.family, l->address);
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
    if (rc == 0 && !asking_step(&l->dns) && !should_begin(l))
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
    bool over = asking_step(&l->dns);
    int rc = 0;

    if (l->dns.error == 0 && asking_has(&l->dns, AF_UNSPEC))
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
        asking_end(&l->dns);
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
        asking_fail(eddyi_container(l, struct eddyi_dns_lookup, link), EDDY_ENAMEAGAIN,
                    "the name servers were changed");
    return 0;
}

void eddyi_dns_close(struct eddyi_resolver *r)
{
    while (eddyi_list_pop(&r->lookups))
        ;
    while (eddyi_list_pop(&r->queue))
        ;
    eddyi_hosts_close(r);
    eddyi_dns_config_unref(r->config);
}
