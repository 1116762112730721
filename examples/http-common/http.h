/*
 * HTTP/1.1 for the example servers: requests are parsed by llhttp, answers begin with the fields
 * that each answer needs. By RFC 9110 (semantics, fields) and RFC 9112 (messages).
 *
 * The servers take no bodies: a request that announces one is refused and its connection closed, so
 * that no byte of a body is ever taken for the next request.
 */
#ifndef HTTP_H
#define HTTP_H

#include <eddy.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    HTTP_MAX_HEAD = 16384,  /* bytes of a request's head; the .limit of a server's streams */
    HTTP_MAX_TARGET = 4096, /* bytes of a request's target, with the NUL */
    HTTP_MAX_FIELD = 512,   /* bytes of a field that is kept, with the NUL */
    HTTP_DATE_SIZE = 32,    /* bytes of a date, with the NUL */
};

struct http_request {
    bool get, head;  /* the method; neither: another one */
    bool old;        /* HTTP/1.0: no chunked answers, and closing is the default */
    bool keep_alive; /* the connection can serve another request after this one */
    /* path and query; of an absolute form what follows the authority */
    char target[HTTP_MAX_TARGET];

    /* Values of fields; "" if the request does not have the field. */
    char range[HTTP_MAX_FIELD];
    char if_match[HTTP_MAX_FIELD];
    char if_none_match[HTTP_MAX_FIELD];
    char if_modified_since[HTTP_MAX_FIELD];
    char if_unmodified_since[HTTP_MAX_FIELD];
    char if_range[HTTP_MAX_FIELD];
};

/*
 * Reads the next request from @reader, whose limit is HTTP_MAX_HEAD.
 *
 * Returns 1; 0 if the stream ended between two requests; the HTTP status (400 or above) with which
 * to refuse what came, @ret->keep_alive being false then; or a negative error of the stream.
 */
EDDY_AWAITS int http_read_request(eddy_reader *reader, struct http_request *ret);

/* Parses the head of a request, @n bytes with the empty line at its end. Returns 1 or an HTTP
 * status. */
int http_parse_request(const char *head, size_t n, struct http_request *ret);

/* Returns the reason phrase of @status. */
const char *http_reason(int status);

/*
 * Sends the head of an answer: the status line, Date, Connection where it differs from the default
 * of the request's version, and the fields that @format gives, each ended by CRLF.
 */
EDDY_AWAITS __attribute__((format(printf, 4, 5))) int
http_send_head(eddy_writer *writer, const struct http_request *request, int status,
               const char *format, ...);

/*
 * Sends an answer whose body is @text, and @fields (CRLF after each, or "") in its head. For HEAD,
 * 204 and 304 the head alone; the latter two without a Content-Length.
 */
EDDY_AWAITS int http_send_text(eddy_writer *writer, const struct http_request *request, int status,
                               const char *fields, const char *text);

/*
 * Ends a connection after the last answer: says that it was the last, and drops what the client
 * sends until it closes too, for @seconds at most. A connection that is closed with something
 * unread is reset, and the client may lose the answer (RFC 9112, 9.6). Returns 0 or -ECANCELED.
 */
EDDY_AWAITS int http_linger(eddy_reader *reader, eddy_writer *writer, double seconds);

/* Writes @t as "Sun, 06 Nov 1994 08:49:37 GMT". False if @t has no date of four digits for the
 * year. */
bool http_format_date(time_t t, char buf[HTTP_DATE_SIZE]);

/* Reads a date in one of the three forms of RFC 9110, 5.6.7. False if @text is none. */
bool http_parse_date(const char *text, time_t *ret);

#endif
