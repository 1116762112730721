/* Answers: selects the file and the part of it, and sends it. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The bytes of a body that is sent together with its head, and of a piece of a larger body, at
 * most. */
enum { SMALL = 1 << 16, PIECE = 1 << 20 };

double patience = 30;

static const char *type_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".txt", "text/plain"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".gif", "image/gif"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},
        {".mp4", "video/mp4"},
        {".woff2", "font/woff2"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

int respond_status(eddy_writer *writer, const struct http_request *request, int status)
{
    char text[64];

    snprintf(text, sizeof text, "%d %s\n", status, http_reason(status));
    eddy_try(
        http_send_text(writer, request, status, status == 405 ? "Allow: GET, HEAD\r\n" : "", text));
    return request->keep_alive;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c | 0x20) : NULL;

    return p ? (int)(p - digits) : -1;
}

/*
 * Decodes the path of a target, without its query. Returns 0, or -1 if it is malformed or does not
 * fit.
 */
static int decode(const char *target, char *path, size_t size)
{
    size_t n = 0;

    for (const char *p = target; *p && *p != '?'; p++) {
        int c = *p;

        if (c == '%') {
            if (hex(p[1]) < 0 || hex(p[2]) < 0)
                return -1;
            c = hex(p[1]) << 4 | hex(p[2]);
            p += 2;
        }
        if (c == 0 || c == '#' || n + 1 == size)
            return -1;
        path[n++] = (char)c;
    }
    path[n] = '\0';
    return 0;
}

/*
 * Stores the path of a target, relative to the served folder. Returns false if it is malformed, or
 * contains "..", which clients must resolve (RFC 3986, 6.2.2.3).
 */
static bool path_of(const char *target, char *path, size_t size)
{
    size_t n;

    if (target[0] != '/' || decode(target, path, size - sizeof "index.html") < 0)
        return false;
    for (const char *p = path; (p = strstr(p, "/..")); p += 3) {
        if (p[3] == '/' || p[3] == '\0')
            return false;
    }
    n = strspn(path, "/");
    memmove(path, path + n, strlen(path + n) + 1);
    n = strlen(path);
    if (n == 0 || path[n - 1] == '/')
        strcpy(path + n, "index.html");
    return true;
}

static int status_of(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
        return 404;
    case -EACCES:
    case -EPERM:
    case -EXDEV: /* a symbolic link leads out of the folder */
    case -ENXIO:
        return 403;
    default:
        return 500;
    }
}

/*
 * Sends a part of a file, each piece within the client's time limit. If the file has become
 * shorter, the connection ends, or the client would take the next answer for the rest.
 */
static int send_body(eddy_writer *writer, int fd, off_t from, size_t count)
{
    while (count > 0) {
        int64_t piece = count < PIECE ? (int64_t)count : PIECE, sent = 0;
        int rc = eddy_within(patience, eddy_writer_sendfile(writer, fd, from, piece, &sent));

        if (rc == 0 && sent < piece)
            rc = eddy_raise(-EIO, "the file has become shorter");
        if (rc < 0) {
            eddy_writer_abort(writer);
            return rc;
        }
        from += (off_t)piece;
        count -= (size_t)piece;
    }
    return 0;
}

/* Sends the answers about a file without its bytes: 304, 412 and 416. */
static int send_no_part(eddy_writer *writer, const struct http_request *request,
                        const struct stat *st, const struct selection *s, int status)
{
    char fields[160];

    if (status == 412)
        return respond_status(writer, request, 412);
    if (status == 416)
        snprintf(fields, sizeof fields, "Content-Range: bytes */%lld\r\n", (long long)st->st_size);
    else
        snprintf(fields, sizeof fields, "ETag: %s\r\n%s%s%s", s->etag,
                 *s->last_modified ? "Last-Modified: " : "", s->last_modified,
                 *s->last_modified ? "\r\n" : "");
    eddy_try(http_send_text(writer, request, status, fields, "416 Range Not Satisfiable\n"));
    return request->keep_alive;
}

/* The fields of an answer about a part of a file. */
struct fields {
    char text[512];
};

static struct fields fields_of(const char *path, const struct stat *st, const struct selection *s,
                               int status)
{
    struct fields fields;
    char range[96] = "";

    if (status == 206)
        snprintf(range, sizeof range, "Content-Range: bytes %lld-%lld/%lld\r\n",
                 (long long)s->from, (long long)(s->from + s->count - 1), (long long)st->st_size);
    snprintf(fields.text, sizeof fields.text,
             "Content-Type: %s\r\nContent-Length: %lld\r\nAccept-Ranges: bytes\r\n"
             "ETag: %s\r\n%s%s%s%s",
             type_of(path), (long long)s->count, s->etag,
             *s->last_modified ? "Last-Modified: " : "", s->last_modified,
             *s->last_modified ? "\r\n" : "", range);
    return fields;
}

/* Sends a head and a small body in one write. */
static int send_small(eddy_writer *writer, const struct http_request *request, int status,
                      const struct fields *fields, int fd, const struct selection *s)
{
    size_t size = (size_t)s->count, got = 0;
    char *body = malloc(size);
    ssize_t n = body ? 1 : -ENOMEM;
    int rc;

    while (n > 0 && got < size) {
        n = eddy_file_read(fd, body + got, size - got, s->from + (off_t)got);
        got += n > 0 ? (size_t)n : 0;
    }
    if (n == -ECANCELED)
        rc = (int)n;
    else if (got < size) /* the file cannot be read, or has become shorter */
        rc = respond_status(writer, request, 500);
    else
        rc = http_send(writer, request, status, body, size, "%s", fields->text);
    free(body);
    return rc;
}

/* Sends the head and body of an answer whose body is a file, or a part of it. */
static int send_file(eddy_writer *writer, const struct http_request *request, const char *path,
                     int fd, const struct stat *st)
{
    struct selection s;
    struct fields fields;
    int status = select_part(request, st, &s);

    if (status >= 300)
        return send_no_part(writer, request, st, &s, status);
    fields = fields_of(path, st, &s, status);
    if (!request->head && s.count > 0 && s.count <= SMALL) {
        eddy_try(send_small(writer, request, status, &fields, fd, &s));
        return request->keep_alive;
    }
    eddy_try(http_send_head(writer, request, status, "%s", fields.text));
    if (!request->head && s.count > 0)
        eddy_try(send_body(writer, fd, s.from, (size_t)s.count));
    return request->keep_alive;
}

/*
 * Redirects to the same path with a slash appended, so that relative links lead into the folder. A
 * target that begins with two slashes, or with a backslash, which browsers take for a slash, would
 * lead to another host.
 */
static int redirect_to_folder(eddy_writer *writer, const struct http_request *request)
{
    const char *target = request->target, *query = strchrnul(target, '?');

    if (target[1] == '/' || target[1] == '\\')
        return respond_status(writer, request, 400);
    if (query[-1] == '/') /* index.html is a folder */
        return respond_status(writer, request, 403);
    eddy_try(http_send_head(writer, request, 301, "Location: %.*s/%s\r\nContent-Length: 0\r\n",
                            (int)(query - target), target, query));
    return request->keep_alive;
}

int respond(eddy_writer *writer, const struct http_request *request, int root)
{
    char path[HTTP_MAX_TARGET + 16];
    struct stat st;
    int fd, rc;

    if (!request->get && !request->head)
        return respond_status(writer, request, 405);
    if (!path_of(request->target, path, sizeof path))
        return respond_status(writer, request, 400);
    fd = open_beneath(root, path);
    if (fd == -ECANCELED)
        return fd;
    if (fd < 0)
        return respond_status(writer, request, status_of(fd));
    rc = eddy_file_fstat(fd, &st);
    if (rc == 0 && S_ISDIR(st.st_mode))
        rc = redirect_to_folder(writer, request);
    else if (rc == 0 && !S_ISREG(st.st_mode))
        rc = respond_status(writer, request, 403);
    else if (rc == 0)
        rc = send_file(writer, request, path, fd, &st);
    (void)eddy_file_close(fd);
    return rc;
}
