/*
 * A server of static files over HTTP/1.1: what its parts share.
 */
#ifndef HTTP_H
#define HTTP_H

#include <eddy.h>
#include <stdbool.h>
#include <stdint.h>

enum { LONGEST_HEAD = 16384, LONGEST_TARGET = 4096 }; /* bytes */

/* One request, as far as this server is interested. */
struct request {
    bool get, head; /* the method; neither: another one */
    bool keep_alive;
    bool has_body;
    char target[LONGEST_TARGET]; /* as it came, terminated; "" if it was too long */
    char range[64];              /* the header's value, "" if there is none */
    char modified_since[64];
};

/* Seconds that a client has for each request, and for taking each piece of an answer. */
extern double patience;

/*
 * Reads the next request. 1; 0 at the end, between two requests; or the status with which to refuse it, 400 and above;
 * or an error < 0 of the connection.
 */
int request_read(eddy_reader *reader, struct request *ret);

/* Answers a request with a file below @root. Whether the connection may go on: 1 or 0, or an error < 0 of the connection. */
int respond(eddy_writer *writer, const struct request *request, const char *root);

/* Answers with a status alone. */
int respond_status(eddy_writer *writer, const struct request *request, int status);

#endif
