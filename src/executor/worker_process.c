/*
 * The driver's side of the connection with a worker process.
 */
#include "executor/worker_process.h"
#include "base/exception.h"
#include "base/sys.h"

#include <poll.h>
#include <string.h>

size_t eddyi_worker_process_most_bytes = INT32_MAX;

/* Waits until the connection is ready. Returns false if the worker has died with nothing left to
 * read. */
static bool wait_connection(const struct eddyi_worker_process *p, short events)
{
    struct pollfd fds[2] = {{.fd = p->connection, .events = events},
                            {.fd = p->fate, .events = POLLIN}};

    if (eddyi_sys_poll(fds, 2, -1) < 0)
        return false;
    return fds[0].revents || !fds[1].revents;
}

/* Sends all @size bytes. Returns 0, the connection's error, or -EPIPE at its end. */
static int send_all(const struct eddyi_worker_process *p, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        long n = eddyi_sys_send(p->connection, at, size);

        if (n == -EAGAIN) {
            if (!wait_connection(p, POLLOUT))
                return -EPIPE;
        } else if (n < 0) {
            return (int)n;
        } else {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* Receives at least one byte and at most @size. Returns their number, an error, or -EPIPE at the
 * end. */
static long recv_some(const struct eddyi_worker_process *p, void *data, size_t size)
{
    long n;

    while ((n = eddyi_sys_recv(p->connection, data, size)) == -EAGAIN)
        if (!wait_connection(p, POLLIN))
            return -EPIPE;
    return n ? n : -EPIPE;
}

static int recv_all(const struct eddyi_worker_process *p, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        long n = recv_some(p, at, size);

        if (n < 0)
            return (int)n;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Receives the stamp of the reply to the latest request. Refuses any other at its first wrong
 * byte. */
static int recv_stamp(const struct eddyi_worker_process *p)
{
    const struct eddyi_stamp right = {EDDYI_REPLY, p->number, p->pid};
    struct eddyi_stamp stamp;
    size_t have = 0;

    while (have < sizeof stamp) {
        long n = recv_some(p, (char *)&stamp + have, sizeof stamp - have);

        if (n < 0)
            return (int)n;
        have += (size_t)n;
        if (memcmp(&stamp, &right, have) != 0)
            return have >= sizeof stamp.magic && stamp.magic == right.magic ? -EPROTO : -EBADMSG;
    }
    return 0;
}

int eddyi_worker_process_send(struct eddyi_worker_process *p, const struct eddyi_job *job)
{
    const struct eddyi_request request = {
        {EDDYI_REQUEST, ++p->number, p->pid}, job->fn, job->arg, job->size};
    int rc = send_all(p, &request, sizeof request);

    return rc < 0 ? rc : send_all(p, job->arg, job->size);
}

/* Returns true if only a failure has a message, only a success has bytes, and only what exists has
 * a length. */
static bool is_sound(const struct eddyi_reply *r)
{
    bool ok = r->status >= 0;

    return r->has_message <= !ok && r->has_bytes <= ok && r->is_last <= 1 &&
           r->message_size <= (r->has_message ? EDDYI_LONGEST_MESSAGE : 0) &&
           r->size <= (r->has_bytes ? eddyi_worker_process_most_bytes : 0);
}

/* Receives the message of a reply, as an exception. */
static int recv_message(const struct eddyi_worker_process *p, const struct eddyi_reply *reply,
                        struct eddyi_job_result *ret)
{
    char *text = eddyi_alloc(reply->message_size + 1);
    int rc = text ? recv_all(p, text, reply->message_size) : -ENOMEM;

    if (rc == 0) {
        text[reply->message_size] = '\0';
        ret->exception = eddy_exception_new(reply->status, reply->message_size ? "%s" : NULL, text);
    }
    eddyi_free(text);
    return rc;
}

/* Receives bytes, allocating as they arrive: a false length costs no more than the first piece. */
static int recv_bytes(const struct eddyi_worker_process *p, size_t size, eddy_bytes *ret)
{
    enum { FIRST = 1 << 20 };
    int rc;

    do {
        size_t left = size - ret->size, room = ret->size ? ret->size : FIRST;
        size_t n = left < room ? left : room;
        char *data = eddyi_realloc(ret->data, ret->size + n);

        if (!data)
            return -ENOMEM;
        ret->data = data;
        rc = recv_all(p, data + ret->size, n);
        ret->size += n;
    } while (rc == 0 && ret->size < size);
    return rc;
}

/* Receives the rest of a reply after its head. */
static int recv_rest(const struct eddyi_worker_process *p, const struct eddyi_reply *reply,
                     struct eddyi_job_result *ret)
{
    int rc = 0;

    if (reply->has_message)
        rc = recv_message(p, reply, ret);
    if (rc == 0 && reply->has_bytes)
        rc = recv_bytes(p, reply->size, &ret->bytes);
    if (rc == 0 && reply->message_size + reply->size > 0)
        rc = recv_stamp(p);
    return rc;
}

int eddyi_worker_process_receive(const struct eddyi_worker_process *p, struct eddyi_job_result *ret)
{
    struct eddyi_job_result result = {.status = 0};
    struct eddyi_reply reply;
    int rc = recv_stamp(p);

    if (rc == 0)
        rc = recv_all(p, (char *)&reply + sizeof reply.stamp, sizeof reply - sizeof reply.stamp);
    if (rc < 0)
        return rc;
    if (!is_sound(&reply))
        return -EBADMSG;
    result.status = reply.status;
    rc = recv_rest(p, &reply, &result);
    if (rc < 0) {
        eddy_exception_unref(result.exception);
        eddy_bytes_fini(&result.bytes);
        return rc;
    }
    *ret = result;
    return reply.is_last ? EDDYI_LAST_RESULT : 0;
}
