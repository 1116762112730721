/*
 * Work that goes on for ever asks for no memory, and for nothing of the kernel that is known
 * already: after some rounds every further request would be refused, and there is none.
 */
#include "io/sockets.h"

#include <poll.h>

enum { WARM_UP = 20, ROUNDS = 100, SIZE = 64 };

/* Goes through round(arg) @n times, or until it fails. */
static int go_round(int (*round)(void *arg), void *arg, int n)
{
    int rc = 0;

    for (int i = 0; i < n && rc >= 0; i++)
        rc = round(arg);
    return rc < 0 ? rc : 0;
}

/* Ends what was refused, of which there has been nothing. */
static void expect_no_hits(void)
{
    unsigned long hits = eddyi_fault_hits();

    eddyi_fault_clear();
    EXPECT_EQ(hits, 0);
}

/* Goes through round(arg) often enough to have all that it needs, and then often, without getting
 * any more. */
static int repeat(int (*round)(void *arg), void *arg)
{
    int rc = go_round(round, arg, WARM_UP);

    if (rc < 0)
        return rc;
    eddyi_fault_only("malloc", ENOMEM);
    eddyi_fault_only("realloc", ENOMEM);
    eddyi_fault_only("mmap", ENOMEM);
    rc = go_round(round, arg, ROUNDS);
    expect_no_hits();
    return rc;
}

static int yield(void *unused)
{
    return eddy_sleep(0);
}

static eddy_async(yield_until, (const bool *, ended))
{
    while (!*ended)
        eddy_try(eddy_sleep(0));
    return 0;
}

TEST_ASYNC(switching_between_tasks_allocates_nothing)
{
    bool ended = false;
    eddy_task *other = eddy_create_task(yield_until(&ended));
    int rc = repeat(yield, NULL);

    ended = true;
    EXPECT_EQ(eddy_await(other), 0);
    return rc;
}

static eddy_async(nothing)
{
    return 0;
}

static int create_many_and_join(void *unused)
{
    enum { N = 2000 };
    static eddy_task *tasks[N];

    for (size_t i = 0; i < N; i++)
        tasks[i] = eddy_create_task(nothing());
    for (size_t i = 0; i < N; i++)
        eddy_try(eddy_await(tasks[i]));
    return 0;
}

TEST_ASYNC(creating_thousands_of_tasks_again_and_again_takes_nothing_from_the_kernel)
{
    eddy_try(create_many_and_join(NULL));
    eddy_try(create_many_and_join(NULL)); /* the tests' library keeps some that were freed */
    eddyi_fault_only("mmap", ENOMEM);
    eddy_try(create_many_and_join(NULL));
    expect_no_hits();
    return 0;
}

static int sleep_a_little(void *unused)
{
    return eddy_sleep(0.001);
}

TEST_ASYNC(sleeping_allocates_nothing)
{
    return repeat(sleep_a_little, NULL);
}

static int within_time(void *unused)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 10);
    return eddy_timeout_exit(&tm, eddy_sleep(0.001));
}

TEST_ASYNC(a_timeout_that_does_not_strike_allocates_nothing)
{
    return repeat(within_time, NULL);
}

struct queues {
    eddy_queue questions, answers;
};

static int ask_queue(void *arg)
{
    struct queues *q = arg;
    void *item;

    eddy_try(eddy_queue_put(&q->questions, q));
    return eddy_queue_get(&q->answers, &item);
}

static eddy_async(answer_queue, (struct queues *, q))
{
    void *item;

    while (eddy_queue_get(&q->questions, &item) == 0)
        eddy_try(eddy_queue_put(&q->answers, item));
    return 0;
}

TEST_ASYNC(a_queue_between_two_tasks_allocates_nothing)
{
    struct queues q;
    eddy_task *other;
    int rc, answered;

    eddy_queue_init(&q.questions, 1);
    eddy_queue_init(&q.answers, 1);
    other = eddy_create_task(answer_queue(&q));
    rc = other ? repeat(ask_queue, &q) : -ENOMEM;
    eddy_queue_shutdown(&q.questions, true);
    answered = eddy_await(other);
    eddy_queue_fini(&q.questions);
    eddy_queue_fini(&q.answers);
    return rc < 0 ? rc : answered;
}

static int lock_and_yield(void *lock)
{
    eddy_try(eddy_lock_acquire(lock));
    eddy_sleep(0);
    return eddy_lock_release(lock);
}

static eddy_async(lock_until, (eddy_lock *, lock), (const bool *, ended))
{
    while (!*ended)
        eddy_try(lock_and_yield(lock));
    return 0;
}

TEST_ASYNC(a_lock_that_two_tasks_want_allocates_nothing)
{
    eddy_lock lock = {0};
    bool ended = false;
    eddy_task *other = eddy_create_task(lock_until(&lock, &ended));
    int rc = repeat(lock_and_yield, &lock);

    ended = true;
    EXPECT_EQ(eddy_await(other), 0);
    return rc;
}

static void count(void *n)
{
    ++*(int *)n;
}

static int call_back(void *unused)
{
    static int n; /* callbacks may outlive a call that fails */

    n = 0;
    eddy_loop_call_soon(eddy_get_running_loop(), count, &n);
    eddy_loop_call_later(eddy_get_running_loop(), 0, count, &n);
    eddy_loop_call_soon_threadsafe(eddy_get_running_loop(), count, &n);
    eddy_handle_cancel(eddy_loop_call_later(eddy_get_running_loop(), 1, count, &n));
    eddy_try(eddy_sleep(0.001));
    return n == 3 ? 0 : eddy_raise(EDDY_EUSER, "%d of 3 callbacks have run", n);
}

TEST_ASYNC(callbacks_allocate_nothing)
{
    return repeat(call_back, NULL);
}

/* Ends with the connection, and ends it, lest the other side wait for an answer. */
static eddy_async(echo, (int, fd))
{
    char buf[SIZE];
    ssize_t n;

    while ((n = eddy_sock_recv(fd, buf, sizeof buf)) > 0) {
        if (eddy_sock_sendall(fd, buf, (size_t)n, NULL) < 0)
            break;
    }
    shutdown(fd, SHUT_RDWR);
    return 0;
}

static int ask(void *arg)
{
    const int *fd = arg;
    char buf[SIZE] = {1};
    size_t received = 0;

    eddy_try(eddy_sock_sendall(*fd, buf, sizeof buf, NULL));
    while (received < sizeof buf) {
        ssize_t n = eddy_sock_recv(*fd, buf + received, sizeof buf - received);

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        received += (size_t)n;
    }
    return 0;
}

TEST_ASYNC_REAL(echo_by_operations_allocates_nothing)
{
    eddy_task *other;
    int fds[2], rc;

    pair_open(fds);
    other = eddy_create_task(echo(fds[1]));
    rc = other ? repeat(ask, &fds[0]) : -ENOMEM;
    shutdown(fds[0], SHUT_RDWR);
    EXPECT_EQ(eddy_await(other), 0);
    pair_close(fds);
    return rc;
}

struct stream {
    eddy_reader *reader;
    eddy_writer *writer;
};

static eddy_async(echo_stream, (struct stream, s))
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(s.reader, SIZE, &data)) > 0) {
        if (eddy_writer_write(s.writer, data, (size_t)n) < 0)
            break;
    }
    eddy_writer_abort(s.writer);
    return 0;
}

static int ask_stream(void *arg)
{
    struct stream *s = arg;
    char buf[SIZE] = {1};

    eddy_try(eddy_writer_write(s->writer, buf, sizeof buf));
    return (int)eddy_reader_readexactly(s->reader, buf, sizeof buf);
}

static int echo_by_streams(int (*how)(int (*round)(void *arg), void *arg), const int fds[2])
{
    struct stream s[2] = {0};
    eddy_task *other;
    int rc = 0, opened = 0;

    while (opened < 2 && rc == 0) {
        rc = eddy_open_connection(NULL, 0, &s[opened].reader, &s[opened].writer,
                                  .sock = fds[opened]);
        opened += rc == 0;
    }
    if (rc == 0) {
        other = eddy_create_task(echo_stream(s[1]));
        rc = other ? how(ask_stream, &s[0]) : -ENOMEM;
        eddy_writer_abort(s[0].writer);
        EXPECT_EQ(eddy_await(other), other ? 0 : -ENOMEM);
    }
    for (int i = 0; i < 2; i++) {
        if (i < opened)
            eddy_writer_free(s[i].writer);
        else
            close(fds[i]);
    }
    return rc;
}

/* Covers writes that the kernel takes in one piece. The rest of any other write has to be kept in
 * allocated memory. */
TEST_ASYNC_REAL(echo_by_streams_allocates_nothing, .whole = true)
{
    int fds[2];

    pair_open(fds);
    return echo_by_streams(repeat, fds);
}

enum { CROWD = 100 };

struct crowd {
    eddy_writer *writers[CROWD];
    int peers[CROWD];
    int n;
};

static int write_to_all(void *arg)
{
    struct crowd *all = arg;
    char buf[SIZE] = {1};

    for (int i = 0; i < all->n; i++)
        eddy_try(eddy_writer_write_nowait(all->writers[i], buf, sizeof buf));
    eddy_try(eddy_sleep(0));
    for (int i = 0; i < all->n; i++) {
        if (recv(all->peers[i], buf, sizeof buf, MSG_DONTWAIT) != sizeof buf)
            return eddy_raise(EDDY_EUSER, "the bytes have not come");
    }
    return 0;
}

TEST_ASYNC_REAL(writing_to_many_connections_in_a_turn_allocates_nothing, .whole = true)
{
    static struct crowd all;
    eddy_reader *reader;
    int rc = 0;

    while (rc == 0 && all.n < CROWD) {
        int fds[2];

        pair_open(fds);
        rc = eddy_open_connection(NULL, 0, &reader, &all.writers[all.n], .sock = fds[0]);
        all.peers[all.n] = fds[1];
        if (rc < 0)
            pair_close(fds);
        else
            all.n++;
    }
    rc = rc == 0 ? repeat(write_to_all, &all) : rc;
    for (int i = 0; i < all.n; i++) {
        eddy_writer_free(all.writers[i]);
        close(all.peers[i]);
    }
    return rc;
}

/*
 * There may be no more calls than messages, give or take a few: were it tried first whether
 * something has come, or looked twice, there would be twice as many. A descriptor is registered
 * once and for all. So it is with TCP, where what falls short has emptied the socket; of a Unix
 * socket that may only mean that a descriptor comes next.
 */
static int repeat_frugally(int (*round)(void *arg), void *arg)
{
    static const char *const calls[] = {"recv", "send", "epoll_wait", "epoll_pwait2",
                                        "io_uring_enter"};
    int rc = go_round(round, arg, WARM_UP);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        eddyi_fault_nth(calls[i], 2 * ROUNDS + ROUNDS / 2, EPROTO);
    eddyi_fault_only("epoll_ctl", EPROTO);
    rc = go_round(round, arg, ROUNDS);
    expect_no_hits();
    return rc;
}

TEST_ASYNC_REAL(echo_by_streams_makes_no_call_that_is_not_needed, .whole = true)
{
    int fds[2];

    connection_open(fds);
    return echo_by_streams(repeat_frugally, fds);
}

/* Echoes like a server that takes a buffer only when there is data to receive. */
static eddy_async(echo_polled, (int, fd))
{
    char buf[2 * SIZE];
    ssize_t n = 1;

    while (n > 0 && eddy_poll(fd, POLLIN) > 0) {
        n = eddy_sock_recv(fd, buf, sizeof buf);
        if (n > 0 && eddy_sock_sendall(fd, buf, (size_t)n, NULL) < 0)
            break;
    }
    shutdown(fd, SHUT_RDWR);
    return 0;
}

TEST_ASYNC_REAL(polling_a_connection_again_and_again_registers_it_hardly_ever, .whole = true)
{
    eddy_task *other;
    int fds[2], rc;

    connection_open(fds);
    other = eddy_create_task(echo_polled(fds[0]));
    rc = go_round(ask, &fds[1], WARM_UP);
    if (rc == 0) {
        eddyi_fault_nth("epoll_ctl", ROUNDS / 2, EPROTO);
        rc = go_round(ask, &fds[1], ROUNDS);
        expect_no_hits();
    }
    shutdown(fds[1], SHUT_RDWR);
    EXPECT_EQ(eddy_await(other), 0);
    pair_close(fds);
    return rc;
}

/* Sends a batch and receives it again, over and over. */
static int batch_round(void *arg)
{
    enum { N = 8 };
    static char bytes[N][SIZE];
    eddy_datagram_endpoint **ends = arg;
    eddy_datagram batch[N] = {{.size = 0}};
    ssize_t n;

    for (size_t i = 0; i < N; i++)
        batch[i] = (eddy_datagram){.data = bytes[i], .size = SIZE, .room = SIZE};
    n = eddy_datagram_endpoint_send_some(ends[0], batch, N);
    if (n > 0)
        n = eddy_datagram_endpoint_recv_some(ends[1], batch, N);
    return n < 0 ? (int)n : eddy_sleep(0);
}

TEST_ASYNC_REAL(datagrams_in_batches_allocate_nothing)
{
    eddy_datagram_endpoint *ends[2];
    int s[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) == 0);
    eddy_try(eddy_create_datagram_endpoint(&ends[0], .sock = s[0]));
    eddy_try(eddy_create_datagram_endpoint(&ends[1], .sock = s[1]));
    rc = repeat(batch_round, ends);
    eddy_datagram_endpoint_close(ends[0]);
    eddy_datagram_endpoint_close(ends[1]);
    return rc;
}
