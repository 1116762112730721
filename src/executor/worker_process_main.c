/*
 * A worker process: it receives a request, calls the function, sends the reply, until the
 * connection ends.
 */
#include "base/exception.h"
#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "executor/job.h"
#include "executor/worker_process.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct worker_process {
    int fd; /* the connection */
    /* of the connection: a job may have closed it, and another file may have its descriptor now */
    uint64_t inode;
    long pid;        /* a child that a job forks has another */
    uint64_t number; /* of the latest request */
};

/* Ends the worker when a job calls exit(), without the functions that the program has registered
 * for its own exit. */
static void worker_process_leave(int status, void *unused)
{
    fflush(stdout);
    _exit(status);
}

static _Noreturn void finish(int status)
{
    worker_process_leave(status, NULL);
    _exit(status);
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    eddyi_sys_poll(&p, 1, -1);
}

/* Reads all @size bytes, or ends the worker, which is of no use without its driver. */
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

bool eddyi_request_is_next(const struct eddyi_request *r, uint64_t n, long pid)
{
    return r->stamp.magic == EDDYI_REQUEST && r->stamp.number == n + 1 && r->stamp.pid == pid &&
           r->size <= eddyi_worker_process_most_bytes;
}

static void read_request(struct worker_process *w, struct eddyi_request *ret)
{
    read_all(w->fd, ret, sizeof *ret);
    if (!eddyi_request_is_next(ret, w->number++, w->pid))
        finish(1);
}

/* Calls the function, with the argument that follows the request. */
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

/* Checks, after a job that may have done anything, that this process is the worker and still
 * connected; otherwise ends it. */
static void check_place(const struct worker_process *w)
{
    if (eddyi_sys_pid() != w->pid)
        eddyi_job_end_child();
    if (eddyi_sys_inode(w->fd) != w->inode)
        finish(EDDYI_EXIT_CUT_OFF);
}

static void refuse(struct eddyi_job_result *result, int code, const char *why)
{
    eddy_bytes_fini(&result->bytes);
    *result =
        (struct eddyi_job_result){.status = code, .exception = eddy_exception_new(code, "%s", why)};
}

/* Replaces a result that cannot be sent. */
static void check_result(struct eddyi_job_result *result)
{
    if (result->value)
        refuse(result, EDDY_EMISUSE,
               "a job in a worker process returned a pointer; see eddy_return_bytes()");
    else if (result->bytes.size > eddyi_worker_process_most_bytes)
        refuse(result, -EMSGSIZE, "the result of a job in a worker process has too many bytes");
}

/* Returns the length of the message to send, cut between two characters of UTF-8. */
static size_t sent_length(const char *message)
{
    size_t n = strnlen(message, EDDYI_LONGEST_MESSAGE + 1);

    if (n > EDDYI_LONGEST_MESSAGE)
        for (n = EDDYI_LONGEST_MESSAGE; n > 0 && ((unsigned char)message[n] & 0xc0) == 0x80;)
            n--;
    return n;
}

static void send_reply(const struct worker_process *w, const struct eddyi_job_result *result,
                       bool is_last)
{
    const char *message = eddy_exception_message(result->exception);
    struct eddyi_reply reply = {
        .stamp = {EDDYI_REPLY, w->number, eddyi_sys_pid()},
        .status = result->status,
        .has_message = result->exception != NULL,
        .message_size = sent_length(message),
        .has_bytes = result->bytes.data != NULL,
        .size = result->bytes.size,
        .is_last = is_last,
    };

    write_all(w->fd, &reply, sizeof reply);
    write_all(w->fd, message, reply.message_size);
    write_all(w->fd, result->bytes.data, reply.size);
    if (reply.message_size + reply.size > 0)
        write_all(w->fd, &reply.stamp, sizeof reply.stamp);
}

/* Sends the reply, after the job's output, which comes before anything that the program prints when
 * it has the result. */
static void answer(const struct worker_process *w, struct eddyi_job_result *result, bool is_last)
{
    check_place(w);
    check_result(result);
    fflush(stdout);
    send_reply(w, result, is_last);
    eddy_exception_unref(result->exception);
    eddy_bytes_fini(&result->bytes);
}

static void serve(struct worker_process *w)
{
    struct eddyi_request request;
    struct eddyi_job_result result;

    read_request(w, &request);
    call(w->fd, &request, &result);
    answer(w, &result, false);
}

/* Answers for a job that has called pthread_exit(): the process has lost its main thread and ends
 * with this reply. */
static void left_by_job(void *arg)
{
    struct eddyi_job_result result;

    eddyi_job_call_left(&result);
    answer(arg, &result, true);
    finish(0);
}

_Noreturn void eddyi_worker_process_main(int connection, long server_pid)
{
    struct worker_process w = {connection, eddyi_sys_inode(connection), eddyi_sys_pid(), 0};

    eddyi_sys_end_with_parent(server_pid);
    eddyi_sys_thread_name("eddy-worker");
    eddyi_sys_close_all_but(&connection, 1);
    eddyi_sys_reset_signals();
    on_exit(worker_process_leave, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_push(left_by_job, &w);
    for (;;)
        serve(&w);
    pthread_cleanup_pop(0);
    __builtin_unreachable(); /* tells gcc -O0 that the loop has no end */
}
