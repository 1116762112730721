/*
 * HTTP/1.1 for the example servers: llhttp parses the requests; answers begin with the fields that
 * are common to all. According to RFC 9110 (semantics, fields) and RFC 9112 (messages).
 *
 * No byte of a body is ever parsed as the next request: a server either reads the body, or refuses
 * the request and closes the connection.
 */
#ifndef HTTP_H
#define HTTP_H

#include <eddy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    HTTP_MAX_HEAD = 16384,  /* bytes of a request's head; the .limit of a server's streams */
    HTTP_MAX_TARGET = 4096, /* bytes of a request's target, null byte included */
    HTTP_MAX_FIELD = 512,   /* bytes of a stored field, null byte included */
    HTTP_DATE_SIZE = 32,    /* bytes of a date, null byte included */
};

struct http_request {
    bool get, head;     /* the method; both false: another one */
    const char *method; /* its name; static */
    bool old;           /* HTTP/1.0: no chunked answers, and the connection closes by default */
    bool keep_alive;    /* the connection can serve another request after this one */
    bool upgrade;       /* the client wants to speak another protocol, see upgrade_to */
    bool has_body;      /* keep_alive is then false until http_read_body() has read it */
    struct http_body {
        uint64_t length;
        bool chunked;          /* the length is not known */
        bool awaits_continue;  /* the client waits for "100 Continue" before it sends the body */
        bool keep_alive_after; /* the value of keep_alive once the body has been read */
    } body;
    /* path and query; in the absolute form the part after the authority */
    char target[HTTP_MAX_TARGET];

    /* Values of fields; "" if the request lacks the field. */
    char range[HTTP_MAX_FIELD];
    char if_match[HTTP_MAX_FIELD];
    char if_none_match[HTTP_MAX_FIELD];
    char if_modified_since[HTTP_MAX_FIELD];
    char if_unmodified_since[HTTP_MAX_FIELD];
    char if_range[HTTP_MAX_FIELD];
    char upgrade_to[HTTP_MAX_FIELD];
    char sec_websocket_key[HTTP_MAX_FIELD];
    char sec_websocket_version[HTTP_MAX_FIELD];
};

/*
 * Reads the next request from @reader, whose limit is HTTP_MAX_HEAD.
 *
 * Returns 1; 0 if the stream, or the server, ended between two requests; the HTTP status (400 or
 * above) with which to refuse the request, and then @ret->keep_alive is false; or a negative error
 * of the stream.
 */
EDDY_AWAITS int http_read_request(eddy_reader *reader, struct http_request *ret);

/*
 * Parses the head of a request, @n bytes with the empty line at its end. Returns 1, or an HTTP
 * status with which to refuse it.
 */
int http_parse_request(const char *head, size_t n, struct http_request *ret);

/*
 * Reads the body of @request, if it has one: *ret gets at most @max bytes, followed by a null byte,
 * or "" if there is no body. The caller owns *ret, and frees it with free(). Returns as
 * http_read_request(): 413 if the body is longer, 411 if its length is not known, 0 if the stream
 * ends in it.
 */
EDDY_AWAITS int http_read_body(eddy_reader *reader, eddy_writer *writer,
                               struct http_request *request, size_t max, char **ret);

/* Returns the reason phrase of @status. */
const char *http_reason(int status);

/*
 * Sends the head of an answer: the status line, Date, Connection if it differs from the default of
 * the request's version, and the fields of @format, each ended by CRLF.
 */
EDDY_AWAITS __attribute__((format(printf, 4, 5))) int
http_send_head(eddy_writer *writer, const struct http_request *request, int status,
               const char *format, ...);

/* Sends an answer with such a head, and with @size bytes at @body, in one write. */
EDDY_AWAITS __attribute__((format(printf, 6, 7))) int
http_send(eddy_writer *writer, const struct http_request *request, int status, const void *body,
          size_t size, const char *format, ...);

/*
 * Sends an answer whose body is @text, with @fields (CRLF after each, or "") in its head. For HEAD,
 * 204 and 304 sends only the head; for the latter two without a Content-Length.
 */
EDDY_AWAITS int http_send_text(eddy_writer *writer, const struct http_request *request, int status,
                               const char *fields, const char *text);

/*
 * Ends a connection after its last answer: sends the end of the stream, and drops all bytes from
 * the client until it closes too, for at most @seconds. Closing a connection with unread bytes
 * would reset it, and the client could lose the answer (RFC 9112, 9.6). Returns 0 or -ECANCELED.
 */
EDDY_AWAITS int http_linger(eddy_reader *reader, eddy_writer *writer, double seconds);

/*
 * Writes @t as "Sun, 06 Nov 1994 08:49:37 GMT". Returns false if its year does not have four
 * digits.
 */
bool http_format_date(time_t t, char buf[HTTP_DATE_SIZE]);

/*
 * Parses a date in one of the three formats of RFC 9110, 5.6.7. Returns false if @text is not a
 * date.
 */
bool http_parse_date(const char *text, time_t *ret);

#endif
