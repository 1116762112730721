/*
 * Lookups on the loop, in the hosts file and at name servers, in the order of nsswitch.conf.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/dns_files.h"
#include "net/dns_sort.h"
#include "net/lookup.h"
#include "task/task.h"

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

/*
 * Searches the hosts file. 1 and the list in *ret, 0 if the host is not there, or a raised error.
 */
static int find_in_hosts(struct eddyi_resolver *r, const struct eddyi_query *q,
                         struct addrinfo **ret)
{
    int rc = eddyi_hosts_update(r);
    union eddyi_address *found = rc < 0 ? NULL : eddyi_zalloc(EDDYI_ADDRINFO_MAX * sizeof *found);
    const char *canonname = q->host;
    size_t n;

    if (!found)
        return rc < 0 ? rc : eddy_raise(-ENOMEM, NULL);
    n = eddyi_hosts_find(r->hosts, q->host, q->family, found, EDDYI_ADDRINFO_MAX, &canonname);
    if (n == 0 && is_localhost(q->host))
        n = loopback(q->family, found);
    rc = n == 0 ? 0 : make_list(q, found, n, canonname, ret);
    eddyi_free(found);
    return rc < 0 ? rc : n > 0;
}

static int find_name_in_hosts(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    int rc = eddyi_hosts_update(r);
    const char *name = rc < 0 ? NULL : eddyi_hosts_name(r->hosts, a);

    if (name)
        snprintf(host, NI_MAXHOST, "%s", name);
    return rc < 0 ? rc : name != NULL;
}

/* Name servers. */

static void notice(struct eddyi_dns_lookup *dns)
{
    struct eddyi_lookup *l = eddyi_container(dns, struct eddyi_lookup, dns);

    if (l->wait && !l->wait->over)
        eddyi_wait_over(l->wait);
    if (!l->wait && l->notice)
        l->notice(l);
}

static void delay_over(struct eddyi_ready *ready)
{
    struct eddyi_lookup *l = eddyi_container(ready, struct eddyi_lookup, delay.ready);

    l->delayed = true;
    notice(&l->dns);
}

static bool lookup_cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* Parks until the next notice. 0, or -ECANCELED, raised. */
static int wait_for_notice(struct eddyi_lookup *l)
{
    struct eddyi_wait wait;
    int rc = eddyi_wait_init(&wait, lookup_cancel);

    if (rc < 0)
        return rc;
    wait.what = "name lookup";
    l->wait = &wait;
    eddyi_wait_park(&wait);
    l->wait = NULL;
    rc = eddyi_wait_finish(&wait);
    return rc == 0 && wait.task->future.loop->closed ? eddy_raise(-ECANCELED, NULL) : rc;
}

/* Tells if the addresses of one family should be used before the other family has answered. */
static bool should_begin(struct eddyi_lookup *l, int64_t delay)
{
    if (delay < 0 || !eddyi_dns_lookup_has(&l->dns, AF_UNSPEC))
        return false;
    if (l->delayed || eddyi_dns_lookup_has(&l->dns, AF_INET6))
        return true;
    if (l->delay.node.place == 0)
        l->delayed = eddyi_timer_start_after(l->dns.loop, &l->delay, delay) < 0;
    return l->delayed;
}

/* Counts @l among the lookups that ask. */
static void take_turn(struct eddyi_lookup *l, struct eddyi_resolver *r)
{
    l->resolver = r;
    r->n_asking++;
}

/* Gives the place of @l to the first lookup in the queue. A closed loop has no resolver any
 * more. */
static void leave_turn(struct eddyi_lookup *l, const eddy_loop *loop)
{
    struct eddyi_resolver *r = loop->closed ? NULL : l->resolver;
    struct eddyi_list *next = r ? eddyi_list_pop(&r->queue) : NULL;

    l->resolver = NULL;
    if (r)
        r->n_asking--;
    if (next) {
        struct eddyi_lookup *other = eddyi_container(next, struct eddyi_lookup, turn);

        take_turn(other, r);
        notice(&other->dns);
    }
}

/* Waits while too many lookups ask. 0, or -ECANCELED, raised. */
static int wait_for_turn(struct eddyi_lookup *l, struct eddyi_resolver *r)
{
    int rc;

    l->wait = NULL;
    l->notice = NULL;
    l->resolver = NULL;
    eddyi_list_init(&l->turn);
    if (r->n_asking < r->max_asking) {
        take_turn(l, r);
        return 0;
    }
    eddyi_list_append(&r->queue, &l->turn);
    rc = wait_for_notice(l);
    eddyi_list_remove(&l->turn);
    if (rc < 0)
        leave_turn(l, eddyi_task_current()->future.loop);
    return rc;
}

static void begin(struct eddyi_lookup *l, struct eddyi_resolver *r, const union eddyi_address *a)
{
    l->pending = true;
    l->delayed = false;
    eddyi_ready_init(&l->delay.ready, delay_over);
    l->delay.node.place = 0;
    l->dns.notice = notice;
    eddyi_dns_lookup_begin(&l->dns, r->part.loop, r->config, l->query.host, l->query.family, a);
    eddyi_list_append(&r->lookups, &l->dns.link);
}

/*
 * Begins a lookup and waits until it is over or has addresses to begin with. 0 or a raised error.
 */
static int ask(struct eddyi_lookup *l, struct eddyi_resolver *r, const union eddyi_address *a,
               int64_t delay)
{
    int rc = wait_for_turn(l, r);

    if (rc < 0)
        return rc;
    rc = eddyi_dns_config_update(r);
    if (rc < 0) {
        leave_turn(l, eddyi_task_current()->future.loop);
        return rc;
    }
    begin(l, r, a);
    while (rc == 0 && !eddyi_dns_lookup_step(&l->dns) && !should_begin(l, delay))
        rc = wait_for_notice(l);
    return rc;
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

static int ask_for_host(struct eddyi_lookup *l, struct eddyi_resolver *r, int64_t delay,
                        struct addrinfo **ret)
{
    int rc = ask(l, r, NULL, delay);

    if (rc == 0 && l->dns.error)
        rc = failed(&l->dns, l->query.host);
    if (rc == 0)
        rc = take(l, ret);
    if (rc < 0 || l->dns.over)
        eddyi_lookup_end(l);
    return rc;
}

int eddyi_dns_first(struct eddyi_lookup *l, struct eddyi_resolver *r, int64_t delay,
                    struct addrinfo **ret)
{
    char order[sizeof r->order];
    int rc = EDDY_ENONAME;

    memcpy(order, r->order, sizeof order); /* the loop may close, and free @r, during a wait */
    for (const char *source = order; *source && rc == EDDY_ENONAME; source++) {
        if (*source == 'd') {
            rc = ask_for_host(l, r, delay, ret);
            continue;
        }
        rc = find_in_hosts(r, &l->query, ret);
        if (rc == 0)
            rc = eddy_raise(EDDY_ENONAME, "look up %s: there is no such name", l->query.host);
        else if (rc > 0)
            rc = 0;
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
        eddyi_lookup_end(l);
    return rc;
}

void eddyi_dns_end(struct eddyi_lookup *l)
{
    eddy_loop *loop = l->dns.loop;

    eddyi_timer_stop(loop, &l->delay);
    eddyi_dns_lookup_end(&l->dns);
    leave_turn(l, loop);
}

static int ask_for_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    struct eddyi_lookup l = {.pending = false};
    char number[EDDYI_ADDRESS_TEXT];
    int rc = ask(&l, r, a, -1);

    eddyi_address_host(&a->sa, number, sizeof number);
    if (rc == 0 && l.dns.error)
        rc = failed(&l.dns, number);
    if (rc == 0)
        memcpy(host, l.dns.name, NI_MAXHOST);
    eddyi_lookup_end(&l);
    return rc;
}

int eddyi_dns_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    char order[sizeof r->order], number[EDDYI_ADDRESS_TEXT];
    int rc = EDDY_ENONAME;

    memcpy(order, r->order, sizeof order);
    for (const char *source = order; *source && rc == EDDY_ENONAME; source++) {
        if (*source == 'd') {
            rc = ask_for_name(r, a, host);
            continue;
        }
        rc = find_name_in_hosts(r, a, host);
        eddyi_address_host(&a->sa, number, sizeof number);
        if (rc == 0)
            rc = eddy_raise(EDDY_ENONAME, "look up %s: it has no name", number);
        else if (rc > 0)
            rc = 0;
    }
    return rc;
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
