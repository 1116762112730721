/* One function for each sort of answer, and the table that finds it by the path. */
#include "http.h"

#include <eddy.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char paths_help[] = "  /hello           a short answer\n"
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

static int send_text(int fd, const char *text)
{
    return eddy_sock_sendall(fd, text, strlen(text), NULL);
}

/* The header, and the text as body unless only the header is wanted. */
static int answer_text(const struct request *r, int status, const char *reason, const char *text)
{
    char header[160];

    snprintf(header, sizeof header,
             "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", status, reason,
             strlen(text));
    eddy_try(send_text(r->fd, header));
    return r->head ? 0 : send_text(r->fd, text);
}

/* The same bytes each time, in lines of 16. */
static void fill(char *buf, size_t size, unsigned long long offset)
{
    for (size_t i = 0; i < size; i++)
        buf[i] = "0123456789abcde\n"[(offset + i) % 16];
}

static int send_bytes(int fd, unsigned long long n, bool chunked)
{
    char buf[16384], size_line[24];
    unsigned long long sent = 0;

    while (sent < n) {
        size_t size = n - sent < sizeof buf ? (size_t)(n - sent) : sizeof buf;

        fill(buf, size, sent);
        if (chunked) {
            snprintf(size_line, sizeof size_line, "%zx\r\n", size);
            eddy_try(send_text(fd, size_line));
        }
        eddy_try(eddy_sock_sendall(fd, buf, size, NULL));
        if (chunked)
            eddy_try(send_text(fd, "\r\n"));
        sent += size;
        eddy_try(eddy_sleep(0)); /* a client that reads fast must not keep the loop to itself */
    }
    return chunked ? send_text(fd, "0\r\n\r\n") : 0;
}

static int answer_hello(const struct request *r, double unused)
{
    return answer_text(r, 200, "OK", "hello\n");
}

static int answer_list(const struct request *r, double unused)
{
    return answer_text(r, 200, "OK", paths_help);
}

static int answer_bytes(const struct request *r, double n)
{
    char header[80];

    snprintf(header, sizeof header, "HTTP/1.1 200 OK\r\nContent-Length: %.0f\r\n\r\n", n);
    eddy_try(send_text(r->fd, header));
    return r->head ? 0 : send_bytes(r->fd, (unsigned long long)n, false);
}

static int answer_chunked(const struct request *r, double n)
{
    eddy_try(send_text(r->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    return r->head ? 0 : send_bytes(r->fd, (unsigned long long)n, true);
}

static int answer_slow(const struct request *r, double seconds)
{
    eddy_try(eddy_sleep(seconds));
    return answer_text(r, 200, "OK", "at last\n");
}

static int answer_drip(const struct request *r, double seconds)
{
    eddy_try(send_text(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"));
    for (int i = 0; i < 10 && !r->head; i++) {
        eddy_try(eddy_sleep(seconds / 10));
        eddy_try(send_text(r->fd, "drop!\n"));
    }
    return 0;
}

static int answer_redirect(const struct request *r, double n)
{
    char answer_bytes[128], target[32] = "/hello";

    if (n > 1)
        snprintf(target, sizeof target, "/redirect/%.0f", n - 1);
    snprintf(answer_bytes, sizeof answer_bytes,
             "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", target);
    return send_text(r->fd, answer_bytes);
}

static int answer_loop(const struct request *r, double unused)
{
    return send_text(r->fd, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
}

static int answer_status(const struct request *r, double code)
{
    if (code < 200 || code > 599)
        return answer_text(r, 400, "Bad Request", "a status from 200 to 599, please\n");
    return answer_text(r, (int)code, "As Asked For", code == 204 || code == 304 ? "" : "as asked for\n");
}

static int answer_flaky(const struct request *r, double n)
{
    static unsigned long long count;

    if (n < 1 || ++count % (unsigned long long)n == 0)
        return answer_text(r, 200, "OK", "this time it worked\n");
    return answer_text(r, 503, "Service Unavailable", "try again\n");
}

static int answer_close(const struct request *r, double unused)
{
    return -ECONNABORTED;
}

static int answer_cut(const struct request *r, double n)
{
    eddy_try(answer_bytes(&(struct request){.fd = r->fd, .head = true}, n));
    eddy_try(send_bytes(r->fd, (unsigned long long)(n / 2), false));
    return -ECONNABORTED;
}

static int answer_silent(const struct request *r, double unused)
{
    char byte;

    /* Until the client has lost its patience. */
    while (eddy_sock_recv(r->fd, &byte, 1) > 0)
        ;
    return -ECONNABORTED;
}

static int answer_busiest(const struct request *r, double unused)
{
    char text[32];

    snprintf(text, sizeof text, "%u\n", busiest);
    return answer_text(r, 200, "OK", text);
}

static const struct {
    const char *path; /* ends with a slash if a number follows */
    int (*answer)(const struct request *r, double number);
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

/* Whether @path is @pattern, with a number after the final slash; anything may follow after "?". */
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

int answer(const struct request *r)
{
    double number;
    int rc;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (!matches(r->path, answers[i].path, &number))
            continue;
        if (++n_answering > busiest)
            busiest = n_answering;
        rc = answers[i].answer(r, number);
        n_answering--;
        return rc;
    }
    return answer_text(r, 404, "Not Found", "there is no such path\n");
}
