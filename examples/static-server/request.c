/*
 * Requests: the head as a whole comes from the stream, llhttp takes it apart.
 */
#include "http.h"

#include <llhttp.h>
#include <string.h>
#include <strings.h>

/* What the parser has seen so far. */
struct parsing {
    struct request *request;
    char name[32]; /* of the present header, cut */
    bool in_value;
    bool target_too_long;
    bool complete;
};

/* Appends as far as there is room; false if there was not enough. */
static bool append(char *to, size_t size, const char *from, size_t n)
{
    size_t used = strlen(to), room = size - 1 - used;

    memcpy(to + used, from, n < room ? n : room);
    to[used + (n < room ? n : room)] = 0;
    return n <= room;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    if (!append(p->request->target, sizeof p->request->target, at, n))
        p->target_too_long = true;
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    if (p->in_value)
        p->name[0] = 0;
    p->in_value = false;
    append(p->name, sizeof p->name, at, n);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t n)
{
    struct parsing *p = parser->data;

    p->in_value = true;
    if (strcasecmp(p->name, "range") == 0)
        append(p->request->range, sizeof p->request->range, at, n);
    else if (strcasecmp(p->name, "if-modified-since") == 0)
        append(p->request->modified_since, sizeof p->request->modified_since, at, n);
    return 0;
}

/* Bodies are not for us; what follows the head is refused or is the next request. */
static int on_headers_complete(llhttp_t *parser)
{
    struct parsing *p = parser->data;

    p->complete = true;
    p->request->get = parser->method == HTTP_GET;
    p->request->head = parser->method == HTTP_HEAD;
    p->request->keep_alive = llhttp_should_keep_alive(parser);
    p->request->has_body = parser->content_length > 0 || (parser->flags & F_CHUNKED);
    return HPE_PAUSED;
}

static int parse(const char *head, size_t n, struct request *request)
{
    struct parsing p = {.request = request};
    llhttp_settings_t settings;
    llhttp_t parser;

    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_headers_complete = on_headers_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &p;
    (void)llhttp_execute(&parser, head, n);
    if (!p.complete)
        return 400;
    if (p.target_too_long)
        return 414;
    return request->has_body ? 413 : 1;
}

int request_read(eddy_reader *reader, struct request *ret)
{
    static const eddy_separator ends[] = {{"\r\n\r\n", 4}, {"\n\n", 2}};
    const char *head;
    ssize_t n = eddy_reader_readuntil_any(reader, ends, 2, &head);

    memset(ret, 0, sizeof *ret);
    if (n == EDDY_EINCOMPLETE)
        return eddy_reader_partial(reader, &head) == 0 ? 0 : 400;
    if (n == EDDY_ELIMIT)
        return 431;
    return n < 0 ? (int)n : parse(head, (size_t)n, ret);
}
