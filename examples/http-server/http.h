/* What the two halves of the server share: requests come in (main.c), answers go out (answers.c). */
#ifndef HTTP_H
#define HTTP_H

#include <eddy/defs.h>
#include <stdbool.h>
#include <stddef.h>

struct request {
    int fd;         /* the connection to answer on */
    char path[256]; /* from the slash on, query included */
    bool head;      /* HEAD: only the header is wanted */
};

/*
 * Answers a request. Returns 0 if the connection can serve another one, else a negative status: it
 * is to be closed.
 */
EDDY_AWAITS int answer(const struct request *r);

/* What the paths mean, for --help and for the path "/". */
extern const char paths_help[];

#endif
