/*
 * A worker process: takes a request, calls the function, sends the reply, until the connection ends.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "executor/job.h"
#include "executor/process.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* exit() in a job ends the worker, and what the program has registered for its own end is not called. */
static void leave(int status, void *unused)
{
    fflush(stdout);
    _exit(status);
}

static _Noreturn void finish(int status)
{
    leave(status, NULL);
    _exit(status);
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    eddyi_sys_poll(&p, 1, -1);
}

/* All of it, or the end of the worker: without its driver it is of no use. */
static void read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        long n = eddyi_sys_recv(fd, at, size);

        if (n == -EAGAIN)
            wait_for(fd, POLLIN);
        else if (n <= 0)
            finish(0);
        else
            at += n, size -= (size_t)n;
    }
}

static void write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        long n = eddyi_sys_send(fd, at, size);

        if (n == -EAGAIN)
            wait_for(fd, POLLOUT);
        else if (n < 0)
            finish(0);
        else
            at += n, size -= (size_t)n;
    }
}

static void skip(int fd, size_t size)
{
    char bin[4096];

    for (size_t n; size > 0; size -= n) {
        n = size < sizeof bin ? size : sizeof bin;
        read_all(fd, bin, n);
    }
}

/* The call, with the argument that follows the request. */
static void call(int fd, const struct eddyi_request *request, struct eddyi_job_result *ret)
{
    void *copy = request->size ? eddyi_alloc(request->size) : NULL;

    if (request->size && !copy) {
        skip(fd, request->size);
        *ret = (struct eddyi_job_result){.status = -ENOMEM};
        return;
    }
    if (copy)
        read_all(fd, copy, request->size);
    eddyi_job_call(request->fn, copy ? copy : request->arg, request->size, ret);
    eddyi_free(copy);
}

static void send_reply(int fd, const struct eddyi_job_result *result)
{
    const char *message = eddy_exception_message(result->exception);
    struct eddyi_reply reply = {
        .magic = EDDYI_REPLY,
        .status = result->status,
        .has_message = result->exception != NULL,
        .message_size = strlen(message),
        .value = result->value,
        .has_bytes = result->bytes.data != NULL,
        .size = result->bytes.size,
    };

    write_all(fd, &reply, sizeof reply);
    write_all(fd, message, reply.message_size);
    write_all(fd, result->bytes.data, reply.size);
}

static void serve(int fd)
{
    struct eddyi_request request;
    struct eddyi_job_result result;

    read_all(fd, &request, sizeof request);
    if (request.magic != EDDYI_REQUEST)
        finish(1);
    call(fd, &request, &result);
    /* What the job printed comes before what the program prints when it has the result. */
    fflush(stdout);
    send_reply(fd, &result);
    eddy_exception_unref(result.exception);
    eddy_bytes_fini(&result.bytes);
}

_Noreturn void eddyi_worker_main(int connection, long server_pid)
{
    eddyi_sys_end_with_parent(server_pid);
    eddyi_sys_thread_name("eddy-worker");
    eddyi_sys_close_all_but(&connection, 1);
    eddyi_sys_reset_signals();
    on_exit(leave, NULL);
    for (;;)
        serve(connection);
}
