#include "net/dns_lookup.h"

#include "base/sys.h"
#include "eddy/error.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

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

bool eddyi_dns_lookup_step(struct eddyi_dns_lookup *l)
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

bool eddyi_dns_lookup_has(const struct eddyi_dns_lookup *l, int family)
{
    for (unsigned i = 0; i < N_FAMILIES; i++) {
        const struct eddyi_dns_family *f = &l->family[i];

        if (!f->taken && f->found.n > 0 && (family == AF_UNSPEC || family == families[i].family))
            return true;
    }
    return false;
}

void eddyi_dns_lookup_fail(struct eddyi_dns_lookup *l, int error, const char *why)
{
    if (l->over)
        return;
    stop(l, error, why);
    l->notice(l);
}

void eddyi_dns_lookup_begin(struct eddyi_dns_lookup *l, eddy_loop *loop,
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

void eddyi_dns_lookup_end(struct eddyi_dns_lookup *l)
{
    eddyi_list_remove(&l->link);
    eddyi_timer_stop(l->loop, &l->patience);
    for (unsigned i = 0; i < N_FAMILIES; i++)
        forget(&l->family[i]);
    eddyi_free(l->name);
    eddyi_dns_config_unref(l->config);
}
