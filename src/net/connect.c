/*
 * Connecting: the race of attempts, then its users, a task and a callback.
 */
#include "net/connect.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/net.h"
#include "io/io.h"
#include "net/race.h"
#include "task/task.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>

struct attempt {
    struct eddyi_io_op poll;
    struct eddyi_list link;
    struct eddyi_race *race; /* NULL: the attempt has lost and only waits for the backend */
    const struct addrinfo *address;
    int fd;
};

static size_t count(const struct addrinfo *list)
{
    size_t n = 0;

    for (; list; list = list->ai_next)
        n++;
    return n;
}

/* Returns the next address in the list from *at that is of @family, or is not if @same is false.
 * NULL: none. */
static const struct addrinfo *next_of(const struct addrinfo **at, int family, bool same)
{
    const struct addrinfo *a = *at;

    while (a && (a->ai_family == family) != same)
        a = a->ai_next;
    *at = a ? a->ai_next : NULL;
    return a;
}

/* Orders the addresses: @first_count of the first family, then the families take turns. */
static void interleave(const struct addrinfo *list, int first_count, const struct addrinfo **order,
                       size_t n)
{
    const struct addrinfo *ours = list, *others = list;
    int left = first_count; /* addresses of the first family before one of another is next */
    size_t k = 0;

    while (k < n) {
        bool first = left > 0;
        const struct addrinfo *a = next_of(first ? &ours : &others, list->ai_family, first);

        if (a)
            order[k++] = a;
        left = a && first ? left - 1 : first ? 0 : 1;
    }
}

/* Writes the new order: the addresses already tried, then new and waiting ones in turns. */
static void weave(const struct eddyi_race *r, const struct addrinfo *list,
                  const struct addrinfo **order)
{
    size_t waiting = r->next, k = r->next;

    for (size_t i = 0; i < r->next; i++)
        order[i] = r->addresses[i];
    while (list || waiting < r->n) {
        if (list) {
            order[k++] = list;
            list = list->ai_next;
        }
        if (waiting < r->n)
            order[k++] = r->addresses[waiting++];
    }
}

/*
 * Adds addresses, which must outlive the race. Into an empty race: the families take turns after
 * @first_count of the first family. Later: new and waiting addresses alternate. Returns 0 or
 * -ENOMEM.
 */
static int race_add(struct eddyi_race *r, const struct addrinfo *list, int first_count)
{
    size_t n = r->n + count(list);
    eddy_exception **errors = eddyi_realloc(r->errors, n * sizeof *errors);
    const struct addrinfo **order;

    if (!errors)
        return -ENOMEM;
    r->errors = errors;
    order = eddyi_alloc(n * sizeof *order);
    if (!order)
        return -ENOMEM;
    if (r->n == 0)
        interleave(list, first_count, order, n);
    else
        weave(r, list, order);
    eddyi_free(r->addresses);
    r->addresses = order;
    r->n = n;
    return 0;
}

static void race_fini(struct eddyi_race *r)
{
    for (size_t i = 0; i < r->n_errors; i++)
        eddy_exception_unref(r->errors[i]);
    eddyi_free(r->errors);
    eddyi_free(r->addresses);
    eddy_freeaddrinfo(r->more_list);
}

/* Has the race looked at, soon; where the loop closes, at once, and it is over. */
static void queue_step(struct eddyi_race *r)
{
    if (r->loop->closed)
        r->step.run(&r->step);
    else if (eddyi_list_empty(&r->step.link))
        eddyi_loop_ready(r->loop, &r->step);
}

static void attempt_polled(struct eddyi_io_op *o)
{
    struct attempt *a = eddyi_container(o, struct attempt, poll);

    if (a->race)
        queue_step(a->race);
    else
        eddyi_free(a);
}

static void next_is_due(struct eddyi_ready *ready)
{
    struct eddyi_race *r = eddyi_container(ready, struct eddyi_race, timer.ready);

    r->due = true;
    queue_step(r);
}

static void attempt_drop(struct attempt *a)
{
    bool with_backend = eddyi_io_withdraw(&a->poll);

    eddyi_list_remove(&a->link);
    a->race = NULL;
    if (a->fd >= 0)
        eddyi_sys_close(a->fd);
    if (!with_backend)
        eddyi_free(a);
}

static void failed(struct eddyi_race *r, const struct addrinfo *address, const char *verb, int code)
{
    char text[EDDYI_ADDRESS_TEXT];

    eddyi_address_format(address->ai_addr, address->ai_addrlen, text, sizeof text);
    r->errors[r->n_errors++] = r->host ? eddy_exception_new(code, "%s %s (%s)", verb, r->host, text)
                                       : eddy_exception_new(code, "%s %s", verb, text);
    r->error = code;
    r->due = true;
}

/* Binds to the first local address of the family that works. */
static int bind_local(const struct addrinfo *local, int fd, int family)
{
    int rc = -EADDRNOTAVAIL;

    for (; local && rc < 0; local = local->ai_next)
        if (local->ai_family == family)
            rc = eddyi_sys_bind(fd, local->ai_addr, local->ai_addrlen);
    return rc;
}

/*
 * Returns true if the connection has reached itself. A client may get from the kernel the very port
 * that it connects to, if no server listens at that port of this machine. Such a connection would
 * echo, and keep the server from coming back.
 */
static bool meets_itself(int fd)
{
    union eddyi_address own, peer;
    socklen_t own_size = sizeof own, peer_size = sizeof peer;

    if (eddyi_sys_sockname(fd, &own.sa, &own_size) < 0 ||
        eddyi_sys_peername(fd, &peer.sa, &peer_size) < 0)
        return false;
    return eddyi_address_port(&own) == eddyi_address_port(&peer) &&
           eddyi_address_equal(&own.sa, &peer.sa);
}

/* Takes a connection that was made as the winner, unless it meets itself. */
static int accept_winner(struct eddyi_race *r, int fd)
{
    if (meets_itself(fd))
        return -ECONNREFUSED;
    r->winner = fd;
    return 0;
}

/* Opens a socket that begins to connect. Sets *ret and returns 0, -EINPROGRESS or -errno. */
static int open_socket(struct eddyi_race *r, const struct addrinfo *address, int *ret,
                       const char **verb)
{
    int fd = eddyi_sys_socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int rc = fd;

    *verb = "connect to";
    if (fd < 0)
        return rc;
    rc = 0;
    if (address->ai_protocol == IPPROTO_TCP)
        rc = eddyi_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0 && r->local) {
        rc = bind_local(r->local, fd, address->ai_family);
        *verb = rc < 0 ? "bind, for a connection to" : *verb;
    }
    if (rc == 0)
        rc = eddyi_sys_connect(fd, address->ai_addr, address->ai_addrlen);
    if (rc < 0 && rc != -EINPROGRESS && rc != -EINTR)
        eddyi_sys_close(fd);
    else
        *ret = fd;
    return rc == -EINTR ? -EINPROGRESS : rc;
}

/* Waits for the outcome of an attempt. Returns 0, or -errno if nothing was done. */
static int watch(struct eddyi_race *r, const struct addrinfo *address, int fd)
{
    struct attempt *a = eddyi_zalloc(sizeof *a);
    struct eddyi_io *io = a ? eddyi_io_of(r->loop) : NULL;
    int rc = -ENOMEM;

    if (io) {
        a->race = r;
        a->address = address;
        a->fd = fd;
        a->poll.done = attempt_polled;
        a->poll.op.kind = EDDYI_OP_POLL;
        a->poll.op.fd = fd;
        a->poll.op.events = POLLOUT;
        rc = eddyi_io_submit(io, &a->poll);
    }
    if (rc < 0)
        eddyi_free(a);
    else
        eddyi_list_append(&r->running, &a->link);
    return rc;
}

static void restart_timer(struct eddyi_race *r)
{
    int rc;

    eddyi_timer_stop(r->loop, &r->timer);
    if (r->delay < 0 || r->next == r->n)
        return;
    rc = eddyi_timer_start(r->loop, &r->timer, r->latest + r->delay);
    if (rc < 0)
        r->due = true; /* too early is better than never */
}

static void start_next(struct eddyi_race *r)
{
    const struct addrinfo *address = r->addresses[r->next++];
    const char *verb;
    int fd = -1, rc = open_socket(r, address, &fd, &verb);

    r->due = false;
    if (rc == 0 || rc == -EINPROGRESS) {
        rc = rc == 0 ? accept_winner(r, fd) : watch(r, address, fd);
        if (rc < 0)
            eddyi_sys_close(fd);
    }
    if (r->winner >= 0)
        return;
    if (rc < 0) {
        failed(r, address, verb, rc);
        return;
    }
    r->latest = eddyi_loop_now(r->loop);
    restart_timer(r);
}

/* Takes the descriptor of a winner; drops the attempts that have failed. */
static void check_attempts(struct eddyi_race *r)
{
    struct eddyi_list *next;

    for (struct eddyi_list *l = r->running.next; l != &r->running && r->winner < 0; l = next) {
        struct attempt *a = eddyi_container(l, struct attempt, link);
        int rc;

        next = l->next;
        if (a->poll.io)
            continue;
        rc = a->poll.op.result < 0 ? (int)a->poll.op.result : eddyi_sys_connect_result(a->fd);
        if (rc == 0)
            rc = accept_winner(r, a->fd);
        if (rc == 0)
            a->fd = -1;
        else
            failed(r, a->address, "connect to", rc);
        attempt_drop(a);
    }
}

static void more_came(struct eddyi_lookup *l)
{
    queue_step(l->arg);
}

/*
 * Adds the addresses of the other family once they have come. If memory for them is short, the race
 * goes on without.
 */
static void take_more(struct eddyi_race *r)
{
    struct addrinfo *list = NULL;

    if (r->more && eddyi_lookup_more(r->more, &list) == 1 && race_add(r, list, 1) < 0) {
        eddy_freeaddrinfo(list);
        list = NULL;
    }
    if (list)
        r->more_list = list;
    if (list && !eddyi_list_empty(&r->running))
        restart_timer(r);
    if (r->more && !r->more->pending)
        r->more = NULL;
}

/* Starts the attempts that are due. False: the race is over. */
static bool go_on(struct eddyi_race *r)
{
    take_more(r);
    while (r->winner < 0 && r->next < r->n && (r->due || eddyi_list_empty(&r->running)))
        start_next(r);
    return r->winner < 0 && (!eddyi_list_empty(&r->running) || r->more);
}

/* Ends a race that is under way, without a call of done. */
static void race_end(struct eddyi_race *r)
{
    if (r->more)
        r->more->notice = NULL;
    eddyi_ready_cancel(&r->step);
    eddyi_timer_stop(r->loop, &r->timer);
    while (!eddyi_list_empty(&r->running))
        attempt_drop(eddyi_container(r->running.next, struct attempt, link));
}

static void over(struct eddyi_race *r)
{
    race_end(r);
    r->result = r->loop->closed  ? eddy_raise(-ECANCELED, NULL)
                : r->winner >= 0 ? r->winner
                                 : r->error;
}

static void look(struct eddyi_ready *ready)
{
    struct eddyi_race *r = eddyi_container(ready, struct eddyi_race, step);

    if (!r->loop->closed) {
        check_attempts(r);
        if (go_on(r))
            return;
    }
    over(r);
    r->done(r);
}

/* Begins a race. Returns true if it has ended at once, with r->result; otherwise calls done at its
 * end. */
static bool race_begin(struct eddyi_race *r)
{
    eddyi_list_init(&r->running);
    eddyi_ready_init(&r->step, look);
    eddyi_ready_init(&r->timer.ready, next_is_due);
    r->timer.node.place = 0;
    r->due = false;
    r->winner = -1;
    r->next = r->n_errors = 0;
    if (r->more) {
        r->more->arg = r;
        r->more->notice = more_came;
    }
    /* A task that cleans up while its loop closes cannot wait. */
    if (!r->loop->closed && go_on(r))
        return false;
    over(r);
    return true;
}

static void wake(struct eddyi_race *r)
{
    eddyi_outcome_set(&r->outcome, r->result);
}

static bool race_cancel(struct eddyi_wait *w)
{
    race_end(eddyi_container(w, struct eddyi_race, outcome.wait));
    return eddyi_outcome_cancel(w);
}

int eddyi_race_run(struct eddyi_race *r)
{
    int rc = eddyi_outcome_init(&r->outcome, race_cancel, "connect");

    if (rc < 0)
        return rc;
    r->done = wake;
    r->result = -1;
    if (race_begin(r))
        return r->result;
    rc = (int)eddyi_outcome_wait(&r->outcome);
    if (rc < 0 && r->result >= 0)
        eddyi_sys_close(r->result);
    return rc;
}

/* Connecting in a task. */

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
    int rc = race_add(&r, lookup->list, c->interleave > 0 ? c->interleave : 1);

    if (rc < 0)
        eddy_raise(rc, NULL);
    else
        rc = eddyi_race_run(&r);
    if (rc < 0 && r.n > 0 && r.n_errors == r.n)
        rc = c->all_errors ? all_of_them(&r) : summarise(&r);
    race_fini(&r);
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
    race_fini(&c->race);
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
    rc = race_add(&c->race, list, 1);
    if (rc < 0) {
        connecting_free(c);
        return eddy_raise(rc, NULL);
    }
    /* A result that is known at once is reported later too. */
    if (race_begin(&c->race)) {
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
    race_end(&c->race);
    connecting_free(c);
}
