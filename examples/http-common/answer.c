/* Answers: the head with the fields common to all answers, and answers of one line of text. */
#include "http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {426, "Upgrade Required"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown"; /* RFC 9112, 4: clients do not need it */
}

static const char *connection_of(const struct http_request *request)
{
    if (!request->keep_alive)
        return "Connection: close\r\n";
    return request->old ? "Connection: keep-alive\r\n" : "";
}

struct text {
    size_t n;
    char at[HTTP_MAX_TARGET + 1280];
};

/* Appends formatted text; if it does not fit, makes @to->n larger than the array. */
static void append(struct text *to, const char *format, va_list args)
{
    int n = vsnprintf(to->at + to->n, sizeof to->at - to->n, format, args);

    to->n += n < 0 ? sizeof to->at : (size_t)n;
}

__attribute__((format(printf, 2, 3))) static void add(struct text *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(to, format, args);
    va_end(args);
}

/* Sends an answer, or its beginning, in one write. */
static int send_answer(eddy_writer *writer, const struct http_request *request, int status,
                       struct iovec body, const char *format, va_list args)
{
    char date[HTTP_DATE_SIZE] = "";
    struct text head = {0};

    http_format_date(time(NULL), date);
    add(&head, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", status, http_reason(status), date,
        connection_of(request));
    append(&head, format, args);
    if (head.n + 2 > sizeof head.at)
        return eddy_raise(-EMSGSIZE, "the head of an answer has more than %zu bytes",
                          sizeof head.at);
    memcpy(head.at + head.n, "\r\n", 2);
    return eddy_writer_writelines(writer, (struct iovec[]){{head.at, head.n + 2}, body}, 2);
}

int http_send(eddy_writer *writer, const struct http_request *request, int status, const void *body,
              size_t size, const char *format, ...)
{
    va_list args;
    int rc;

    va_start(args, format);
    rc = send_answer(writer, request, status, (struct iovec){(void *)(uintptr_t)body, size}, format,
                     args);
    va_end(args);
    return rc;
}

int http_send_head(eddy_writer *writer, const struct http_request *request, int status,
                   const char *format, ...)
{
    va_list args;
    int rc;

    va_start(args, format);
    rc = send_answer(writer, request, status, (struct iovec){NULL, 0}, format, args);
    va_end(args);
    return rc;
}

int http_send_text(eddy_writer *writer, const struct http_request *request, int status,
                   const char *fields, const char *text)
{
    if (status == 204 || status == 304)
        return http_send_head(writer, request, status, "%s", fields);
    return http_send(writer, request, status, text, request->head ? 0 : strlen(text),
                     "%sContent-Type: text/plain\r\nContent-Length: %zu\r\n", fields, strlen(text));
}

int http_linger(eddy_reader *reader, eddy_writer *writer, double seconds)
{
    eddy_timeout tm;
    const char *data;
    ssize_t n;

    eddy_timeout_enter(&tm, seconds);
    n = eddy_writer_write_eof(writer);
    while (n >= 0 && (n = eddy_reader_read_some(reader, SIZE_MAX, &data)) != 0)
        ;
    return eddy_timeout_exit(&tm, n < 0 ? (int)n : 0) == -ECANCELED ? -ECANCELED : 0;
}
