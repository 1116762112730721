/* The requests: method, headers, data and credentials, the same for all URLs. */
#ifndef REQUEST_H
#define REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct request {
    struct curl_slist *headers; /* "Name: value" */
    const char *agent;          /* NULL: eddy-fetch's own */
    const char *method;         /* NULL: as the other members demand */
    char *user;                 /* "name:password"; NULL: none */
    char *data;                 /* the body to send; NULL: none */
    size_t n_data;
    bool head; /* asks for the headers only */
};

/* Adds a header. Returns 0, or a negative status after printing why. */
int request_add_header(struct request *r, const char *header);

/*
 * Adds @text to the data, behind an & if there are some already. "@FILE" stands for the contents of
 * a file without its line ends, "@-" for standard input. Returns 0, or a negative status after
 * printing why.
 */
int request_add_data(struct request *r, const char *text);

/* Takes credentials over, and overwrites @text, which other users can see in the list of
 * processes. Returns 0, or a negative status after printing why. */
int request_set_user(struct request *r, char *text);

/* Gives the request to a transfer, which borrows it. */
CURLcode request_apply(const struct request *r, CURL *easy);

void request_free(struct request *r);

#endif
