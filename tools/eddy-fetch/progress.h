/*
 * The display on standard error while URLs are fetched: on a terminal, bars that are redrawn in
 * place; elsewhere, a line for each URL that has ended. Failures are printed in any case.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "items.h"

#include <eddy/loop.h>
#include <stdbool.h>

enum { MAX_BARS = 16 };

struct progress {
    enum { SHOW_FAILURES, SHOW_LINES, SHOW_BARS } mode;
    eddy_loop *loop;
    eddy_handle timer; /* of the next redrawing */
    size_t total, n_done, n_failed;
    uint64_t bytes; /* of the URLs that have ended */
    double started;

    const struct item **active; /* the URLs in progress, the oldest first; room for @parallel */
    size_t n_active;

    size_t drawn[MAX_BARS + 1]; /* the width of each line on the screen now */
    size_t n_drawn;
};

/* Prepares for @total URLs, at most @parallel at once, on the running loop. Returns 0 or
 * -ENOMEM. */
int progress_init(struct progress *p, size_t total, size_t refused, size_t parallel, bool quiet);

/* Note that a URL has begun, or has ended in any way. */
void progress_begin(struct progress *p, const struct item *item);
void progress_end(struct progress *p, const struct item *item);

/* Removes the bars. */
void progress_fini(struct progress *p);

#endif
