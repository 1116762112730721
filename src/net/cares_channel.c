#include "net/cares.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "io/io.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/time.h>

/* A socket of c-ares's, while it wants to be told of something. */
struct socket {
    struct eddyi_io_op poll;
    struct eddyi_list link;
    struct eddyi_cares *cares; /* NULL: c-ares has closed it; goes when the backend has let go */
    unsigned wanted;           /* POLLIN, POLLOUT */
    bool calling;              /* c-ares is being told; the socket stays until it returns */
};

static void process(struct eddyi_cares *c, ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(c->channel, readable, writable);
    eddyi_cares_update(c);
}

/* No more word from a socket: rather than have everybody wait for the timeout, all queries fail. */
static void fail(struct eddyi_cares *c, int error)
{
    c->error = error;
    if (eddyi_list_empty(&c->broken.link))
        eddyi_loop_ready(c->loop, &c->broken);
}

static void run_broken(struct eddyi_ready *r)
{
    struct eddyi_cares *c = eddyi_container(r, struct eddyi_cares, broken);

    ares_cancel(c->channel);
    c->error = 0;
    eddyi_cares_update(c);
}

static void watch(struct socket *s)
{
    struct eddyi_io *io = eddyi_io_of(s->cares->loop);
    int rc;

    s->poll.op.events = s->wanted;
    rc = io ? eddyi_io_submit(io, &s->poll) : -ENOMEM;
    if (rc < 0)
        fail(s->cares, rc);
}

/* Of the events that came, those that c-ares wants; an error counts as whatever it waits for. */
static void tell(struct socket *s, unsigned events)
{
    unsigned mask = events & (POLLERR | POLLHUP | POLLNVAL) ? s->wanted : events & s->wanted;
    ares_socket_t fd = s->poll.op.fd;

    s->calling = true;
    process(s->cares, mask & POLLIN ? fd : ARES_SOCKET_BAD, mask & POLLOUT ? fd : ARES_SOCKET_BAD);
    s->calling = false;
}

static void socket_polled(struct eddyi_io_op *o)
{
    struct socket *s = eddyi_container(o, struct socket, poll);
    int64_t result = o->op.result;

    if (s->cares && result > 0)
        tell(s, (unsigned)result);
    if (!s->cares)
        eddyi_free(s);
    else if (result < 0 && result != -ECANCELED && result != -EINTR)
        fail(s->cares, (int)result);
    else if (!s->cares->loop->closed)
        watch(s); /* cancelled, it is only to be watched for something else */
}

static void socket_drop(struct socket *s)
{
    eddyi_list_remove(&s->link);
    s->cares = NULL;
    if (!eddyi_io_withdraw(&s->poll) && !s->calling)
        eddyi_free(s);
}

static struct socket *find(struct eddyi_cares *c, int fd)
{
    EDDYI_LIST_EACH(l, &c->sockets) {
        struct socket *s = eddyi_container(l, struct socket, link);

        if (s->poll.op.fd == fd)
            return s;
    }
    return NULL;
}

static void socket_add(struct eddyi_cares *c, int fd, unsigned wanted)
{
    struct socket *s = eddyi_zalloc(sizeof *s);

    if (!s) {
        fail(c, -ENOMEM);
        return;
    }
    s->cares = c;
    s->wanted = wanted;
    s->poll.done = socket_polled;
    s->poll.op.kind = EDDYI_OP_POLL;
    s->poll.op.fd = fd;
    eddyi_list_append(&c->sockets, &s->link);
    watch(s);
}

/* c-ares wants to be told of other things; nothing at all: it is about to close the socket. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct eddyi_cares *c = arg;
    struct socket *s = find(c, fd);
    unsigned wanted = (readable ? POLLIN : 0u) | (writable ? POLLOUT : 0u);

    if (!s && wanted) {
        socket_add(c, fd, wanted);
    } else if (s && !wanted) {
        socket_drop(s);
    } else if (s && s->wanted != wanted) {
        s->wanted = wanted;
        eddyi_io_cancel(&s->poll);
    }
}

/* Its system calls, which go through the same door as all. */

static long set_errno(long rc)
{
    if (rc >= 0)
        return rc;
    errno = (int)-rc;
    return -1;
}

static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
    return (ares_socket_t)set_errno(eddyi_sys_socket(family, type, protocol));
}

static int close_socket(ares_socket_t fd, void *arg)
{
    eddyi_sys_close(fd);
    return 0;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *addr, ares_socklen_t len, void *arg)
{
    return (int)set_errno(eddyi_sys_connect(fd, addr, len));
}

static ares_ssize_t receive(ares_socket_t fd, void *buf, size_t size, int flags, struct sockaddr *addr,
                            ares_socklen_t *len, void *arg)
{
    return set_errno(eddyi_sys_recvfrom(fd, buf, size, flags, addr, len));
}

/* Never with SIGPIPE, which c-ares's own would risk. */
static ares_ssize_t send_vector(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
    return set_errno(eddyi_sys_sendv(fd, iov, n));
}

static const struct ares_socket_functions socket_functions = {open_socket, close_socket, connect_socket,
                                                              receive, send_vector};

/* Its clock. */

static void run_timer(struct eddyi_ready *r)
{
    process(eddyi_container(r, struct eddyi_cares, timer.ready), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void eddyi_cares_update(struct eddyi_cares *c)
{
    struct timeval buf, *left = ares_timeout(c->channel, NULL, &buf);
    int rc = 0;

    eddyi_timer_stop(c->loop, &c->timer);
    if (left)
        rc = eddyi_timer_start(c->loop, &c->timer,
                               eddyi_loop_now(c->loop) + left->tv_sec * INT64_C(1000000000) +
                                   left->tv_usec * INT64_C(1000));
    if (rc < 0)
        fail(c, rc);
}

/* Making and ending it. */

static int library_status = ARES_ENOTINITIALIZED;

static void init_library(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static int failed(int status, const char *servers)
{
    if (status == ARES_ENOMEM)
        return eddy_raise(-ENOMEM, NULL);
    return eddy_raise(servers ? -EINVAL : EDDY_ENAMEFAIL, "name servers %s: %s",
                      servers ? servers : "of /etc/resolv.conf", ares_strerror(status));
}

static int init_channel(struct eddyi_cares *c, const char *servers)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct ares_options options = {.sock_state_cb = socket_state, .sock_state_cb_data = c};
    int status;

    pthread_once(&once, init_library);
    status = eddyi_fault("ares_init") < 0 ? ARES_ENOMEM : library_status;
    if (status == ARES_SUCCESS)
        status = ares_init_options(&c->channel, &options, ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        return failed(status, NULL);
    ares_set_socket_functions(c->channel, &socket_functions, c);
    if (servers)
        status = *servers ? ares_set_servers_ports_csv(c->channel, servers) : ARES_EBADSTR;
    if (status == ARES_SUCCESS)
        return 0;
    ares_destroy(c->channel);
    return failed(status, servers);
}

int eddyi_cares_channel_new(eddy_loop *loop, const char *servers, struct eddyi_cares **ret)
{
    struct eddyi_cares *c = eddyi_zalloc(sizeof *c);
    int rc;

    if (!c)
        return eddy_raise(-ENOMEM, NULL);
    c->refs = 1;
    c->loop = loop;
    eddyi_list_init(&c->sockets);
    eddyi_ready_init(&c->timer.ready, run_timer);
    eddyi_ready_init(&c->broken, run_broken);
    c->config = servers ? 0 : eddyi_sys_file_time("/etc/resolv.conf");
    rc = init_channel(c, servers);
    if (rc < 0)
        eddyi_free(c);
    else
        *ret = c;
    return rc;
}

void eddyi_cares_channel_end(struct eddyi_cares *c)
{
    ares_destroy(c->channel);
    c->channel = NULL;
    while (!eddyi_list_empty(&c->sockets))
        socket_drop(eddyi_container(c->sockets.next, struct socket, link));
    eddyi_timer_stop(c->loop, &c->timer);
    eddyi_ready_cancel(&c->broken);
    eddyi_cares_unref(c);
}

void eddyi_cares_unref(struct eddyi_cares *c)
{
    if (--c->refs == 0)
        eddyi_free(c);
}
