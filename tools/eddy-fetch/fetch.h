/* Fetches all URLs concurrently. */
#ifndef FETCH_H
#define FETCH_H

#include "items.h"
#include "options.h"

#include <eddy/coroutine.h>

/* A run of the program. */
struct job {
    const struct options *options;
    struct item_list *items;
    int output_dir; /* descriptor, or AT_FDCWD */
    int signal;     /* the signal that ended the run (SIGTERM, SIGHUP); 0: none */
    double seconds; /* the duration of the run */
};

/*
 * A coroutine that fetches all items. Its status is 0 even if items failed, and -ECANCELED after
 * Ctrl-C or job->signal; another negative status means that it could not try. Every item has its
 * state in any case.
 */
eddy_async_declare(fetch_all, (struct job *, job));

#endif
