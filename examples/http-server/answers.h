/*
 * The interface between the two halves of the server: main.c receives requests, answers.c sends
 * answers.
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "http.h"

struct exchange {
    struct http_request request;
    eddy_reader *reader;
    eddy_writer *writer;
};

/*
 * Answers a request. Returns 0 if the connection can serve another one, provided that both sides
 * keep it open; else a negative status, and the connection is to be closed.
 */
EDDY_AWAITS int answer(const struct exchange *x);

/* A description of the paths, for --help and for the path "/". */
extern const char paths_help[];

#endif
