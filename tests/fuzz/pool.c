/*
 * A worker process that says anything in reply to a request: its driver takes a result only if the
 * whole of it belongs to that request, and allocates no more than what came. And requests, of which
 * a worker takes the next one only.
 */
#include "fuzz.h"

#include "base/exception.h"
#include "base/sys.h"
#include "executor/worker_process.h"

#include <errno.h>
#include <sys/socket.h>

enum { PID = 4711, LARGEST_BODY = 3000 };

/* For each of the rules, the reply may break it. */
struct forgery {
    struct eddyi_reply reply;
    struct eddyi_stamp last;
    unsigned char *body;
    size_t n_body;
    size_t n_sent; /* of all of it, then the connection ends */
};

static struct eddyi_worker_process process;
static int worker; /* its end of the connection */

static int answer_nothing(void *arg)
{
    return 0;
}

static void connect_worker(unsigned requests)
{
    const struct eddyi_job job = {.fn = answer_nothing};
    int fds[2];

    FUZZ_CHECK(eddyi_sys_socketpair(SOCK_STREAM, fds) == 0);
    process = (struct eddyi_worker_process){.pid = PID, .connection = fds[0], .fate = fds[0]};
    worker = fds[1];
    while (requests-- > 0)
        FUZZ_CHECK(eddyi_worker_process_send(&process, &job) == 0);
}

static uint64_t any_number(struct fuzz_input *in)
{
    static const uint64_t sizes[] = {
        0, 1, 5, EDDYI_LONGEST_MESSAGE, EDDYI_LONGEST_MESSAGE + 1, UINT64_MAX};

    return fuzz_byte(in) & 1 ? fuzz_below(in, LARGEST_BODY) : sizes[fuzz_below(in, 6)];
}

static void spoil(struct fuzz_input *in, void *data, size_t size)
{
    for (unsigned n = fuzz_below(in, 8) == 1 ? fuzz_below(in, 4) : 0; n > 0; n--)
        ((unsigned char *)data)[fuzz_below(in, (unsigned)size)] ^= (unsigned char)fuzz_byte(in);
}

static void forge(struct fuzz_input *in, struct forgery *f)
{
    bool ok = fuzz_byte(in) & 1;
    size_t all;

    f->reply = (struct eddyi_reply){.stamp = {EDDYI_REPLY, process.number, PID},
                                    .status = ok ? (int)fuzz_byte(in) : -(int)fuzz_byte(in) - 1};
    f->reply.has_bytes = fuzz_byte(in) & (ok ? 1 : 16);
    f->reply.has_message = fuzz_byte(in) & (ok ? 16 : 1);
    f->reply.size = f->reply.has_bytes ? any_number(in) : 0;
    f->reply.message_size = f->reply.has_message ? any_number(in) : 0;
    f->reply.is_last = fuzz_byte(in) & 1;
    f->last = f->reply.stamp;
    spoil(in, &f->reply, sizeof f->reply);
    spoil(in, &f->last, sizeof f->last);
    all = f->reply.size + f->reply.message_size;
    f->n_body = all > LARGEST_BODY ? LARGEST_BODY : all;
    f->body = malloc(f->n_body + 1);
    for (size_t i = 0; i < f->n_body; i++)
        f->body[i] = (unsigned char)(in->n ? fuzz_byte(in) : i);
    f->n_sent = fuzz_byte(in) & 7 ? SIZE_MAX : fuzz_below(in, 256);
}

static void send_part(const void *data, size_t size, size_t *left)
{
    size_t n = size < *left ? size : *left;

    FUZZ_CHECK(send(worker, data, n, MSG_NOSIGNAL) == (ssize_t)n);
    *left -= n;
}

/* True if the reply keeps all rules of process.h. */
static bool is_right(const struct forgery *f)
{
    const struct eddyi_stamp right = {EDDYI_REPLY, process.number, PID};
    const struct eddyi_reply *r = &f->reply;
    bool ok = r->status >= 0, has_rest = r->message_size > 0 || r->size > 0;

    return memcmp(&r->stamp, &right, sizeof right) == 0 && r->is_last <= 1 &&
           (ok ? r->has_message == 0 : r->has_message <= 1) &&
           (ok ? r->has_bytes <= 1 : r->has_bytes == 0) &&
           (r->has_message || r->message_size == 0) && (r->has_bytes || r->size == 0) &&
           f->n_body == r->size + r->message_size && r->size <= eddyi_worker_process_most_bytes &&
           (!has_rest || memcmp(&f->last, &right, sizeof right) == 0) &&
           f->n_sent >= sizeof *r + f->n_body + (has_rest ? sizeof right : 0);
}

static void check_result(const struct forgery *f, int rc, struct eddyi_job_result *result)
{
    const char *message = eddy_exception_message(result->exception);

    FUZZ_CHECK(rc == (f->reply.is_last ? EDDYI_LAST_RESULT : 0));
    FUZZ_CHECK(result->status == f->reply.status && !result->value);
    FUZZ_CHECK(result->bytes.size == f->reply.size);
    if (f->reply.size > 0)
        FUZZ_CHECK(memcmp(result->bytes.data, f->body, f->n_body) == 0);
    FUZZ_CHECK((result->exception != NULL) == f->reply.has_message);
    if (f->reply.message_size > 0)
        FUZZ_CHECK(strncmp(message, (char *)f->body, f->n_body) == 0);
}

static void receive(struct fuzz_input *in)
{
    struct eddyi_job_result untouched, result;
    struct forgery f;
    size_t left;
    int rc;

    memset(&untouched, 0x5a, sizeof untouched);
    result = untouched;
    connect_worker(1 + fuzz_below(in, 3));
    forge(in, &f);
    left = f.n_sent;
    send_part(&f.reply, sizeof f.reply, &left);
    send_part(f.body, f.n_body, &left);
    send_part(&f.last, sizeof f.last, &left);
    shutdown(worker, SHUT_WR);
    rc = eddyi_worker_process_receive(&process, &result);
    if (is_right(&f)) {
        check_result(&f, rc, &result);
        eddy_exception_unref(result.exception);
        eddy_bytes_fini(&result.bytes);
    } else {
        FUZZ_CHECK(rc == -EBADMSG || rc == -EPROTO || rc == -EPIPE);
        FUZZ_CHECK(memcmp(&result, &untouched, sizeof result) == 0);
    }
    free(f.body);
}

/* A worker that has had @n requests takes the next, and no other. */
static void request(struct fuzz_input *in)
{
    struct eddyi_request sent, seen;
    unsigned n = fuzz_below(in, 4);

    connect_worker(n + 1);
    for (unsigned i = 0; i <= n; i++)
        FUZZ_CHECK(recv(worker, &sent, sizeof sent, 0) == sizeof sent);
    FUZZ_CHECK(eddyi_request_is_next(&sent, n, PID));
    FUZZ_CHECK(!eddyi_request_is_next(&sent, n + 1, PID) &&
               !eddyi_request_is_next(&sent, n, PID + 1));
    seen = sent;
    seen.size = fuzz_byte(in) & 1 ? any_number(in) : 0;
    spoil(in, &seen.stamp, sizeof seen.stamp);
    FUZZ_CHECK(eddyi_request_is_next(&seen, n, PID) ==
               (memcmp(&seen.stamp, &sent.stamp, sizeof sent.stamp) == 0 &&
                seen.size <= eddyi_worker_process_most_bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};

    eddyi_worker_process_most_bytes = 2000;
    if (fuzz_byte(&in) & 3)
        receive(&in);
    else
        request(&in);
    close(process.connection);
    close(worker);
    return 0;
}
