/*
 * Lookups by c-ares. A query is no part of the waiting task's stack, for c-ares cannot forget a single one: if the task is cancelled
 * the query stays, an orphan, until c-ares has done with it; the last task that leaves has c-ares drop all orphans.
 */
#include "net/cares.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "task/wait.h"

#include <stdio.h>
#include <string.h>

const bool eddyi_has_cares = true;

struct query {
    struct eddyi_wait *wait; /* of the task, once it has parked; NULL before */
    bool orphan;             /* nobody waits: it goes when it is over */
    bool over;
    int status;                  /* ARES_… */
    int error;                   /* of the channel, that made it fail; 0: none */
    struct eddyi_cares *cares;   /* a reference */
    struct ares_addrinfo *found; /* owned; of getaddrinfo, or NULL */
    char name[NI_MAXHOST];       /* of getnameinfo */
};

static void query_free(struct query *q)
{
    if (q->found)
        ares_freeaddrinfo(q->found);
    eddyi_cares_unref(q->cares);
    eddyi_free(q);
}

static void query_over(struct query *q, int status)
{
    if (q->orphan) {
        query_free(q);
        return;
    }
    q->status = status;
    q->error = q->cares->error;
    q->over = true;
    if (q->wait && !q->wait->over)
        eddyi_wait_over(q->wait);
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct query *q = arg;

    q->found = found;
    query_over(q, status);
}

static void on_name(void *arg, int status, int timeouts, struct hostent *host)
{
    struct query *q = arg;

    if (status == ARES_SUCCESS)
        snprintf(q->name, sizeof q->name, "%s", host->h_name);
    query_over(q, status);
}

/*
 * What c-ares, or the server, says. That c-ares "could not contact" any means that the last of them refused, failed, or was
 * not there: it does not tell which.
 */
static int failed(const struct query *q, const char *host)
{
    const char *why =
        q->status == ARES_ECONNREFUSED ? "no name server could answer" : ares_strerror(q->status);

    switch (q->status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
        return eddy_raise(EDDY_ENONAME, "look up %s: %s", host, why);
    case ARES_EBADNAME:
        return eddy_raise(EDDY_EBADNAME, "look up %s: %s", host, why);
    case ARES_ESERVFAIL:
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
    case ARES_EOF:
        return eddy_raise(EDDY_ENAMEAGAIN, "look up %s: %s", host, why);
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return q->error ? eddy_raise(q->error, "look up %s", host)
                        : eddy_raise(EDDY_ENAMEAGAIN, "look up %s: the name servers were changed", host);
    case ARES_ENOMEM:
        return eddy_raise(-ENOMEM, NULL);
    default:
        return eddy_raise(EDDY_ENAMEFAIL, "look up %s: %s", host, why);
    }
}

static bool cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* Waits until it is over: 0, or -ECANCELED, raised. */
static int wait_for(struct query *q)
{
    struct eddyi_wait wait;
    int rc = eddyi_wait_init(&wait, cancel);

    if (rc < 0)
        return rc;
    wait.what = "name lookup";
    q->wait = &wait;
    q->cares->waiting++;
    eddyi_wait_park(&wait);
    q->wait = NULL;
    return eddyi_wait_finish(&wait);
}

/* The task waits no more. */
static void leave(struct query *q)
{
    struct eddyi_cares *c = q->cares;

    if (--c->waiting > 0 || !c->channel)
        return;
    ares_cancel(c->channel);
    eddyi_cares_update(c);
}

static struct query *query_new(struct eddyi_resolver *r)
{
    struct query *q = eddyi_cares_open(r) < 0 ? NULL : eddyi_zalloc(sizeof *q);

    if (q) {
        q->cares = r->cares;
        q->cares->refs++;
    } else if (r->cares) {
        eddy_raise(-ENOMEM, NULL);
    }
    return q;
}

/*
 * With the query handed to c-ares. 0 when it has its answer, and is the caller's to free; else it is not. When the loop closes the
 * resolver is gone by the time the task goes on.
 */
static int finish(struct query *q, const char *host)
{
    const eddy_loop *loop = q->cares->loop;
    int rc = 0;

    if (!q->over) {
        eddyi_cares_update(q->cares);
        rc = wait_for(q);
        leave(q);
    }
    if (rc == 0 && loop->closed)
        rc = eddy_raise(-ECANCELED, NULL);
    if (rc == 0 && q->status != ARES_SUCCESS)
        rc = failed(q, host);
    if (rc < 0 && q->over)
        query_free(q);
    else if (rc < 0)
        q->orphan = true;
    return rc;
}

/* The canonical name is where the chain of aliases ends. */
static const char *canonical(const struct ares_addrinfo *found, const char *host)
{
    const struct ares_addrinfo_cname *c = found->cnames;

    while (c && c->next)
        c = c->next;
    return c && c->name ? c->name : found->name ? found->name : host;
}

static int make_list(const struct eddyi_query *query, const struct ares_addrinfo *found,
                     struct addrinfo **ret)
{
    union eddyi_address *addresses = eddyi_zalloc(EDDYI_ADDRINFO_MAX * sizeof *addresses);
    size_t n = 0;
    int rc;

    if (!addresses)
        return -ENOMEM;
    for (const struct ares_addrinfo_node *a = found->nodes; a && n < EDDYI_ADDRINFO_MAX; a = a->ai_next)
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            memcpy(&addresses[n++], a->ai_addr, eddyi_address_size(a->ai_family));
    rc = eddyi_addrinfo_make(query, addresses, n, canonical(found, query->host), ret);
    eddyi_free(addresses);
    return rc;
}

int eddyi_cares_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *query, struct addrinfo **ret)
{
    const struct ares_addrinfo_hints hints = {
        .ai_family = query->family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_CANONNAME};
    struct query *q = query_new(r);
    int rc;

    if (!q)
        return eddy_exception_code(eddy_error());
    ares_getaddrinfo(q->cares->channel, query->host, NULL, &hints, on_addrinfo, q);
    rc = finish(q, query->host);
    if (rc < 0)
        return rc;
    rc = make_list(query, q->found, ret);
    query_free(q);
    return rc < 0 ? eddy_raise(rc, "look up %s", query->host) : 0;
}

int eddyi_cares_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    struct query *q = query_new(r);
    char number[EDDYI_ADDRESS_TEXT];
    int rc;

    if (!q)
        return eddy_exception_code(eddy_error());
    eddyi_address_host(&a->sa, number, sizeof number);
    if (a->sa.sa_family == AF_INET6)
        ares_gethostbyaddr(q->cares->channel, &a->in6.sin6_addr, 16, AF_INET6, on_name, q);
    else
        ares_gethostbyaddr(q->cares->channel, &a->in.sin_addr, 4, AF_INET, on_name, q);
    rc = finish(q, number);
    if (rc < 0)
        return rc;
    memcpy(host, q->name, sizeof q->name);
    query_free(q);
    return 0;
}

/* Servers come and go with the networks of a machine: a channel that nobody uses is made anew where they have. */
int eddyi_cares_open(struct eddyi_resolver *r)
{
    struct eddyi_cares *c = r->cares;

    if (c && c->waiting == 0 && c->config && eddyi_sys_file_time("/etc/resolv.conf") != c->config)
        eddyi_cares_close(r);
    return r->cares ? 0 : eddyi_cares_channel_new(r->part.loop, r->servers, &r->cares);
}

void eddyi_cares_close(struct eddyi_resolver *r)
{
    struct eddyi_cares *c = r->cares;

    r->cares = NULL;
    if (c)
        eddyi_cares_channel_end(c);
}
