#include "net/connect.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "net/race.h"
#include "task/task.h"

#include <stdio.h>
#include <string.h>

static const double DEFAULT_DELAY = 0.25; /* RFC 8305, section 5 */

static size_t count(const struct addrinfo *list)
{
    size_t n = 0;

    for (; list; list = list->ai_next)
        n++;
    return n;
}

/* The next of the list, from *at on, that is, or is not, of a family; NULL: there is none. */
static const struct addrinfo *next_of(const struct addrinfo **at, int family, bool same)
{
    const struct addrinfo *a = *at;

    while (a && (a->ai_family == family) != same)
        a = a->ai_next;
    *at = a ? a->ai_next : NULL;
    return a;
}

/* The families take turns, after as many of the first as @first_count says. */
static void interleave(const struct addrinfo *list, int first_count, const struct addrinfo **order, size_t n)
{
    const struct addrinfo *ours = list, *others = list;
    size_t k = 0;

    for (bool first = true; k < n; first = false) {
        for (int i = first ? first_count : 1; i > 0 && k < n; i--) {
            const struct addrinfo *a = next_of(&ours, list->ai_family, true);

            if (!a)
                break;
            order[k++] = a;
        }
        if (k < n) {
            const struct addrinfo *a = next_of(&others, list->ai_family, false);

            if (a)
                order[k++] = a;
        }
    }
}

static int look_up(const char *host, const char *service, int port, const struct addrinfo *hints,
                   struct addrinfo **ret)
{
    char number[16];

    if (!service) {
        snprintf(number, sizeof number, "%d", port);
        service = number;
    }
    return eddy_getaddrinfo(host, service, hints, ret);
}

/* What all attempts came to, as one error. */
static int summarise(const struct eddyi_race *r)
{
    char text[600];
    size_t length;

    if (r->n_errors == 1 && r->errors[0])
        return eddy_reraise(r->errors[0]);
    length = (size_t)snprintf(text, sizeof text, "connect to %s: ", r->host ? r->host : "this machine");
    for (size_t i = 0; i < r->n_errors && length < sizeof text - 1; i++) {
        const eddy_exception *e = r->errors[i];

        if (e)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s: %s", i ? "; " : "",
                                       eddy_exception_message(e), eddy_strerror(eddy_exception_code(e)));
    }
    return eddy_raise(r->error, "%s", text);
}

static int all_of_them(const struct eddyi_race *r)
{
    eddy_exception *group = eddy_exception_group_new("connection failed", r->errors, r->n_errors);

    if (!group)
        return eddy_raise(-ENOMEM, NULL);
    eddy_reraise(group);
    eddy_exception_unref(group);
    return EDDY_EGROUP;
}

static int64_t delay_of(const struct eddyi_connect *c)
{
    double d = c->happy_eyeballs_delay;

    return d < 0 || d >= EDDY_FOREVER ? -1 : eddyi_nanoseconds(d > 0 ? d : DEFAULT_DELAY);
}

/* With everybody's addresses: tries them. */
static int race(const struct eddyi_connect *c, const struct addrinfo *list, const struct addrinfo *local)
{
    union eddyi_address unused;
    bool is_name = c->host && eddyi_address_parse(c->host, &unused) != 1;
    size_t n = count(list);
    struct eddyi_race r = {.loop = eddyi_task_here()->future.loop,
                           .host = is_name ? c->host : NULL,
                           .n = n,
                           .local = local,
                           .delay = delay_of(c)};
    int rc;

    r.addresses = eddyi_zalloc(n * (sizeof *r.addresses + sizeof *r.errors));
    if (!r.addresses)
        return eddy_raise(-ENOMEM, NULL);
    r.errors = (eddy_exception **)(void *)(r.addresses + n);
    interleave(list, c->interleave > 0 ? c->interleave : 1, r.addresses, n);
    rc = eddyi_race_run(&r);
    if (rc < 0 && r.n_errors == n)
        rc = c->all_errors ? all_of_them(&r) : summarise(&r);
    for (size_t i = 0; i < r.n_errors; i++)
        eddy_exception_unref(r.errors[i]);
    eddyi_free(r.addresses);
    return rc;
}

int eddyi_connect_tcp(const struct eddyi_connect *c)
{
    struct addrinfo hints = {
        .ai_family = c->family, .ai_socktype = SOCK_STREAM, .ai_protocol = c->proto, .ai_flags = c->flags};
    struct addrinfo *list = NULL, *local = NULL;
    int rc;

    if (c->happy_eyeballs_delay != c->happy_eyeballs_delay)
        return eddy_raise(-EINVAL, "connect: the delay is not a number");
    rc = look_up(c->host, c->service, c->port, &hints, &list);
    if (rc < 0)
        return rc;
    if (c->local_host || c->local_port) {
        hints.ai_flags |= c->local_host ? 0 : AI_PASSIVE;
        rc = look_up(c->local_host, NULL, c->local_port, &hints, &local);
    }
    if (rc == 0)
        rc = race(c, list, local);
    eddy_freeaddrinfo(list);
    eddy_freeaddrinfo(local);
    return rc;
}
