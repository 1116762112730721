/*
 * The results that the driver of a worker process accepts: the worker here is the test, which
 * writes any bytes.
 */
#include "base/sys.h"
#include "executor/worker_process.h"
#include "harness/test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int yes(void *arg)
{
    return 1;
}

static struct eddyi_job job = {.fn = yes};
static struct eddyi_worker_process process;
static int worker, server; /* the other ends of the connection and of the pipe */

enum { PID = 4711 };

/* A worker that has been sent three jobs. */
static void connect_worker(void)
{
    int connection[2], fate[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, connection) == 0 && pipe(fate) == 0);
    process = (struct eddyi_worker_process){PID, connection[0], fate[0], 0};
    worker = connection[1];
    server = fate[1];
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(eddyi_worker_process_send(&process, &job), 0);
}

static void disconnect(void)
{
    close(process.connection);
    close(process.fate);
    close(worker);
    close(server);
}

/* The head of a reply that is right. */
static struct eddyi_reply right(void)
{
    return (struct eddyi_reply){.stamp = {EDDYI_REPLY, 3, PID}};
}

/* Hands the driver a reply and @rest, and then the end of the connection. */
static int receive(const struct eddyi_reply *reply, const void *rest, size_t size,
                   struct eddyi_job_result *ret)
{
    EXPECT_EQ(write(worker, reply, sizeof *reply), sizeof *reply);
    EXPECT_EQ(write(worker, rest, size), size);
    shutdown(worker, SHUT_WR);
    return eddyi_worker_process_receive(&process, ret);
}

/* Returns what receiving @p reply gives when 100 bytes follow it. */
static int judge(struct eddyi_reply reply)
{
    struct eddyi_job_result result = {.status = 12345};
    char rest[100] = {0};
    int rc;

    connect_worker();
    rc = receive(&reply, rest, sizeof rest, &result);
    if (rc < 0)
        EXPECT(result.status == 12345 && !result.exception && !result.bytes.data);
    eddy_exception_unref(result.exception);
    eddy_bytes_fini(&result.bytes);
    disconnect();
    return rc;
}

#define JUDGE(...)                                                                                 \
    ({                                                                                             \
        struct eddyi_reply r = right();                                                            \
        __VA_ARGS__;                                                                               \
        judge(r);                                                                                  \
    })

TEST(requests_are_numbered_from_one)
{
    struct eddyi_request requests[3] = {{{0}, NULL, NULL, 0}};

    connect_worker();
    EXPECT_EQ(recv(worker, requests, sizeof requests, MSG_DONTWAIT), sizeof requests);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(requests[i].stamp.magic == EDDYI_REQUEST && requests[i].stamp.number == i + 1 &&
               requests[i].fn == yes);
    disconnect();
}

TEST(a_worker_takes_the_next_request_and_no_other)
{
    struct eddyi_request request = {.stamp = {EDDYI_REQUEST, 3, PID},
                                    .size = eddyi_worker_process_most_bytes};

    EXPECT(eddyi_request_is_next(&request, 2, PID));
    EXPECT(!eddyi_request_is_next(&request, 1, PID));
    EXPECT(!eddyi_request_is_next(&request, 3, PID));
    EXPECT(!eddyi_request_is_next(&request, 2, PID + 1));
    request.size++;
    EXPECT(!eddyi_request_is_next(&request, 2, PID));
    request = (struct eddyi_request){.stamp = {EDDYI_REPLY, 3, PID}};
    EXPECT(!eddyi_request_is_next(&request, 2, PID));
}

TEST(the_answer_to_the_latest_request_is_accepted)
{
    EXPECT_EQ(JUDGE(r.status = 7), 0);
    EXPECT_EQ(JUDGE(r.status = -ENOENT), 0);
    EXPECT_EQ(JUDGE(r.is_last = 1), EDDYI_LAST_RESULT);
}

TEST(the_answer_to_another_request_is_refused)
{
    EXPECT_EQ(JUDGE(r.stamp.number = 2), -EPROTO);
    EXPECT_EQ(JUDGE(r.stamp.number = 4), -EPROTO);
    EXPECT_EQ(JUDGE(r.stamp.number = 0), -EPROTO);
}

TEST(the_answer_of_another_process_is_refused)
{
    EXPECT_EQ(JUDGE(r.stamp.pid = PID + 1), -EPROTO);
    EXPECT_EQ(JUDGE(r.stamp.pid = 0), -EPROTO);
}

TEST(what_is_no_answer_is_refused)
{
    EXPECT_EQ(JUDGE(r.stamp.magic = EDDYI_REQUEST), -EBADMSG);
    EXPECT_EQ(JUDGE(memset(&r, 0, sizeof r)), -EBADMSG);
    EXPECT_EQ(JUDGE(memset(&r, 0xff, sizeof r)), -EBADMSG);
}

/* The worker may be busy for hours, and write no more. */
TEST(what_is_no_answer_is_refused_at_its_first_wrong_byte)
{
    struct eddyi_reply reply = right();
    char *bytes = (char *)&reply;

    for (size_t i = 0; i < sizeof reply.stamp; i++) {
        struct eddyi_job_result result;

        bytes[i] ^= 1;
        connect_worker();
        EXPECT_EQ(write(worker, bytes, i + 1), i + 1);
        EXPECT_EQ(eddyi_worker_process_receive(&process, &result),
                  i < sizeof reply.stamp.magic ? -EBADMSG : -EPROTO);
        disconnect();
        bytes[i] ^= 1;
    }
}

TEST(a_message_longer_than_allowed_is_refused)
{
    EXPECT_EQ(JUDGE(r.status = -5, r.has_message = 1, r.message_size = EDDYI_LONGEST_MESSAGE + 1),
              -EBADMSG);
    EXPECT_EQ(JUDGE(r.status = -5, r.has_message = 1, r.message_size = SIZE_MAX), -EBADMSG);
    EXPECT_EQ(JUDGE(r.status = -5, r.has_message = 1, r.message_size = SIZE_MAX - 1), -EBADMSG);
    EXPECT_EQ(JUDGE(r.status = -5, r.message_size = 1), -EBADMSG);
}

TEST(more_bytes_than_allowed_are_refused)
{
    EXPECT_EQ(JUDGE(r.has_bytes = 1, r.size = eddyi_worker_process_most_bytes + 1), -EBADMSG);
    EXPECT_EQ(JUDGE(r.has_bytes = 1, r.size = SIZE_MAX / 4), -EBADMSG);
    EXPECT_EQ(JUDGE(r.has_bytes = 1, r.size = SIZE_MAX), -EBADMSG);
    EXPECT_EQ(JUDGE(r.size = 1), -EBADMSG);
}

TEST(bytes_that_do_not_come_are_not_allocated)
{
    struct eddyi_reply reply = right();
    struct eddyi_job_result result = {.status = 0};
    int rc;

    reply.has_bytes = 1;
    reply.size = eddyi_worker_process_most_bytes;
    connect_worker();
    eddyi_fault_nth("realloc", 2, ENOMEM); /* the first piece fits; asking for more would say so */
    rc = receive(&reply, "abc", 3, &result);
    eddyi_fault_clear();
    EXPECT_EQ(rc, -EPIPE);
    EXPECT(!result.bytes.data);
    disconnect();
}

TEST(a_failure_has_no_bytes_and_a_success_no_message)
{
    EXPECT_EQ(JUDGE(r.status = -5, r.has_bytes = 1, r.size = 1), -EBADMSG);
    EXPECT_EQ(JUDGE(r.has_message = 1), -EBADMSG);
    EXPECT_EQ(JUDGE(r.has_bytes = 2), -EBADMSG);
    EXPECT_EQ(JUDGE(r.status = -5, r.has_message = UINT32_MAX), -EBADMSG);
}

/* "hello" and the stamp that ends a reply. */
static size_t hello(char *buf, uint64_t number)
{
    const struct eddyi_stamp stamp = {EDDYI_REPLY, number, PID};

    memcpy(buf, "hello", 5);
    memcpy(buf + 5, &stamp, sizeof stamp);
    return 5 + sizeof stamp;
}

TEST(message_and_bytes_come_as_they_were_sent)
{
    struct eddyi_reply with_bytes = right(), with_message = right();
    struct eddyi_job_result result = {.status = 0};
    char rest[5 + sizeof(struct eddyi_stamp)];

    with_bytes.has_bytes = 1;
    with_bytes.size = 5;
    connect_worker();
    if (EXPECT_EQ(receive(&with_bytes, rest, hello(rest, 3), &result), 0))
        EXPECT(result.bytes.size == 5 && memcmp(result.bytes.data, "hello", 5) == 0);
    eddy_bytes_fini(&result.bytes);
    disconnect();

    with_message.status = -EIO;
    with_message.has_message = 1;
    with_message.message_size = 5;
    connect_worker();
    if (EXPECT_EQ(receive(&with_message, rest, hello(rest, 3), &result), 0))
        EXPECT_STR(eddy_exception_message(result.exception), "hello");
    eddy_exception_unref(result.exception);
    disconnect();
}

/* A stray write() has shifted what follows. */
TEST(bytes_that_do_not_end_as_they_must_are_refused)
{
    struct eddyi_reply reply = right();
    struct eddyi_job_result result = {.status = 0};
    char rest[5 + sizeof(struct eddyi_stamp)];

    reply.has_bytes = 1;
    reply.size = 5;
    connect_worker();
    EXPECT_EQ(receive(&reply, rest, hello(rest, 2), &result), -EPROTO);
    EXPECT(!result.bytes.data);
    disconnect();

    connect_worker();
    EXPECT_EQ(receive(&reply, "?hello", 6, &result), -EBADMSG);
    EXPECT(!result.bytes.data);
    disconnect();
}

TEST(a_worker_that_ends_in_the_middle_is_noticed)
{
    struct eddyi_reply reply = right();
    char bytes[sizeof reply + 5 + sizeof reply.stamp];

    reply.has_bytes = 1;
    reply.size = 5;
    memcpy(bytes, &reply, sizeof reply);
    hello(bytes + sizeof reply, 3);
    for (size_t n = 0; n < sizeof bytes; n++) {
        struct eddyi_job_result result = {.status = 0};

        connect_worker();
        EXPECT_EQ(write(worker, bytes, n), n);
        shutdown(worker, SHUT_WR);
        EXPECT_EQ(eddyi_worker_process_receive(&process, &result), -EPIPE);
        EXPECT(!result.bytes.data);
        disconnect();
    }
}
