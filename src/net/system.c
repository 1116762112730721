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
#include "net/resolver.h"

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

/* Has a thread run the job, and takes the bytes that it returned. */
static int ask(struct eddyi_resolver *r, const eddy_job *job, eddy_bytes *ret)
{
    eddy_executor *threads = eddyi_resolver_threads(r);
    eddy_future *f = threads ? eddy_loop_run_in_executor_with(r->part.loop, threads, job) : NULL;

    return f ? eddy_await_bytes(f, ret) : eddy_exception_code(eddy_error());
}

int eddyi_system_addrinfo(struct eddyi_resolver *r, const struct eddyi_query *query,
                          struct addrinfo **ret)
{
    struct question q = {.family = query->family,
                         .flags = query->flags & ~(AI_NUMERICSERV | AI_PASSIVE)};
    eddy_bytes bytes = {NULL, 0};
    const struct answer *a;
    int rc;

    snprintf(q.host, sizeof q.host, "%s",
             query->host); /* at most 254 bytes, as eddyi_name_check() ensures */
    rc = ask(r, &(eddy_job){.fn = look_up, .name = "getaddrinfo", .arg = &q, .size = sizeof q},
             &bytes);
    if (rc < 0)
        return rc;
    a = bytes.data;
    rc = eddyi_addrinfo_make(query, a->addresses, a->n, a->canonname, ret);
    eddy_bytes_fini(&bytes);
    return rc < 0 ? eddy_raise(rc, "getaddrinfo %s", query->host) : 0;
}

int eddyi_system_name(struct eddyi_resolver *r, const union eddyi_address *a, char *host)
{
    eddy_job job = {
        .fn = look_up_name, .name = "getnameinfo", .arg = (void *)(uintptr_t)a, .size = sizeof *a};
    eddy_bytes bytes = {NULL, 0};
    int rc = ask(r, &job, &bytes);

    if (rc < 0)
        return rc;
    snprintf(host, NI_MAXHOST, "%s", (const char *)bytes.data);
    eddy_bytes_fini(&bytes);
    return 0;
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
