/*
 * Cancellation everywhere in the calls on sockets, on each real backend: no byte, no connection and
 * no descriptor is lost, and no buffer is touched once its call has returned.
 */
#include "io/sockets.h"
#include "testkit/everywhere.h"

#include <sys/un.h>

enum { CHUNK = 64, CHUNKS = 4, MUCH = 400000, GUARD = 0xAA };

static struct {
    int fds[2], listener;
    struct sockaddr_in addr;
    size_t sent, received;
    int connected, accepted, connects_lost;
    bool called_after_removal, garbled;
    eddy_event readable;
    unsigned char buffer[CHUNK];
    bool guarded; /* no operation uses the buffer any more, and it is full of GUARD */
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
    all.listener = -1;
    pair_open(all.fds);
}

/* Takes what is still in the socket. */
static size_t drain(int fd)
{
    static char rest[MUCH];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(fd, rest, sizeof rest, MSG_DONTWAIT)) > 0)
        total += (size_t)n;
    return total;
}

static bool buffer_untouched(void)
{
    for (size_t i = 0; all.guarded && i < sizeof all.buffer; i++)
        if (all.buffer[i] != GUARD)
            return false;
    return true;
}

/* recv: what was sent is received, or still there. */

static eddy_async(receive)
{
    ssize_t n = 1;

    while (n > 0) {
        n = eddy_sock_recv(all.fds[0], all.buffer, sizeof all.buffer);
        if (n > 0)
            all.received += (size_t)n;
    }
    memset(all.buffer, GUARD, sizeof all.buffer);
    all.guarded = true;
    return (int)n;
}

static eddy_async(send_chunks)
{
    static const char chunk[CHUNK];

    for (int i = 0; i < CHUNKS; i++) {
        size_t sent;
        int rc = eddy_sock_sendall(all.fds[1], chunk, sizeof chunk, &sent);

        all.sent += sent;
        eddy_try(rc);
        eddy_try(eddy_sleep(0));
    }
    return shutdown(all.fds[1], SHUT_WR);
}

static int recv_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(receive()), eddy_create_task(send_chunks())};

    return join(tasks, 2);
}

static int recv_check(void *unused, const eddy_test_trial *trial)
{
    size_t rest = drain(all.fds[0]);

    pair_close(all.fds);
    eddy_try(HOLDS(all.sent == all.received + rest));
    return HOLDS(buffer_untouched());
}

TEST_VIRTUAL(no_byte_is_lost_wherever_a_receiver_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"recv", recv_scenario, .begin = begin, .check = recv_check,
                                     .backends = EDDY_TEST_REAL, .task = "receive"},
               2);
}

/* sendall: what it says it has sent is what arrives, and is what the buffer held while it was
 * sending. */

static char much[MUCH];

static void begin_sending(void *unused)
{
    begin(NULL);
    memset(much, 0, sizeof much);
}

static eddy_async(send_much)
{
    size_t sent;
    int rc = eddy_sock_sendall(all.fds[1], much, sizeof much, &sent);

    all.sent += sent;
    memset(much, GUARD, sizeof much);
    return rc;
}

static bool all_zero(const char *bytes, size_t n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

static eddy_async(receive_slowly)
{
    static char piece[MUCH / 8];
    ssize_t n = 1;

    while (n > 0) {
        eddy_try(eddy_sleep(0));
        n = eddy_sock_recv(all.fds[0], piece, sizeof piece);
        if (n > 0)
            all.received += (size_t)n;
        all.garbled |= n > 0 && !all_zero(piece, (size_t)n);
    }
    return (int)n;
}

static int sendall_scenario(void *unused)
{
    eddy_task *sender = eddy_create_task(send_much()),
              *receiver = eddy_create_task(receive_slowly());
    int rc = join(&sender, 1), rc_of_receiver;

    shutdown(all.fds[1], SHUT_WR);
    rc_of_receiver = join(&receiver, 1);
    return rc < 0 ? rc : rc_of_receiver;
}

static int sendall_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(recv_check(NULL, trial));
    return HOLDS(!all.garbled);
}

TEST_VIRTUAL(sendall_knows_what_it_has_sent_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sendall", sendall_scenario, .begin = begin_sending,
                                     .check = sendall_check, .backends = EDDY_TEST_REAL,
                                     .spare = "receive_slowly"},
               4);
}

/* accept and connect: each connection is accepted, or still waits to be. */

/* The address is the caller's again, and stays as it is. */
static struct {
    struct sockaddr_in addr;
    socklen_t size;
} peer;

static void take_peer_back(void)
{
    memset(&peer, GUARD, sizeof peer);
}

static bool peer_untouched(void)
{
    const unsigned char *bytes = (const unsigned char *)&peer;

    for (size_t i = 0; i < sizeof peer; i++)
        if (bytes[i] != GUARD)
            return false;
    return true;
}

static void begin_listening(void *unused)
{
    begin(NULL);
    pair_close(all.fds);
    take_peer_back();
    all.listener = socket_listen(&all.addr, SOCK_NONBLOCK);
}

static eddy_async(accept_three)
{
    while (all.accepted < 3) {
        int fd;

        peer.size = sizeof peer.addr;
        fd = eddy_sock_accept(all.listener, (struct sockaddr *)&peer.addr, &peer.size);
        all.garbled |= fd >= 0 && peer.addr.sin_family != AF_INET;
        take_peer_back();
        if (fd < 0)
            return fd;
        all.accepted++;
        close(fd);
    }
    return 0;
}

static bool is_connected(int fd)
{
    struct sockaddr_in there;
    socklen_t size = sizeof there;

    return getpeername(fd, (struct sockaddr *)&there, &size) == 0;
}

/* Some turns from now, so that the listener has begun to wait. */
static eddy_async(connect_once, (int, turns))
{
    int fd, rc = 0;

    while (rc == 0 && turns-- > 0)
        rc = eddy_sleep(0);
    if (rc < 0)
        return rc;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    rc = eddy_sock_connect(fd, (struct sockaddr *)&all.addr, sizeof all.addr);
    all.connected += rc == 0;
    all.connects_lost += rc == -ECANCELED && is_connected(fd);
    close(fd);
    return rc;
}

static int accept_scenario(void *unused)
{
    eddy_task *tasks[4] = {eddy_create_task(accept_three())};

    for (int i = 1; i < 4; i++)
        tasks[i] = eddy_create_task(connect_once(3 * i));
    return join(tasks, 4);
}

static int accept_check(void *unused, const eddy_test_trial *trial)
{
    int fd;

    while ((fd = accept4(all.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        all.accepted++;
        close(fd);
    }
    close(all.listener);
    eddy_try(HOLDS(!all.garbled && peer_untouched()));
    /* more: a connect that was cancelled may be through */
    return HOLDS(all.accepted >= all.connected);
}

/* An outcome that the kernel had when the cancellation came is the outcome. */
static int connect_check(void *unused, const eddy_test_trial *trial)
{
    bool with_result = strstr(trial->accident, "-result:") != NULL;

    eddy_try(accept_check(NULL, trial));
    return HOLDS(!with_result || all.connects_lost == 0);
}

TEST_VIRTUAL(no_connection_is_lost_wherever_an_accept_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"accept", accept_scenario, .begin = begin_listening,
                                     .check = accept_check, .backends = EDDY_TEST_REAL,
                                     .task = "accept_three"},
               4);
}

static eddy_async(accept_all)
{
    for (;;) {
        int fd = eddy_sock_accept(all.listener, NULL, NULL);

        if (fd < 0)
            return fd;
        all.accepted++;
        close(fd);
    }
}

static int connect_scenario(void *unused)
{
    eddy_task *acceptor = eddy_create_task(accept_all());
    eddy_task *tasks[3];
    int rc;

    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(connect_once(i));
    rc = join(tasks, 3);
    eddy_task_cancel(acceptor, NULL);
    return join(&acceptor, 1) < 0 ? -ECANCELED : rc;
}

TEST_VIRTUAL(a_connect_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"connect", connect_scenario, .begin = begin_listening,
                                     .check = connect_check, .backends = EDDY_TEST_REAL,
                                     .spare = "accept_all"},
               6);
}

/* A Unix socket whose queue is full: connect tries again, now and then. */

static struct sockaddr_un unix_addr;
static int queued[10], n_queued;

static int unix_socket(int flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    REQUIRE(fd >= 0);
    return fd;
}

static void begin_full_queue(void *unused)
{
    socklen_t size = sizeof(sa_family_t);

    begin(NULL);
    pair_close(all.fds);
    unix_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    all.listener = unix_socket(SOCK_NONBLOCK);
    REQUIRE(bind(all.listener, (struct sockaddr *)&unix_addr, size) == 0 &&
            listen(all.listener, 0) == 0);
    size = sizeof unix_addr;
    REQUIRE(getsockname(all.listener, (struct sockaddr *)&unix_addr, &size) == 0);
    for (n_queued = 0; n_queued < 10; n_queued++) {
        queued[n_queued] = unix_socket(SOCK_NONBLOCK);
        if (connect(queued[n_queued], (struct sockaddr *)&unix_addr, sizeof(sa_family_t) + 6) < 0)
            break;
    }
    REQUIRE(n_queued > 0 && n_queued < 10); /* the last one is not connected */
}

static eddy_async(connect_to_full)
{
    int fd = unix_socket(0);
    int rc = eddy_sock_connect(fd, (struct sockaddr *)&unix_addr, sizeof(sa_family_t) + 6);

    all.connected += rc == 0;
    close(fd);
    return rc;
}

static eddy_async(make_room_later)
{
    int fd;

    eddy_sleep(0.002);
    while ((fd = accept4(all.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(fd);
    return 0;
}

static int full_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(connect_to_full()),
                           eddy_create_task(make_room_later())};

    return join(tasks, 2);
}

static int full_check(void *unused, const eddy_test_trial *trial)
{
    for (int i = 0; i <= n_queued; i++)
        close(queued[i]);
    close(all.listener);
    return trial->task ? 0 : HOLDS(all.connected == 1);
}

TEST_VIRTUAL(a_connect_to_a_full_queue_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"full queue", full_scenario, .begin = begin_full_queue,
                                     .check = full_check, .backends = EDDY_TEST_REAL,
                                     .task = "connect_to_full"},
               4);
}

/* add_reader: removed by the task that waits, and not called after that. */

static void on_readable(void *watching)
{
    if (!*(bool *)watching)
        all.called_after_removal = true;
    all.received += drain(all.fds[0]);
    eddy_event_set(&all.readable);
}

static eddy_async(watch)
{
    static bool watching;
    int rc = eddy_loop_add_reader(eddy_get_running_loop(), all.fds[0], on_readable, &watching);

    if (rc < 0)
        return rc;
    watching = true;
    while (rc == 0 && all.received < CHUNK * CHUNKS) {
        eddy_event_clear(&all.readable);
        rc = eddy_event_wait(&all.readable);
    }
    watching = false;
    eddy_loop_remove_reader(eddy_get_running_loop(), all.fds[0]);
    return rc;
}

static int reader_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(watch()),
                           eddy_create_task(send_chunks(), .name = "sender")};

    return join(tasks, 2);
}

static int reader_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(recv_check(NULL, trial));
    return HOLDS(!all.called_after_removal);
}

TEST_VIRTUAL(a_reader_is_removed_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"add_reader", reader_scenario, .begin = begin,
                                     .check = reader_check, .backends = EDDY_TEST_REAL,
                                     .spare = "sender"},
               4);
}
