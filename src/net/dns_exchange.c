#include "net/dns_exchange.h"

#include "base/assert.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "io/io.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>

enum {
    UDP_SIZE = 1232, /* offered with EDNS; small enough not to be fragmented */
    DATAGRAM = 4096, /* receive buffer */
    AT_ONCE = 32,    /* datagrams per turn of the loop */
    HURRY = 5        /* divides the timeout */
};

/*
 * A socket with a pending poll. On the heap, because the backend may hold the operation after the
 * exchange has dropped the socket.
 */
struct eddyi_dns_socket {
    struct eddyi_io_op poll;
    struct eddyi_dns_exchange *exchange; /* NULL: dropped */
    unsigned server;
    int fd;
    bool busy; /* in handle(); must not be freed */
    /* TCP only: */
    size_t sent;
    unsigned char head[2]; /* the length of the answer */
    size_t received;       /* of head and answer together */
    unsigned char *answer; /* owned; NULL until head is there */
};

static size_t length_of(const struct eddyi_dns_socket *s)
{
    return (size_t)s->head[0] << 8 | s->head[1];
}

static void socket_free(struct eddyi_dns_socket *s)
{
    eddyi_free(s->answer);
    eddyi_free(s);
}

static void socket_drop(struct eddyi_dns_socket *s)
{
    bool with_backend;

    if (!s)
        return;
    with_backend = eddyi_io_withdraw(&s->poll);
    s->exchange = NULL;
    eddyi_sys_close(s->fd);
    if (!with_backend && !s->busy)
        socket_free(s);
}

static void drop_all(struct eddyi_dns_exchange *e)
{
    for (unsigned i = 0; i < EDDYI_DNS_SERVERS_MAX; i++) {
        socket_drop(e->datagrams[i]);
        e->datagrams[i] = NULL;
    }
    socket_drop(e->tcp);
    e->tcp = NULL;
}

static void finish(struct eddyi_dns_exchange *e, int error, const char *why)
{
    EDDYI_ASSERT(e->loop && (!e->answer || error == 0));
    e->running = false;
    e->error = error;
    e->why = why ? why : e->why;
    eddyi_timer_stop(e->loop, &e->timer);
    drop_all(e);
}

/* finish() for callbacks: also notifies the owner. */
static void finish_and_tell(struct eddyi_dns_exchange *e, int error, const char *why)
{
    finish(e, error, why);
    e->done(e);
}

static unsigned server_now(const struct eddyi_dns_exchange *e)
{
    return (e->first + e->step) % e->config->n_servers;
}

/*
 * Computes the time for a try as glibc does: doubled per server, divided by the number of
 * servers.
 */
static int64_t patience(const struct eddyi_dns_exchange *e)
{
    unsigned nth = e->step % e->config->n_servers;
    int64_t time = e->config->timeout;

    if (nth > 0)
        time = (time << (nth < 2 ? nth : 2)) / e->config->n_servers;
    return e->hurried ? e->config->timeout / HURRY : time;
}

static int start_timer(struct eddyi_dns_exchange *e)
{
    eddyi_timer_stop(e->loop, &e->timer);
    return eddyi_timer_start_after(e->loop, &e->timer, patience(e));
}

/* Tells if an error is local, so that asking another server is pointless. */
static bool is_ours(int error)
{
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ENOBUFS;
}

static void socket_polled(struct eddyi_io_op *o);

static int watch(struct eddyi_dns_socket *s, unsigned events)
{
    struct eddyi_io *io = eddyi_io_of(s->exchange->loop);

    s->poll.op.events = events;
    return io ? eddyi_io_submit(io, &s->poll) : -ENOMEM;
}

/*
 * Requests all ICMP errors: without it Linux reports only closed ports, not unreachable hosts. A
 * failure is harmless, since the timeout remains.
 */
static void ask_for_errors(int fd, int family)
{
    if (family == AF_INET6)
        eddyi_sys_set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    else
        eddyi_sys_set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
}

/* Opens and connects a socket and polls it. 0 and *ret, or -errno. */
static int open_socket(struct eddyi_dns_exchange *e, unsigned server, int type,
                       struct eddyi_dns_socket **ret)
{
    const union eddyi_address *a = &e->config->servers[server];
    int fd = eddyi_sys_socket(a->sa.sa_family, type, 0);
    int rc = fd < 0 ? fd : eddyi_sys_connect(fd, &a->sa, eddyi_address_size(a->sa.sa_family));
    struct eddyi_dns_socket *s = rc == 0 || rc == -EINPROGRESS ? eddyi_zalloc(sizeof *s) : NULL;

    if (!s) {
        if (fd >= 0)
            eddyi_sys_close(fd);
        return rc == 0 || rc == -EINPROGRESS ? -ENOMEM : rc;
    }
    if (type == SOCK_DGRAM)
        ask_for_errors(fd, a->sa.sa_family);
    s->exchange = e;
    s->server = server;
    s->fd = fd;
    s->poll.done = socket_polled;
    s->poll.op.kind = EDDYI_OP_POLL;
    s->poll.op.fd = fd;
    rc = watch(s, type == SOCK_STREAM ? POLLOUT : POLLIN);
    if (rc < 0)
        socket_drop(s);
    else
        *ret = s;
    return rc < 0 ? -ENOMEM : 0;
}

/* Sends the question to @server. A full send buffer counts as a lost datagram. */
static int send_datagram(struct eddyi_dns_exchange *e, unsigned server)
{
    struct eddyi_dns_socket **s = &e->datagrams[server];
    int rc = *s ? 0 : open_socket(e, server, SOCK_DGRAM, s);
    long n;

    if (rc < 0)
        return rc;
    n = eddyi_sys_sendto((*s)->fd, eddyi_dns_message(&e->question),
                         eddyi_dns_message_size(&e->question), NULL, 0);
    if (n >= 0 || n == -EAGAIN)
        return 0;
    socket_drop(*s);
    *s = NULL;
    return (int)n;
}

static int begin_tcp(struct eddyi_dns_exchange *e, unsigned server)
{
    socket_drop(e->tcp);
    e->tcp = NULL;
    return open_socket(e, server, SOCK_STREAM, &e->tcp);
}

/* Records why the current server has not answered. */
static void failed(struct eddyi_dns_exchange *e, const char *why, bool server_spoke)
{
    e->why = why;
    e->server_spoke = server_spoke;
}

/*
 * Asks the current server, or the first after it that can be asked. False if none is left: the
 * exchange is over.
 */
static bool ask(struct eddyi_dns_exchange *e)
{
    const struct eddyi_dns_config *c = e->config;

    for (; e->attempts < c->attempts * c->n_servers; e->step++, e->attempts++) {
        unsigned server = server_now(e);
        int rc = c->use_vc ? begin_tcp(e, server) : send_datagram(e, server);

        if (rc == 0)
            rc = start_timer(e);
        if (rc == 0)
            return true;
        if (is_ours(rc)) {
            finish(e, rc, NULL);
            return false;
        }
        failed(e, "no name server can be reached", false);
    }
    finish(e, EDDY_ENAMEAGAIN, NULL);
    return false;
}

/* Moves on to the next server. @counts: the try is charged to the attempts. */
static void next(struct eddyi_dns_exchange *e, bool counts)
{
    socket_drop(e->tcp);
    e->tcp = NULL;
    e->step++;
    e->attempts += counts;
    if (!ask(e))
        e->done(e);
}

static bool is_its_turn(const struct eddyi_dns_socket *s)
{
    return s->server == server_now(s->exchange);
}

static void out_of_time(struct eddyi_ready *r)
{
    struct eddyi_dns_exchange *e = eddyi_container(r, struct eddyi_dns_exchange, timer.ready);

    failed(e, "Timeout while contacting DNS servers", false);
    next(e, !e->hurried);
}

/* Repeats the question to the same server without EDNS. */
static void ask_plainly(struct eddyi_dns_exchange *e, const struct eddyi_dns_socket *s)
{
    unsigned char *message = e->question.bytes + 2;
    size_t size = eddyi_dns_message_size(&e->question) - 11; /* the OPT record, which comes last */

    message[11] = 0;
    e->question.size = size + 2;
    e->question.bytes[0] = (unsigned char)(size >> 8);
    e->question.bytes[1] = (unsigned char)size;
    e->step += e->config->n_servers - server_now(e) + s->server; /* makes it the current server */
    if (!ask(e))
        e->done(e);
}

static void take_answer(struct eddyi_dns_exchange *e, const unsigned char *bytes, size_t size,
                        bool no_such)
{
    e->answer = eddyi_alloc(size);
    if (!e->answer) {
        finish_and_tell(e, -ENOMEM, NULL);
        return;
    }
    memcpy(e->answer, bytes, size);
    e->n_answer = size;
    e->no_such = no_such;
    finish_and_tell(e, 0, NULL);
}

/* Handles a message from a server. */
static void take(struct eddyi_dns_socket *s, const unsigned char *bytes, size_t size)
{
    struct eddyi_dns_exchange *e = s->exchange;
    const char *why = NULL;
    enum eddyi_dns_verdict verdict = eddyi_dns_judge(&e->question, bytes, size, &why);
    int rc;

    switch (verdict) {
    case EDDYI_DNS_STRAY:
        break;
    case EDDYI_DNS_ANSWER:
    case EDDYI_DNS_NO_SUCH:
        take_answer(e, bytes, size, verdict == EDDYI_DNS_NO_SUCH);
        break;
    case EDDYI_DNS_TRUNCATED:
        if (e->tcp)
            break; /* already fetching */
        rc = begin_tcp(e, s->server);
        if (rc == 0)
            rc = start_timer(e);
        if (rc < 0 && is_ours(rc))
            finish_and_tell(e, rc, NULL);
        else if (rc < 0)
            next(e, true);
        break;
    case EDDYI_DNS_PLAIN:
        ask_plainly(e, s);
        break;
    case EDDYI_DNS_FAILED:
        if (is_its_turn(s)) {
            failed(e, why, true);
            next(e, true);
        }
        break;
    }
}

/* Drops a socket that has failed. If it was the current server's, the next server is asked. */
static void lose(struct eddyi_dns_socket *s, int error)
{
    struct eddyi_dns_exchange *e = s->exchange;
    bool its_turn = is_its_turn(s), was_tcp = e->tcp == s;

    if (was_tcp)
        e->tcp = NULL;
    else
        e->datagrams[s->server] = NULL;
    socket_drop(s);
    if (is_ours(error)) {
        finish_and_tell(e, error, NULL);
    } else if (its_turn && (was_tcp || !e->tcp)) {
        failed(e, "no name server can be reached", false);
        next(e, true);
    }
}

static void receive_datagrams(struct eddyi_dns_socket *s)
{
    unsigned char bytes[DATAGRAM];
    long n = 0;

    for (int i = 0; i < AT_ONCE && n >= 0 && s->exchange; i++) {
        n = eddyi_sys_recvfrom(s->fd, bytes, sizeof bytes, 0, NULL, NULL);
        if (n >= 0)
            take(s, bytes, (size_t)n);
    }
    if (n < 0 && n != -EAGAIN && s->exchange)
        lose(s, (int)n);
}

static void send_over_tcp(struct eddyi_dns_socket *s)
{
    const struct eddyi_dns_question *q = &s->exchange->question;
    int rc = s->sent == 0 ? eddyi_sys_connect_result(s->fd) : 0;
    long n = rc < 0 ? rc : eddyi_sys_send(s->fd, q->bytes + s->sent, q->size - s->sent);

    if (n < 0 && n != -EAGAIN)
        lose(s, (int)n);
    else if (n > 0)
        s->sent += (size_t)n;
}

/* Reads the length, then the answer. A connection that ends early has failed. */
static void receive_over_tcp(struct eddyi_dns_socket *s)
{
    bool head = s->received < 2;
    size_t at = head ? s->received : s->received - 2, end = head ? 2 : length_of(s);
    long n = eddyi_sys_recv(s->fd, (head ? s->head : s->answer) + at, end - at);

    if (n <= 0) {
        if (n != -EAGAIN)
            lose(s, n < 0 ? (int)n : -ECONNRESET);
        return;
    }
    s->received += (size_t)n;
    if (s->received == 2) {
        s->answer = length_of(s) ? eddyi_alloc(length_of(s)) : NULL;
        if (!s->answer)
            lose(s, length_of(s) ? -ENOMEM : -EPROTO);
    } else if (s->received > 2 && s->received - 2 == length_of(s)) {
        take(s, s->answer, length_of(s));
        if (s->exchange) /* not an answer, and no other will follow */
            lose(s, -EPROTO);
    }
}

static void handle(struct eddyi_dns_socket *s)
{
    if (s->exchange->tcp != s)
        receive_datagrams(s);
    else if (s->sent < s->exchange->question.size)
        send_over_tcp(s);
    else
        receive_over_tcp(s);
}

static void socket_polled(struct eddyi_io_op *o)
{
    struct eddyi_dns_socket *s = eddyi_container(o, struct eddyi_dns_socket, poll);
    struct eddyi_dns_exchange *e = s->exchange;
    int64_t result = o->op.result;
    int rc = 0;

    if (!e) {
        socket_free(s);
        return;
    }
    if (e->loop->closed) {
        finish_and_tell(e, -ECANCELED, NULL);
        return;
    }
    s->busy = true;
    if (result > 0)
        handle(s);
    else if (result != -EINTR && result != -ECANCELED)
        finish_and_tell(e, (int)result, NULL);
    s->busy = false;
    if (s->exchange)
        rc = watch(s, e->tcp == s && s->sent < e->question.size ? POLLOUT : POLLIN);
    else
        socket_free(s);
    if (rc < 0)
        finish_and_tell(e, rc, NULL);
}

void eddyi_dns_exchange_start(struct eddyi_dns_exchange *e, eddy_loop *loop,
                              const struct eddyi_dns_config *config, unsigned first,
                              const char *name, int type)
{
    void (*done)(struct eddyi_dns_exchange *) = e->done;
    uint16_t id;
    int rc;

    *e = (struct eddyi_dns_exchange){.loop = loop, .config = config, .first = first, .done = done};
    eddyi_ready_init(&e->timer.ready, out_of_time);
    eddyi_sys_random(&id, sizeof id);
    rc = eddyi_dns_question_init(&e->question, name, type, id, config->edns0 ? UDP_SIZE : 0,
                                 config->trust_ad);
    if (rc < 0) {
        finish(e, rc, NULL);
        return;
    }
    e->running = true;
    ask(e);
}

void eddyi_dns_exchange_hurry(struct eddyi_dns_exchange *e)
{
    if (!e->running || e->hurried)
        return;
    e->hurried = true;
    if (start_timer(e) < 0)
        finish(e, -ENOMEM, NULL);
}

void eddyi_dns_exchange_end(struct eddyi_dns_exchange *e)
{
    if (!e->loop)
        return;
    eddyi_timer_stop(e->loop, &e->timer);
    drop_all(e);
    eddyi_dns_question_fini(&e->question);
    eddyi_free(e->answer);
    e->answer = NULL;
    e->running = false;
    e->loop = NULL;
}
