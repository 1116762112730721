/* One URL: attempts under a deadline, pauses between them, and a verdict. */
#include "transfer.h"
#include "output.h"

#include <eddy/error.h>
#include <eddy/loop.h>
#include <eddy/timeout.h>
#include <eddy/version.h>
#include <eddy/wait.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Seconds between attempts, doubled from the first pause to the longest. A server's Retry-After may
 * ask for more, up to a limit. */
#define FIRST_PAUSE 0.5
#define LONGEST_PAUSE 30.0
#define LONGEST_RETRY_AFTER 120.0

/* The server answered with an HTTP status of 400 or more. */
#define STATUS_HTTP EDDY_EUSER

struct attempt {
    CURL *easy;
    const struct options *options;
    struct item *item;
    struct output output;
    uint64_t range_start, range_total; /* as the server says them; UINT64_MAX: it does not */
    bool has_body;                     /* the body that was asked for, or the rest of it */
};

/* Reads "Content-Range: bytes 100-199/200", or "bytes *" "/200" after a range beyond the end. */
static void read_range(struct attempt *a, const char *value)
{
    unsigned long long start, total;

    if (sscanf(value, " bytes %llu-%*u/%llu", &start, &total) == 2) {
        a->range_start = start;
        a->range_total = total;
    } else if (sscanf(value, " bytes */%llu", &total) == 1) {
        a->range_total = total;
    }
}

static size_t receive_header(char *line, size_t size, size_t count, void *arg)
{
    static const char content_range[] = "content-range:";
    struct attempt *a = arg;
    size_t n = size * count, length = sizeof content_range - 1;
    char value[80];

    if (n > length && strncasecmp(line, content_range, length) == 0) {
        snprintf(value, sizeof value, "%.*s", (int)(n - length), line + length);
        read_range(a, value);
    }
    if (a->options->request.head && output_write(&a->output, line, n) < 0)
        return 0;
    return n;
}

/* Looks at the answer before its body. Returns 0, or a negative status that ends the transfer. */
static int begin_body(struct attempt *a)
{
    curl_off_t length = -1;

    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &a->item->http_status);
    curl_easy_getinfo(a->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    a->item->expected = length > 0 ? (uint64_t)length : 0;
    /* the page that explains the error is not the requested body */
    a->has_body = a->item->http_status < 400;
    if (!a->has_body || a->output.offset == 0)
        return 0;
    if (a->item->http_status != 206) /* all of it */
        return output_restart(&a->output);
    return a->range_start == a->output.offset ? 0 : (a->output.error = -EPROTO);
}

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
    struct attempt *a = arg;
    size_t n = size * count;

    if (a->item->bytes == 0 && begin_body(a) < 0)
        return CURL_WRITEFUNC_ERROR;
    a->item->bytes += n;
    if (!a->has_body)
        return n;
    return output_write(&a->output, data, n) < 0 ? CURL_WRITEFUNC_ERROR : n;
}

/* Sets what may be refused. */
static CURLcode set_strings(struct attempt *a, const struct options *o)
{
    CURL *easy = a->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, a->item->url);
    char range[24];

    if (code == CURLE_OK)
        code = request_apply(&o->request, easy);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK && o->cacert)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, o->cacert);
    if (code == CURLE_OK && o->cacert) /* else the system's certificates would be trusted as well */
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK && a->output.offset > 0) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)a->output.offset);
        code = curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
    return code;
}

/* libcurl reads up to a hundred buffers before it looks at the limit: a second's worth of them. */
static void limit_rate(CURL *easy, uint64_t rate)
{
    enum { BUFFERS = 100, SMALLEST = 1024 };
    uint64_t size = rate / BUFFERS;

    curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)rate);
    if (rate > 0 && size < CURL_MAX_WRITE_SIZE)
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)(size < SMALLEST ? SMALLEST : size));
}

static int set_options(struct attempt *a, const struct options *o)
{
    CURL *easy = a->easy;
    CURLcode code;

    curl_easy_reset(easy);
    code = set_strings(a, o);
    if (code != CURLE_OK)
        return eddy_raise(eddy_curl_status(code, NULL), "%s", curl_easy_strerror(code));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, o->max_redirects);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
    limit_rate(easy, o->rate);
    if (o->connect_timeout > 0)
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ceil(1000 * o->connect_timeout));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
    return 0;
}

/* Judges the answer after a transfer that succeeded. */
static int judge(struct attempt *a)
{
    uint64_t offset = a->output.offset;
    long http_status = a->item->http_status;

    if (http_status == 416 && offset > 0 && a->range_total == offset)
        return 0; /* there was nothing left to fetch */
    if (http_status >= 400)
        return eddy_raise(STATUS_HTTP, "HTTP status %ld", http_status);
    /* a new body without a byte in it */
    if (offset > 0 && !a->has_body && http_status != 206 && output_restart(&a->output) < 0)
        return output_commit(&a->output);
    return 0;
}

static int perform(const struct session *session, struct attempt *a)
{
    double limit = session->options->timeout;
    eddy_timeout tm;
    int status;

    eddy_try(set_options(a, session->options));
    eddy_timeout_enter(&tm, limit);
    status = eddy_curl_perform(session->curl, a->easy);
    status = eddy_timeout_exit(&tm, status);

    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &a->item->http_status);
    if (eddy_timeout_expired(&tm) && status == -ETIMEDOUT)
        return eddy_raise(status, "timed out after %g s (%llu bytes received)", limit,
                          (unsigned long long)a->item->bytes);
    if (a->output.error == -EPROTO)
        return eddy_raise(-EPROTO, "the server sent another part of the file than was asked for");
    if (a->output.error < 0) /* libcurl knows only that the callback refused */
        return output_commit(&a->output);
    return status < 0 ? status : judge(a);
}

static int attempt(const struct session *session, CURL *easy, struct item *item, bool *ret_local)
{
    const struct options *o = session->options;
    struct attempt a = {.easy = easy,
                        .options = o,
                        .item = item,
                        .range_start = UINT64_MAX,
                        .range_total = UINT64_MAX};
    bool taken_back;
    int status;

    item->attempts++;
    item->http_status = 0;
    item->bytes = item->expected = 0;
    *ret_local = true;
    eddy_try(output_open(&a.output, session->output_dir, item->file, o->resume));
    taken_back = a.output.temporary || a.output.fd < 0 || o->resume;
    status = perform(session, &a);
    if (status >= 0)
        return output_commit(&a.output);
    output_discard(&a.output);
    /* nor would it if bytes have gone where they cannot be taken back */
    *ret_local = a.output.error < 0 || (!taken_back && item->bytes > 0);
    return status;
}

/* Returns true if the same request may succeed a moment later. */
static bool may_pass(int status, long http_status)
{
    switch (status) {
    case -ETIMEDOUT:
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EPIPE:
    case -EIO:
    case -EMFILE: /* other transfers may have ended by then */
    case -ENFILE:
    case -ENETUNREACH:
    case -EHOSTUNREACH:
    case EDDY_EINCOMPLETE:
    case EDDY_CURL_STATUS(CURLE_COULDNT_RESOLVE_HOST):
    case EDDY_CURL_STATUS(CURLE_HTTP2_STREAM):
        return true;
    case STATUS_HTTP:
        return http_status == 408 || http_status == 429 || http_status == 500 ||
               (http_status >= 502 && http_status <= 504);
    default:
        return false;
    }
}

static double pause_before(unsigned attempt_number, CURL *easy)
{
    double pause = fmin(FIRST_PAUSE * exp2(attempt_number - 1), LONGEST_PAUSE);
    curl_off_t retry_after = 0;

    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    return fmax(pause, fmin((double)retry_after, LONGEST_RETRY_AFTER));
}

static int attempts(const struct session *session, CURL *easy, struct item *item)
{
    for (;;) {
        bool local; /* the failure is this machine's: another try would not help */
        int status = attempt(session, easy, item, &local);

        if (status >= 0 || local || !may_pass(status, item->http_status) ||
            item->attempts > session->options->retries)
            return status;
        eddy_try(eddy_sleep(pause_before(item->attempts, easy)));
    }
}

/* Returns the message of the latest error, on one line. The caller owns it. */
static char *error_line(int status)
{
    const eddy_exception *e = eddy_error();
    const char *text = e && eddy_exception_code(e) == status ? eddy_exception_message(e) : "";
    char *line = strdup(*text ? text : eddy_strerror(status));

    for (char *c = line; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return line;
}

int fetch_item(const struct session *session, CURL *easy, struct item *item)
{
    eddy_loop *loop = eddy_get_running_loop();
    int status;

    item->state = ITEM_RUNNING;
    item->started = eddy_loop_time(loop);
    status = attempts(session, easy, item);
    item->seconds = eddy_loop_time(loop) - item->started;
    if (status >= 0) {
        item->state = ITEM_DONE;
        return 0;
    }
    item->state = status == -ECANCELED ? ITEM_CANCELLED : ITEM_FAILED;
    if (item->state == ITEM_FAILED)
        item->error = error_line(status);
    return status;
}
