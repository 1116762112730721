/*
 * Cancellation everywhere in sending and receiving datagrams and messages, and in waiting for
 * readiness: what was sent is received, or still there.
 */
#include "testkit/everywhere.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FEW = 4, MANY = 40 /* more than wait in a queue */ };

static struct {
    int fds[2], sent, received, named;
} all;

static void begin_with(int type)
{
    memset(&all, 0, sizeof all);
    REQUIRE(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, all.fds) == 0);
}

static void begin(void *unused)
{
    begin_with(SOCK_DGRAM);
}

static void begin_messages(void *unused)
{
    begin_with(SOCK_SEQPACKET);
}

static int check(void *unused, const eddy_test_trial *trial)
{
    char buf[8];
    int rest = 0;

    while (recv(all.fds[0], buf, sizeof buf, MSG_DONTWAIT) >= 0)
        rest++;
    close(all.fds[0]);
    close(all.fds[1]);
    return HOLDS(all.sent == all.received + rest);
}

/* An endpoint sends more than there is room for. */
static eddy_async(send_all)
{
    eddy_datagram_endpoint *ep;
    int rc = 0;

    eddy_try(eddy_create_datagram_endpoint(&ep, .sock = dup(all.fds[1])));
    while (rc == 0 && all.sent < MANY) {
        rc = all.sent % 2 ? eddy_datagram_endpoint_send(ep, "x", 1)
                          : eddy_datagram_endpoint_sendto(ep, "x", 1, NULL, 0);
        all.sent += rc == 0;
    }
    eddy_datagram_endpoint_close(ep);
    return rc;
}

/* Three ways to receive. */
static eddy_async(receive_all)
{
    char buf[8];

    while (all.received < MANY) {
        ssize_t n;

        if (all.received % 3 == 2)
            eddy_try(eddy_poll(all.fds[0], POLLIN));
        n = all.received % 2 == 0 ? eddy_sock_recvfrom(all.fds[0], buf, sizeof buf, NULL, NULL)
                                  : eddy_sock_recv(all.fds[0], buf, sizeof buf);
        if (n < 0)
            return (int)n;
        all.received++;
    }
    return 0;
}

/* Runs a receiver and a sender. When one ends early, cancels the other instead of waiting for
 * it. */
static int run_both(eddy_coroutine *receiver, eddy_coroutine *sender)
{
    eddy_task *tasks[2] = {eddy_create_task(receiver), eddy_create_task(sender)};
    int rc =
        tasks[0] && tasks[1] ? eddy_wait(tasks, 2, EDDY_FOREVER, EDDY_FIRST_COMPLETED) : -ENOMEM;

    for (int i = 0; i < 4 && rc >= 0; i++)
        rc = eddy_sleep(0);
    for (int i = 0; i < 2; i++)
        if (tasks[i] && all.sent < MANY)
            eddy_task_cancel(tasks[i], NULL);
    return join(tasks, 2) < 0 ? -ECANCELED : rc < 0 ? rc : 0;
}

static int scenario(void *unused)
{
    return run_both(receive_all(), send_all());
}

TEST_VIRTUAL(no_datagram_is_lost_wherever_its_sender_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"senders", scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "send_all"},
               1);
}

TEST_VIRTUAL(no_datagram_is_lost_wherever_one_waits_for_it)
{
    everywhere(&(eddy_test_scenario){"receivers", scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "receive_all"},
               1);
}

/* One at a time, to an endpoint. */
static eddy_async(receive_by_endpoint)
{
    eddy_datagram_endpoint *ep;
    char buf[8];
    ssize_t n = 0;

    eddy_try(eddy_create_datagram_endpoint(&ep, .sock = dup(all.fds[0])));
    while (n >= 0 && all.received < FEW) {
        n = eddy_datagram_endpoint_recv(ep, buf, sizeof buf, NULL, NULL);
        all.received += n >= 0;
    }
    eddy_datagram_endpoint_close(ep);
    return n < 0 ? (int)n : 0;
}

static eddy_async(send_few)
{
    for (; all.sent < FEW; all.sent++) {
        eddy_try(eddy_sleep(0));
        eddy_try((int)eddy_sock_sendto(all.fds[1], "x", 1, NULL, 0));
    }
    return 0;
}

static int endpoint_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(receive_by_endpoint()), eddy_create_task(send_few())};

    return join(tasks, 2);
}

TEST_VIRTUAL(no_datagram_is_lost_wherever_a_receiver_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"endpoint", endpoint_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "receive_by_endpoint"},
               2);
}

/* In batches: the first receive of each waits for one, and takes what has come meanwhile. */
static eddy_async(receive_batches)
{
    char bytes[FEW][8];
    eddy_datagram batch[FEW] = {{.size = 0}};
    eddy_datagram_endpoint *ep;
    ssize_t n = 0;

    for (int i = 0; i < FEW; i++)
        batch[i].data = bytes[i], batch[i].room = sizeof bytes[i];
    eddy_try(eddy_create_datagram_endpoint(&ep, .sock = dup(all.fds[0])));
    while (n >= 0 && all.received < MANY) {
        n = eddy_datagram_endpoint_recv_some(ep, batch, FEW);
        all.received += n > 0 ? (int)n : 0;
    }
    eddy_datagram_endpoint_close(ep);
    return n < 0 ? (int)n : 0;
}

static eddy_async(send_batches)
{
    eddy_datagram batch[MANY] = {{.size = 0}};
    eddy_datagram_endpoint *ep;
    ssize_t n = 0;

    for (int i = 0; i < MANY; i++)
        batch[i].data = "x", batch[i].size = 1;
    eddy_try(eddy_create_datagram_endpoint(&ep, .sock = dup(all.fds[1])));
    while (n >= 0 && all.sent < MANY) {
        n = eddy_datagram_endpoint_send_some(ep, batch, (size_t)(MANY - all.sent));
        all.sent += n > 0 ? (int)n : 0;
    }
    eddy_datagram_endpoint_close(ep);
    return n < 0 ? (int)n : 0;
}

static int batch_scenario(void *unused)
{
    return run_both(receive_batches(), send_batches());
}

TEST_VIRTUAL(no_datagram_is_lost_wherever_a_receiver_of_batches_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"batches", batch_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "receive_batches"},
               1);
}

TEST_VIRTUAL(no_datagram_is_sent_twice_or_lost_wherever_a_sender_of_batches_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"batches", batch_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "send_batches"},
               1);
}

/* Messages. */

static eddy_async(receive_messages)
{
    char buf[8];

    while (all.received < FEW) {
        struct iovec iov = {buf, sizeof buf};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = eddy_sock_recvmsg(all.fds[0], &message, 0);

        if (n < 0)
            return (int)n;
        all.received++;
    }
    return 0;
}

static eddy_async(send_messages)
{
    while (all.sent < FEW) {
        struct iovec iov = {"x", 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

        eddy_try(eddy_sleep(0));
        eddy_try((int)eddy_sock_sendmsg(all.fds[1], &message, 0));
        all.sent++;
    }
    return 0;
}

static int message_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(receive_messages()), eddy_create_task(send_messages())};

    return join(tasks, 2);
}

TEST_VIRTUAL(no_message_is_lost_wherever_a_receiver_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"messages", message_scenario, .begin = begin_messages,
                                     .check = check, .backends = EDDY_TEST_REAL,
                                     .task = "receive_messages"},
               2);
}

/* Names of addresses. */

static eddy_async(name_it)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    char host[200], service[40];

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    eddy_try(eddy_getnameinfo((struct sockaddr *)&addr, sizeof addr, host, sizeof host, service,
                              sizeof service, 0));
    all.named++;
    return 0;
}

static int name_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(name_it(), .name = "cancelled"),
                           eddy_create_task(name_it(), .name = "spared")};

    return join(tasks, 2);
}

static int name_check(void *unused, const eddy_test_trial *trial)
{
    close(all.fds[0]);
    close(all.fds[1]);
    return HOLDS(all.named >= (trial->task ? 1 : 2));
}

TEST_VIRTUAL(asking_for_a_name_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"names", name_scenario, .begin = begin, .check = name_check,
                                     .backends = EDDY_TEST_REAL, .task = "cancelled"},
               1);
}
