/*
 * Lookups by the C library, which block. They run in threads of their own, so that the loop does
 * not stand still, and names and other jobs do not wait for each other in an executor (rule 199).
 *
 * A thread gets a copy of the question and returns a copy of the answer, so it can be abandoned at
 * any time.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "executor/executor.h"
#include "net/lookup.h"

#include <stdio.h>
#include <string.h>

/* Lookups mostly wait for a server. A few at once are enough, and many would burden it. */
enum { THREADS = 4 };

struct question {
    char host[NI_MAXHOST];
    int family, flags;
};

struct answer {
    char canonname[NI_MAXHOST];
    size_t n;
    union eddyi_address addresses[];
};

/* Raises the error of getaddrinfo(3). */
static int failed(const char *host, int error, int system_error)
{
    switch (error) {
    case EAI_MEMORY:
        return eddy_raise(-ENOMEM, NULL);
    case EAI_SYSTEM:
        return eddy_raise(-system_error, "getaddrinfo %s", host);
    case EAI_AGAIN:
        return eddy_raise(EDDY_ENAMEAGAIN, "getaddrinfo %s: %s", host, gai_strerror(error));
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return eddy_raise(EDDY_ENONAME, "getaddrinfo %s: %s", host, gai_strerror(error));
    case EAI_IDN_ENCODE:
        return eddy_raise(EDDY_EBADNAME, "getaddrinfo %s: %s", host, gai_strerror(error));
    default:
        return eddy_raise(EDDY_ENAMEFAIL, "getaddrinfo %s: %s", host, gai_strerror(error));
    }
}

static size_t count(const struct addrinfo *list)
{
    size_t n = 0;

    for (; list && n < EDDYI_ADDRINFO_MAX; list = list->ai_next)
        n += list->ai_addrlen <= sizeof(struct sockaddr_in6);
    return n;
}

static int answer_with(const struct addrinfo *list)
{
    size_t n = count(list), size = sizeof(struct answer) + n * sizeof(union eddyi_address);
    struct answer *a = eddyi_zalloc(size);
    int rc;

    if (!a)
        return eddy_raise(-ENOMEM, NULL);
    if (list && list->ai_canonname)
        snprintf(a->canonname, sizeof a->canonname, "%s", list->ai_canonname);
    for (; list && a->n < n; list = list->ai_next)
        if (list->ai_addrlen <= sizeof(struct sockaddr_in6))
            memcpy(&a->addresses[a->n++], list->ai_addr, list->ai_addrlen);
    rc = eddy_return_bytes(a, size);
    eddyi_free(a);
    return rc;
}

/* Looks a name up, in a thread. Each address is listed once, whatever the socket types. */
static int look_up(void *arg)
{
    const struct question *q = arg;
    struct addrinfo hints = {
        .ai_family = q->family, .ai_flags = q->flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int system_error = 0, error = eddyi_sys_getaddrinfo(q->host, &hints, &list, &system_error);
    int rc = error ? failed(q->host, error, system_error) : answer_with(list);

    if (list)
        freeaddrinfo(list);
    return rc;
}

static int look_up_name(void *arg)
{
    const union eddyi_address *a = arg;
    char host[NI_MAXHOST], number[EDDYI_ADDRESS_TEXT];
    int system_error = 0;
    int error = eddyi_sys_getnameinfo(&a->sa, eddyi_address_size(a->sa.sa_family), host,
                                      sizeof host, &system_error);

    if (error) {
        eddyi_address_host(&a->sa, number, sizeof number);
        return failed(number, error, system_error);
    }
    return eddy_return_bytes(host, strlen(host) + 1);
}

eddy_executor *eddyi_resolver_threads(struct eddyi_resolver *r)
{
    if (!r->threads)
        r->threads = eddy_thread_pool_new(THREADS);
    return r->threads;
}

/* Has a thread look up. */
static int start(struct eddyi_lookup *l)
{
    struct question q = {.family = l->query.family,
                         .flags = l->query.flags & ~(AI_NUMERICSERV | AI_PASSIVE)};
    eddy_executor *threads = eddyi_resolver_threads(l->resolver);
    eddy_job job = {.fn = look_up, .name = "getaddrinfo", .arg = &q, .size = sizeof q};

    if (l->address)
        job = (eddy_job){.fn = look_up_name,
                         .name = "getnameinfo",
                         .arg = (void *)(uintptr_t)l->address,
                         .size = sizeof *l->address};
    else /* at most 254 bytes, as eddyi_name_check() ensures */
        snprintf(q.host, sizeof q.host, "%s", l->query.host);
    l->job = threads ? eddy_loop_run_in_executor_with(l->loop, threads, &job) : NULL;
    if (!l->job)
        return eddy_exception_code(eddy_error());
    eddyi_future_hook(l->job, &l->hook, &l->step);
    return EDDYI_LOOKUP_WAITS;
}

int eddyi_system_go_on(struct eddyi_lookup *l)
{
    int rc = l->job ? eddyi_future_retrieve_raise(l->job, NULL) : start(l);
    const void *bytes;

    if (rc != 0)
        return rc;
    bytes = eddy_future_bytes(l->job, NULL);
    if (l->address) {
        snprintf(l->name, NI_MAXHOST, "%s", (const char *)bytes);
    } else {
        const struct answer *a = bytes;

        rc = eddyi_addrinfo_make(&l->query, a->addresses, a->n, a->canonname, &l->list);
    }
    return rc < 0 ? eddy_raise(rc, "getaddrinfo %s", l->query.host) : 0;
}

void eddyi_system_end(struct eddyi_lookup *l)
{
    if (!l->job)
        return;
    eddyi_hook_remove(&l->hook);
    eddy_future_cancel(l->job, NULL);
    eddy_future_unref(l->job);
    l->job = NULL;
}

/* Ends the threads of lookups. Idle threads are gone on return; a thread that is still asking is
 * not waited for. */
void eddyi_system_close(struct eddyi_resolver *r)
{
    char jobs[2];

    if (!r->threads)
        return;
    eddy_executor_shutdown(r->threads, false, true);
    if (eddyi_executor_describe(r->threads, jobs, sizeof jobs) == 0)
        eddy_executor_free(r->threads);
    else
        eddyi_executor_abandon(r->threads);
    r->threads = NULL;
}
