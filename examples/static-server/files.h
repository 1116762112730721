/* A server of static files: what its parts share. */
#ifndef FILES_H
#define FILES_H

#include "http.h"

#include <sys/stat.h>

/* Seconds that a client has for each request, and for taking each piece of an answer. */
extern double patience;

/*
 * Opens @path, which is relative, below the folder of the descriptor @root for reading. Nothing
 * leads out of there: neither "..", nor a symbolic link; that is -EXDEV. Symbolic links to what is
 * below the folder are followed, unless they are absolute (openat2(2), RESOLVE_BENEATH).
 */
EDDY_AWAITS int open_beneath(int root, const char *path);

/* Whether the kernel has what open_beneath() needs. */
bool open_beneath_is_supported(int root);

/* What an answer says of a file, and which part of the file it has. */
struct selection {
    char etag[48];                      /* quotes included */
    char last_modified[HTTP_DATE_SIZE]; /* "" if the file's time has no date */
    off_t from, count;
};

/*
 * Evaluates the conditions and the range of @request for a file, in the order of RFC 9110, 13.2.2.
 * Returns 200, 206, 304, 412 or 416, and fills in *ret.
 */
int select_part(const struct http_request *request, const struct stat *st, struct selection *ret);

/*
 * Answers @request with a file below @root. Returns 1 if the connection can go on, 0 if it is to be
 * closed, or a negative error of the connection.
 */
EDDY_AWAITS int respond(eddy_writer *writer, const struct http_request *request, int root);

/* Answers with a status alone. Returns as respond(). */
EDDY_AWAITS int respond_status(eddy_writer *writer, const struct http_request *request, int status);

#endif
