/* The answers: one function for each kind, and the table that maps paths to them. */
#include "answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char paths_help[] =
    "  /hello           a short answer\n"
    "  /bytes/N         N bytes\n"
    "  /chunked/N       N bytes, chunked: the length is not told beforehand\n"
    "  /slow/SECONDS    a short answer, after that time\n"
    "  /drip/SECONDS    ten pieces, over that time\n"
    "  /redirect/N      N redirects one after the other, then /hello\n"
    "  /loop            redirects to itself\n"
    "  /status/CODE     that HTTP status\n"
    "  /flaky/N         status 503, but every N-th time a short answer\n"
    "  /close           closes the connection instead of an answer\n"
    "  /cut/N           promises N bytes and closes after half of them\n"
    "  /silent          never answers\n"
    "  /busiest         how many requests were being answered at once, at most\n"
    "  /                this list\n";

static unsigned n_answering, busiest;

static int answer_text(const struct exchange *x, int status, const char *text)
{
    return http_send_text(x->writer, &x->request, status, "", text);
}

/* Fills @buf with bytes that depend on the offset only, in lines of 16. */
static void fill(char *buf, size_t size, unsigned long long offset)
{
    for (size_t i = 0; i < size; i++)
        buf[i] = "0123456789abcde\n"[(offset + i) % 16];
}

static int send_bytes(eddy_writer *writer, unsigned long long n, bool chunked)
{
    char buf[16384];
    unsigned long long sent = 0;

    while (sent < n) {
        size_t size = n - sent < sizeof buf ? (size_t)(n - sent) : sizeof buf;

        fill(buf, size, sent);
        if (chunked)
            eddy_try(eddy_writer_printf(writer, "%zx\r\n", size));
        eddy_try(eddy_writer_write(writer, buf, size));
        if (chunked)
            eddy_try(eddy_writer_write(writer, "\r\n", 2));
        sent += size;
        eddy_try(eddy_sleep(0)); /* a client that reads fast must not starve the other tasks */
    }
    return chunked ? eddy_writer_write(writer, "0\r\n\r\n", 5) : 0;
}

static int answer_hello(const struct exchange *x, double unused)
{
    return answer_text(x, 200, "hello\n");
}

static int answer_list(const struct exchange *x, double unused)
{
    return answer_text(x, 200, paths_help);
}

static int send_length(const struct exchange *x, double n)
{
    return http_send_head(x->writer, &x->request, 200, "Content-Length: %.0f\r\n", n);
}

static int answer_bytes(const struct exchange *x, double n)
{
    eddy_try(send_length(x, n));
    return x->request.head ? 0 : send_bytes(x->writer, (unsigned long long)n, false);
}

/* Sends an answer in chunks. HTTP/1.0 has no chunks: its body ends with the connection. */
static int answer_chunked(const struct exchange *x, double n)
{
    struct http_request closing = x->request;

    if (!x->request.old) {
        eddy_try(http_send_head(x->writer, &x->request, 200, "Transfer-Encoding: chunked\r\n"));
        return x->request.head ? 0 : send_bytes(x->writer, (unsigned long long)n, true);
    }
    closing.keep_alive = false;
    eddy_try(http_send_head(x->writer, &closing, 200, "%s", ""));
    if (!x->request.head)
        eddy_try(send_bytes(x->writer, (unsigned long long)n, false));
    return -ECONNABORTED;
}

static int answer_slow(const struct exchange *x, double seconds)
{
    eddy_try(eddy_sleep(seconds));
    return answer_text(x, 200, "at last\n");
}

static int answer_drip(const struct exchange *x, double seconds)
{
    eddy_try(send_length(x, 60));
    for (int i = 0; i < 10 && !x->request.head; i++) {
        eddy_try(eddy_sleep(seconds / 10));
        eddy_try(eddy_writer_write(x->writer, "drop!\n", 6));
    }
    return 0;
}

static int redirect(const struct exchange *x, const char *target)
{
    return http_send_head(x->writer, &x->request, 302, "Location: %s\r\nContent-Length: 0\r\n",
                          target);
}

static int answer_redirect(const struct exchange *x, double n)
{
    char target[32] = "/hello";

    if (n > 1)
        snprintf(target, sizeof target, "/redirect/%.0f", n - 1);
    return redirect(x, target);
}

static int answer_loop(const struct exchange *x, double unused)
{
    return redirect(x, "/loop");
}

static int answer_status(const struct exchange *x, double code)
{
    if (code < 200 || code > 599)
        return answer_text(x, 400, "a status from 200 to 599, please\n");
    return answer_text(x, (int)code, "as asked for\n");
}

static int answer_flaky(const struct exchange *x, double n)
{
    static unsigned long long count;

    if (n < 1 || ++count % (unsigned long long)n == 0)
        return answer_text(x, 200, "this time it worked\n");
    return answer_text(x, 503, "try again\n");
}

static int answer_close(const struct exchange *x, double unused)
{
    return -ECONNABORTED;
}

static int answer_cut(const struct exchange *x, double n)
{
    eddy_try(send_length(x, n));
    if (!x->request.head)
        eddy_try(send_bytes(x->writer, (unsigned long long)(n / 2), false));
    return -ECONNABORTED;
}

static int answer_silent(const struct exchange *x, double unused)
{
    const char *data;
    ssize_t n;

    /* until the client closes the connection */
    while ((n = eddy_reader_read_some(x->reader, SIZE_MAX, &data)) > 0 || n == -ETIMEDOUT)
        ;
    return -ECONNABORTED;
}

static int answer_busiest(const struct exchange *x, double unused)
{
    char text[32];

    snprintf(text, sizeof text, "%u\n", busiest);
    return answer_text(x, 200, text);
}

static const struct {
    const char *path; /* ends with a slash if a number follows */
    int (*answer)(const struct exchange *x, double number);
} answers[] = {
    {"/", answer_list},
    {"/hello", answer_hello},
    {"/bytes/", answer_bytes},
    {"/chunked/", answer_chunked},
    {"/slow/", answer_slow},
    {"/drip/", answer_drip},
    {"/redirect/", answer_redirect},
    {"/loop", answer_loop},
    {"/status/", answer_status},
    {"/flaky/", answer_flaky},
    {"/close", answer_close},
    {"/cut/", answer_cut},
    {"/silent", answer_silent},
    {"/busiest", answer_busiest},
};

/*
 * Returns whether @path matches @pattern: a number may follow the final slash, and any text a "?".
 */
static bool matches(const char *path, const char *pattern, double *ret_number)
{
    size_t length = strlen(pattern);
    const char *rest = path + length;
    char *end;

    if (strncmp(path, pattern, length) != 0)
        return false;
    *ret_number = 0;
    if (length > 1 && pattern[length - 1] == '/') {
        *ret_number = strtod(rest, &end);
        if (end == rest || !(*ret_number >= 0 && *ret_number < 1e15))
            return false;
        rest = end;
    }
    return *rest == '\0' || *rest == '?';
}

int answer(const struct exchange *x)
{
    double number;
    int rc;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (!matches(x->request.target, answers[i].path, &number))
            continue;
        if (++n_answering > busiest)
            busiest = n_answering;
        rc = answers[i].answer(x, number);
        n_answering--;
        return rc;
    }
    return answer_text(x, 404, "there is no such path\n");
}
