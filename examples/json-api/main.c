/*
 * A JSON API over HTTP: a collection of items, kept in memory. jansson reads and writes JSON.
 *
 *     build/bin/json-api 8080
 *     curl -d '{"name": "pear"}' localhost:8080/items
 *     curl localhost:8080/items/1
 *
 * Each connection is a task. A handler of a request is a plain function, and could await anything:
 * a query, another server. SIGTERM lets the requests under way end, and no idle client delays that.
 */
#include "command.h"
#include "http.h"

#include <jansson.h>
#include <stdlib.h>

static const char help[] =
    "usage: json-api PORT\n\n"
    "Serves on localhost, on a free port if PORT is 0: GET and POST /items; GET, PUT and DELETE\n"
    "/items/ID. SIGTERM ends it once the requests under way have their answers.\n";

enum { LARGEST_BODY = 1 << 20 };

static json_t *items; /* an object: the items by their IDs */

/* The handlers: each returns a status of HTTP, and stores the JSON to send in *ret, or nothing. */

static int list(const char *id, json_t *given, json_t **ret)
{
    *ret = json_incref(items);
    return 200;
}

static int create(const char *id, json_t *given, json_t **ret)
{
    static unsigned latest;
    char next[16];

    snprintf(next, sizeof next, "%u", ++latest);
    *ret = json_pack("{ss}", "id", next);
    return json_object_set(items, next, given) == 0 ? 201 : 503;
}

static int get(const char *id, json_t *given, json_t **ret)
{
    *ret = json_incref(json_object_get(items, id));
    return *ret ? 200 : 404;
}

static int replace(const char *id, json_t *given, json_t **ret)
{
    if (!json_object_get(items, id))
        return 404;
    return json_object_set(items, id, given) == 0 ? 204 : 503;
}

static int delete (const char *id, json_t *given, json_t **ret)
{
    return json_object_del(items, id) == 0 ? 204 : 404;
}

static const struct route {
    const char *method;
    bool has_id, has_body;
    int (*handle)(const char *id, json_t *given, json_t **ret);
} routes[] = {
    {"GET", false, false, list},  {"POST", false, true, create},   {"GET", true, false, get},
    {"PUT", true, true, replace}, {"DELETE", true, false, delete},
};

/* Finds the handler of a request and calls it. */
static int answer(const struct http_request *q, const char *body, json_t **ret)
{
    bool has_id = strncmp(q->target, "/items/", 7) == 0;
    int status = has_id || strcmp(q->target, "/items") == 0 ? 405 : 404;

    for (size_t i = 0; status == 405 && i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *r = &routes[i];
        json_error_t error;
        json_t *given;

        if (r->has_id != has_id || strcmp(r->method, q->method) != 0)
            continue;
        given = json_loadb(body, q->body.length, JSON_REJECT_DUPLICATES, &error);
        if (!given && r->has_body) {
            *ret = json_pack("{sssi}", "error", error.text, "line", error.line);
            return 400;
        }
        status = r->handle(q->target + 7, given, ret);
        json_decref(given);
    }
    return status;
}

static int respond(eddy_writer *writer, const struct http_request *q, int status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    int rc =
        http_send_text(writer, q, status, "Content-Type: application/json\r\n", text ? text : "");

    free(text);
    json_decref(json);
    return rc;
}

static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    struct http_request q;
    int rc;

    do {
        json_t *json = NULL;
        char *body;

        rc = http_read_request(reader, &q);
        if (rc == 1)
            rc = http_read_body(reader, writer, &q, LARGEST_BODY, &body);
        if (rc <= 0)
            return rc;
        if (rc == 1) {
            rc = answer(&q, body, &json);
            free(body);
        }
        rc = respond(writer, &q, rc, json);
    } while (rc >= 0 && q.keep_alive);
    return rc >= 0 ? http_linger(reader, writer, 5) : rc;
}

static eddy_async(amain, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(serve, NULL, "localhost", port, &server, .limit = HTTP_MAX_HEAD,
                               .max_connections = 1000, .read_timeout = 30, .write_timeout = 30,
                               .grace = 10));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

/* Makes the loop: jansson calls itself for each level of nested JSON, of which it allows 2048. */
static eddy_loop *make_loop(void)
{
    return eddy_loop_new(&(eddy_loop_options){.stack_size = 4 << 20});
}

int main(int argc, char **argv)
{
    int rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 2)
        return command_refuse(help);
    items = json_object();
    rc = eddy_main(amain(atoi(argv[1])), .sigterm = true, .loop_factory = make_loop);
    json_decref(items);
    return rc;
}
