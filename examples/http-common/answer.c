/* Answers: the head with the fields common to all answers, and answers of one line of text. */
#include "http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
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

/* Sends an answer, or its beginning, in one write. */
static int send_answer(eddy_writer *writer, const struct http_request *request, int status,
                       const char *fields, const char *body)
{
    char date[HTTP_DATE_SIZE] = "";

    http_format_date(time(NULL), date);
    return eddy_writer_printf(writer, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s\r\n%s", status,
                              http_reason(status), date, connection_of(request), fields, body);
}

int http_send_head(eddy_writer *writer, const struct http_request *request, int status,
                   const char *format, ...)
{
    char fields[HTTP_MAX_TARGET + 1024];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(fields, sizeof fields, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof fields)
        return eddy_raise(-EMSGSIZE, "the fields of an answer have more than %zu bytes",
                          sizeof fields);
    return send_answer(writer, request, status, fields, "");
}

int http_send_text(eddy_writer *writer, const struct http_request *request, int status,
                   const char *fields, const char *text)
{
    char all[1024];

    if (status == 204 || status == 304)
        return send_answer(writer, request, status, fields, "");
    snprintf(all, sizeof all, "%sContent-Type: text/plain\r\nContent-Length: %zu\r\n", fields,
             strlen(text));
    return send_answer(writer, request, status, all, request->head ? "" : text);
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
