/* What the two halves of the server share: requests come in (main.c), answers go out
 * (answers.c). */
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
 * keep it; else a negative status: it is to be closed.
 */
EDDY_AWAITS int answer(const struct exchange *x);

/* What the paths mean, for --help and for the path "/". */
extern const char paths_help[];

#endif
