/* A server of static files: the interface between its parts. */
#ifndef FILES_H
#define FILES_H

#include "http.h"

#include <sys/stat.h>

/* Time limit for each request, and for accepting each piece of an answer, in seconds. */
extern double patience;

/*
 * Opens @path, relative to the folder of the descriptor @root, for reading. No path leads out of
 * the folder, neither by ".." nor by a symbolic link: that gives -EXDEV. Symbolic links within the
 * folder are followed, unless they are absolute (openat2(2), RESOLVE_BENEATH).
 */
EDDY_AWAITS int open_beneath(int root, const char *path);

/* Returns whether the kernel supports open_beneath(). */
bool open_beneath_is_supported(int root);

/* The description of a file in an answer, and the part of the file that it contains. */
struct selection {
    char etag[48];                      /* quotes included */
    char last_modified[HTTP_DATE_SIZE]; /* "" if the file's time cannot be formatted as a date */
    off_t from, count;
};

/*
 * Evaluates the conditions and the range of @request for a file, in the order of RFC 9110, 13.2.2.
 * Returns 200, 206, 304, 412 or 416, and fills in *ret.
 */
int select_part(const struct http_request *request, const struct stat *st, struct selection *ret);

/*
 * Answers @request with a file below @root. Returns 1 if the connection can go on, 0 if it has to
 * be closed, or a negative error of the connection.
 */
EDDY_AWAITS int respond(eddy_writer *writer, const struct http_request *request, int root);

/* Answers with a status only. Returns as respond(). */
EDDY_AWAITS int respond_status(eddy_writer *writer, const struct http_request *request, int status);

#endif
