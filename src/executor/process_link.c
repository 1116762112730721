/*
 * The connection with a worker process, as its driver uses it.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "executor/process.h"

#include <poll.h>

/* Waits until the connection is ready, or the worker has died with nothing left to read. False then. */
static bool wait_connection(const struct eddyi_process *p, short events)
{
    struct pollfd fds[2] = {{.fd = p->connection, .events = events}, {.fd = p->fate, .events = POLLIN}};

    if (eddyi_sys_poll(fds, 2, -1) < 0)
        return false;
    return fds[0].revents || !fds[1].revents;
}

/* 0, or what the connection failed with; -EPIPE at its end. */
static int send_all(const struct eddyi_process *p, const void *data, size_t size)
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

static int recv_all(const struct eddyi_process *p, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        long n = eddyi_sys_recv(p->connection, at, size);

        if (n == -EAGAIN) {
            if (!wait_connection(p, POLLIN))
                return -EPIPE;
        } else if (n <= 0) {
            return n < 0 ? (int)n : -EPIPE;
        } else {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int eddyi_process_send(const struct eddyi_process *p, const struct eddyi_job *job)
{
    const struct eddyi_request request = {EDDYI_REQUEST, job->fn, job->arg, job->size};
    int rc = send_all(p, &request, sizeof request);

    return rc < 0 ? rc : send_all(p, job->arg, job->size);
}

/* The message of the reply as an exception. */
static int recv_message(const struct eddyi_process *p, const struct eddyi_reply *reply,
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

static int recv_bytes(const struct eddyi_process *p, const struct eddyi_reply *reply,
                      struct eddyi_job_result *ret)
{
    int rc;

    ret->bytes.data = eddyi_alloc(reply->size);
    if (!ret->bytes.data)
        return -ENOMEM;
    ret->bytes.size = reply->size;
    rc = recv_all(p, ret->bytes.data, reply->size);
    if (rc < 0)
        eddy_bytes_fini(&ret->bytes);
    return rc;
}

int eddyi_process_receive(const struct eddyi_process *p, struct eddyi_job_result *ret)
{
    struct eddyi_reply reply;
    int rc = recv_all(p, &reply, sizeof reply);

    if (rc < 0)
        return rc;
    if (reply.magic != EDDYI_REPLY || (reply.has_message && reply.status >= 0))
        return -EBADMSG;
    *ret = (struct eddyi_job_result){.status = reply.status, .value = reply.value};
    if (reply.has_message)
        rc = recv_message(p, &reply, ret);
    if (rc == 0 && reply.has_bytes)
        rc = recv_bytes(p, &reply, ret);
    if (rc < 0) {
        eddy_exception_unref(ret->exception);
        ret->exception = NULL;
    }
    return rc;
}
