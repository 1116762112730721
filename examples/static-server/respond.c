/*
 * Answers: which file is meant, what of it, and how it goes out.
 */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };

double patience = 30;

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 301:
        return "Moved Permanently";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 416:
        return "Range Not Satisfiable";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Internal Server Error";
    }
}

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

static void http_date(time_t t, char *buf, size_t size)
{
    struct tm tm;

    strftime(buf, size, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

int respond_status(eddy_writer *writer, const struct request *request, int status)
{
    bool goes_on = request->keep_alive && !request->has_body && status != 400 && status < 500;
    char text[64] = "";

    if (!request->head && status != 304)
        snprintf(text, sizeof text, "%d %s\n", status, reason_of(status));
    eddy_try(eddy_writer_printf(
        writer, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s%s\r\n%s", status,
        reason_of(status), strlen(text), status == 405 ? "Allow: GET, HEAD\r\n" : "",
        goes_on ? "" : "Connection: close\r\n", text));
    return goes_on;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c | 0x20) : NULL;

    return p ? (int)(p - digits) : -1;
}

/*
 * The path of a target: without its query, %XX decoded, below the root. False for what is none, or leads out of there.
 */
static bool path_of(const char *root, const char *target, char *path, size_t size)
{
    size_t n = (size_t)snprintf(path, size, "%s", root), start = n;

    if (target[0] != '/')
        return false;
    for (const char *p = target; *p && *p != '?' && *p != '#'; p++) {
        int c = *p;

        if (c == '%') {
            if (hex(p[1]) < 0 || hex(p[2]) < 0)
                return false;
            c = hex(p[1]) << 4 | hex(p[2]);
            p += 2;
        }
        if (c == 0 || n + sizeof "/index.html" > size)
            return false;
        path[n++] = (char)c;
    }
    path[n] = 0;
    for (const char *p = path + start; (p = strstr(p, "/..")); p += 3) {
        if (p[3] == '/' || p[3] == 0)
            return false;
    }
    if (path[n - 1] == '/')
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
    case -ENXIO:
        return 403;
    default:
        return 500;
    }
}

/* The part that "bytes=…" asks for: 206, 416, or 200 if it asks for none that we know. Of several ranges none. */
static int range_of(const char *range, off_t size, off_t *from, off_t *count)
{
    long long first, last = size - 1;
    char *end;

    *from = 0;
    *count = size;
    if (strncmp(range, "bytes=", 6) != 0 || strchr(range, ','))
        return 200;
    range += 6;
    first = strtoll(range, &end, 10);
    if (*range == '-') { /* the last so many bytes */
        if (end == range || *end || first == 0)
            return *end ? 200 : 416;
        first = -first < size ? size + first : 0;
    } else if (end == range || *end != '-') {
        return 200;
    } else if (end[1]) {
        last = strtoll(end + 1, &end, 10);
        if (*end || last < first)
            return 200;
    }
    if (first >= size)
        return 416;
    *from = first;
    *count = (last < size ? last + 1 : size) - first;
    return 206;
}

/* Each piece has to be taken in time. A file that has become shorter ends the connection, lest the next answer be taken for the rest. */
static int send_body(eddy_writer *writer, int fd, off_t from, size_t count)
{
    while (count > 0) {
        size_t piece = count < PIECE ? count : PIECE, sent = 0;
        eddy_timeout tm;
        int rc;

        eddy_timeout_enter(&tm, patience);
        rc = eddy_writer_sendfile(writer, fd, from, piece, &sent);
        rc = eddy_timeout_exit(&tm, rc);
        if (rc == 0 && sent < piece)
            rc = eddy_raise(-EIO, "the file has become shorter");
        if (rc < 0) {
            eddy_writer_abort(writer);
            return rc;
        }
        from += (off_t)piece;
        count -= piece;
    }
    return 0;
}

/* The head of an answer that has a file as its body, and the body. */
static int send_file(eddy_writer *writer, const struct request *request, const char *path, int fd,
                     const struct stat *st)
{
    char date[40], range[80] = "";
    off_t from, count;
    int status = range_of(request->range, st->st_size, &from, &count);

    http_date(st->st_mtime, date, sizeof date);
    if (strcmp(request->modified_since, date) == 0)
        return respond_status(writer, request, 304);
    if (status == 416)
        return respond_status(writer, request, 416);
    if (status == 206)
        snprintf(range, sizeof range, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from,
                 (long long)(from + count - 1), (long long)st->st_size);
    eddy_try(eddy_writer_printf(writer,
                                "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %lld\r\n"
                                "Last-Modified: %s\r\nAccept-Ranges: bytes\r\n%s%s\r\n",
                                status, reason_of(status), type_of(path), (long long)count, date, range,
                                request->keep_alive ? "" : "Connection: close\r\n"));
    if (request->head || count == 0)
        return request->keep_alive;
    eddy_try(send_body(writer, fd, from, (size_t)count));
    return request->keep_alive;
}

static int redirect_to_folder(eddy_writer *writer, const struct request *request)
{
    size_t n = strcspn(request->target, "?#");

    if (n == 0 || strpbrk(request->target, "\r\n") || strncmp(request->target, "//", 2) == 0)
        return respond_status(writer, request, 400);
    eddy_try(eddy_writer_printf(writer, "HTTP/1.1 301 %s\r\nLocation: %.*s/\r\nContent-Length: 0\r\n\r\n",
                                reason_of(301), (int)n, request->target));
    return request->keep_alive;
}

int respond(eddy_writer *writer, const struct request *request, const char *root)
{
    char path[LONGEST_TARGET + 4096];
    struct stat st;
    int fd, rc;

    if (!request->get && !request->head)
        return respond_status(writer, request, 405);
    if (!path_of(root, request->target, path, sizeof path))
        return respond_status(writer, request, 400);
    fd = eddy_file_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
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
