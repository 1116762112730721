#include "net/connect.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/net.h"
#include "net/race.h"
#include "task/task.h"

#include <stdio.h>

static const double DEFAULT_DELAY = 0.25; /* RFC 8305, section 5 */

/* Raises one error for all failed attempts. */
static int summarise(const struct eddyi_race *r)
{
    char text[600];
    size_t length;

    if (r->n_errors == 1 && r->errors[0])
        return eddy_reraise(r->errors[0]);
    length =
        (size_t)snprintf(text, sizeof text, "connect to %s: ", r->host ? r->host : "this machine");
    for (size_t i = 0; i < r->n_errors && length < sizeof text - 1; i++) {
        const eddy_exception *e = r->errors[i];

        if (e)
            length +=
                (size_t)snprintf(text + length, sizeof text - length, "%s%s: %s", i ? "; " : "",
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

/* Converts a delay between attempts to nanoseconds; < 0: one after the other. */
static int64_t delay_of(double d)
{
    return d < 0 || d >= EDDY_FOREVER ? -1 : eddyi_nanoseconds(d > 0 ? d : DEFAULT_DELAY);
}

/* Races over the first addresses, and over those that @lookup delivers later. */
static int race(const eddy_connection_options *c, struct eddyi_lookup *lookup,
                const struct addrinfo *local)
{
    union eddyi_address unused;
    bool is_name = c->host && eddyi_address_parse(c->host, &unused) != 1;
    struct eddyi_race r = {.loop = eddyi_task_current()->future.loop,
                           .host = is_name ? c->host : NULL,
                           .more = lookup->pending ? lookup : NULL,
                           .local = local,
                           .delay = delay_of(c->happy_eyeballs_delay)};
    int rc = eddyi_race_add(&r, lookup->list, c->interleave > 0 ? c->interleave : 1);

    if (rc < 0)
        eddy_raise(rc, NULL);
    else
        rc = eddyi_race_run(&r);
    if (rc < 0 && r.n > 0 && r.n_errors == r.n)
        rc = c->all_errors ? all_of_them(&r) : summarise(&r);
    eddyi_race_fini(&r);
    return rc;
}

int eddyi_connect_tcp(const eddy_connection_options *c)
{
    struct addrinfo hints = {.ai_family = c->family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_protocol = c->proto,
                             .ai_flags = c->flags};
    struct addrinfo *local = NULL;
    struct eddyi_lookup lookup;
    char port[16];
    int rc;

    if (c->happy_eyeballs_delay != c->happy_eyeballs_delay)
        return eddy_raise(-EINVAL, "connect: the delay is not a number");
    snprintf(port, sizeof port, "%d", c->port);
    rc = eddyi_lookup_run(&lookup, c->host, port, &hints, EDDYI_RESOLUTION_DELAY);
    if (rc == 0 && (c->local_host || c->local_port)) {
        hints.ai_flags |= c->local_host ? 0 : AI_PASSIVE;
        snprintf(port, sizeof port, "%d", c->local_port);
        rc = eddy_getaddrinfo(c->local_host, port, &hints, &local);
    }
    if (rc == 0)
        rc = race(c, &lookup, local);
    eddyi_lookup_end(&lookup);
    eddy_freeaddrinfo(local);
    return rc;
}

/* Connecting by callback. */

struct eddy_connecting {
    struct eddyi_race race;
    eddy_connected_fn *done;
    void *arg;
};

static void connecting_free(struct eddy_connecting *c)
{
    eddyi_race_fini(&c->race);
    eddyi_free(c);
}

static void tell(struct eddyi_race *r)
{
    struct eddy_connecting *c = eddyi_container(r, struct eddy_connecting, race);
    eddy_connected_fn *done = c->done;
    void *arg = c->arg;
    int result = r->result;

    if (result < 0 && r->n > 0 && r->n_errors == r->n)
        result = summarise(r);
    connecting_free(c);
    done(arg, result);
}

/* Runs in place of the race's step, where that has ended at once. */
static void told(struct eddyi_ready *ready)
{
    tell(eddyi_container(ready, struct eddyi_race, step));
}

int eddy_loop_connect(eddy_loop *loop, const struct addrinfo *list, double delay,
                      eddy_connected_fn *done, void *arg, eddy_connecting **ret)
{
    struct eddy_connecting *c;
    int rc = eddyi_loop_check(loop);

    if (rc == 0 && (!list || !done || !ret || delay != delay))
        rc = eddy_raise(-EINVAL, "connect: no address, no function to be told, or no delay");
    c = rc < 0 ? NULL : eddyi_zalloc(sizeof *c);
    if (!c)
        return rc < 0 ? rc : eddy_raise(-ENOMEM, NULL);
    *c = (struct eddy_connecting){
        {.loop = loop, .delay = delay_of(delay), .done = tell, .result = -1}, done, arg};
    rc = eddyi_race_add(&c->race, list, 1);
    if (rc < 0) {
        connecting_free(c);
        return eddy_raise(rc, NULL);
    }
    /* A result that is known at once is reported later too. */
    if (eddyi_race_begin(&c->race)) {
        eddyi_ready_init(&c->race.step, told);
        eddyi_loop_ready(loop, &c->race.step);
    }
    *ret = c;
    return 0;
}

void eddy_connecting_cancel(eddy_connecting *c)
{
    if (!c)
        return;
    if (c->race.result >= 0)
        eddyi_sys_close(c->race.result);
    eddyi_race_end(&c->race);
    connecting_free(c);
}
