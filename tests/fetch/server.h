/*
 * A server on the loop of the test itself, for what the adapter has to survive.
 *
 *     /hello      "hello"
 *     /cut        closes in the middle of a body
 *     /close      closes without an answer
 *     /never      does not answer
 */
#ifndef SERVER_H
#define SERVER_H

#include "eddy.h"

struct server {
    int fd;
    eddy_task *task;
    char url[64]; /* without a slash at its end */
};

/* Returns 0 or a negative status; then there is nothing to stop. */
int server_start(struct server *s);
EDDY_AWAITS void server_stop(struct server *s);

#endif
