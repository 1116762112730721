/*
 * Requests: the head is read from the stream as a whole, and parsed by llhttp.
 *
 * The boundaries of messages are decided strictly (RFC 9112, 6.3 and 11.2): if llhttp and the
 * search for the end of the head disagree, or if there is a transfer coding, a body that the server
 * does not read, or a second Host, the request is refused and the connection closed.
 */
#include "http.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The stored fields. A repeated field is an error, except for lists, whose values are joined. */
static const struct field {
    const char *name;
    size_t offset;
    bool list;
} fields[] = {
    {"range", offsetof(struct http_request, range), false},
    {"if-match", offsetof(struct http_request, if_match), true},
    {"if-none-match", offsetof(struct http_request, if_none_match), true},
    {"if-modified-since", offsetof(struct http_request, if_modified_since), false},
    {"if-unmodified-since", offsetof(struct http_request, if_unmodified_since), false},
    {"if-range", offsetof(struct http_request, if_range), false},
    {"upgrade", offsetof(struct http_request, upgrade_to), true},
    {"sec-websocket-key", offsetof(struct http_request, sec_websocket_key), false},
    {"sec-websocket-version", offsetof(struct http_request, sec_websocket_version), true},
};

struct parsing {
    struct http_request *request;
    int status; /* the status with which to refuse the request; 0 so far */
    unsigned n_hosts;
    bool complete;
    bool has_coding; /* Transfer-Encoding */
    bool is_chunked; /* its value is "chunked", and nothing else */

    /* The present field: a long name is truncated, a value that does not fit is marked. */
    char name[32];
    char value[HTTP_MAX_FIELD];
    bool value_too_long;
};

/* Appends @n bytes to the string @to. Returns false if they do not fit. */
static bool append(char *to, size_t size, const char *from, size_t n)
{
    size_t used = strlen(to), room = size - 1 - used, part = n < room ? n : room;

    memcpy(to + used, from, part);
    to[used + part] = '\0';
    return part == n;
}

static void refuse(struct parsing *p, int status)
{
    if (!p->status)
        p->status = status;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    if (!append(p->request->target, sizeof p->request->target, at, n))
        refuse(p, 414);
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    append(p->name, sizeof p->name, at, n);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    if (!append(p->value, sizeof p->value, at, n))
        p->value_too_long = true;
    return 0;
}

/* Returns whether @text has only characters of a host and port (RFC 3986, 3.2). */
static bool is_authority(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (c == '\0' || !strchr("-._~!$&'()*+,;=%:[]", c)))
            return false;
    }
    return true;
}

static void keep(struct parsing *p, const struct field *field)
{
    char *kept = (char *)p->request + field->offset;
    bool again = kept[0] != '\0';

    if (again && !field->list)
        refuse(p, 400);
    else if (p->value_too_long || (again && !append(kept, HTTP_MAX_FIELD, ", ", 2)) ||
             !append(kept, HTTP_MAX_FIELD, p->value, strlen(p->value)))
        refuse(p, 431);
}

static void take_field(struct parsing *p)
{
    if (strcasecmp(p->name, "host") == 0) {
        p->n_hosts++;
        if (p->value_too_long || !is_authority(p->value, strlen(p->value)))
            refuse(p, 400);
    } else if (strcasecmp(p->name, "transfer-encoding") == 0) {
        p->is_chunked = !p->has_coding && strcasecmp(p->value, "chunked") == 0;
        p->has_coding = true;
    } else if (strcasecmp(p->name, "expect") == 0) {
        p->request->body.awaits_continue = strcasecmp(p->value, "100-continue") == 0;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcasecmp(p->name, fields[i].name) == 0)
            keep(p, &fields[i]);
    }
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct parsing *p = parser->data;
    size_t n = strlen(p->value);

    while (n > 0 && (p->value[n - 1] == ' ' || p->value[n - 1] == '\t'))
        p->value[--n] = '\0';
    take_field(p);
    p->name[0] = p->value[0] = '\0';
    p->value_too_long = false;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct parsing *p = parser->data;
    struct http_request *r = p->request;
    bool has_body = p->has_coding || parser->content_length > 0;

    p->complete = true;
    r->get = parser->method == HTTP_GET;
    r->head = parser->method == HTTP_HEAD;
    r->old = parser->http_major == 1 && parser->http_minor == 0;
    r->method = llhttp_method_name(parser->method);
    r->upgrade = parser->upgrade;
    r->has_body = has_body;
    r->body.length = parser->content_length;
    r->body.chunked = p->has_coding;
    r->body.keep_alive_after = llhttp_should_keep_alive(parser);
    r->keep_alive = r->body.keep_alive_after && !has_body;
    if (parser->http_major != 1)
        refuse(p, 505);
    if (p->n_hosts > 1 || (p->n_hosts == 0 && !r->old))
        refuse(p, 400);
    if (p->has_coding && (!p->is_chunked || r->old || (parser->flags & F_CONTENT_LENGTH)))
        refuse(p, 400);
    if (has_body && (r->get || r->head))
        refuse(p, 413);
    return HPE_PAUSED; /* the following bytes are the next request */
}

/* Reduces http://authority/path to /path; the authority overrides Host (RFC 9112, 3.2.2). */
static bool reduce_target(char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    size_t authority = strcspn(target + scheme, "/?#"), n = strlen(target);

    if (scheme == 0)
        return true;
    if (authority == 0 || !is_authority(target + scheme, authority))
        return false;
    scheme += authority;
    if (target[scheme] == '/') {
        memmove(target, target + scheme, n - scheme + 1);
    } else { /* empty path: the scheme left enough room */
        memmove(target + 1, target + scheme, n - scheme + 1);
        target[0] = '/';
    }
    return true;
}

/* Returns the status for a head that llhttp rejected. */
static int status_of_error(llhttp_errno_t error, const char *head)
{
    if (error == HPE_INVALID_METHOD && head[strspn(head, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")] == ' ')
        return 501;
    return error == HPE_INVALID_VERSION ? 505 : 400;
}

int http_parse_request(const char *head, size_t n, struct http_request *ret)
{
    struct parsing p = {.request = ret};
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_errno_t error;

    memset(ret, 0, sizeof *ret);
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_header_value_complete = on_header_value_complete;
    settings.on_headers_complete = on_headers_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &p;
    error = llhttp_execute(&parser, head, n);
    if (!p.complete)
        refuse(&p, status_of_error(error, head));
    else if (error != HPE_PAUSED || llhttp_get_error_pos(&parser) != head + n)
        refuse(&p, 400); /* llhttp sees another end of the head */
    else if ((ret->get || ret->head) && !reduce_target(ret->target))
        refuse(&p, 400);
    if (p.status)
        ret->keep_alive = false;
    return p.status ? p.status : 1;
}

int http_read_request(eddy_reader *reader, struct http_request *ret)
{
    static const eddy_separator ends[] = {{"\r\n\r\n", 4}, {"\n\n", 2}};
    const char *head;
    ssize_t n = eddy_connection_next_request(reader);

    memset(ret, 0, sizeof *ret);
    if (n <= 0)
        return (int)n;
    n = eddy_reader_readuntil_any(reader, ends, 2, &head);
    if (n == EDDY_EINCOMPLETE)
        return eddy_reader_partial(reader, &head) == 0 ? 0 : 400;
    if (n == EDDY_ELIMIT)
        return 431;
    return n < 0 ? (int)n : http_parse_request(head, (size_t)n, ret);
}

int http_read_body(eddy_reader *reader, eddy_writer *writer, struct http_request *request,
                   size_t max, char **ret)
{
    struct http_body *body = &request->body;
    ssize_t n;

    if (request->has_body && (body->chunked || body->length > max))
        return body->chunked ? 411 : 413;
    *ret = calloc(1, body->length + 1);
    if (!*ret)
        return 503;
    if (body->awaits_continue && request->has_body && !request->old)
        eddy_writer_printf(writer, "HTTP/1.1 100 Continue\r\n\r\n");
    n = eddy_reader_readexactly(reader, *ret, body->length);
    request->keep_alive = n >= 0 && body->keep_alive_after;
    if (n >= 0)
        return 1;
    free(*ret);
    return n == EDDY_EINCOMPLETE ? 0 : (int)n;
}
