/* All URLs, side by side. */
#ifndef FETCH_H
#define FETCH_H

#include "items.h"
#include "options.h"

#include <eddy/coroutine.h>

/* A run of the program. */
struct job {
    const struct options *options;
    struct item_list *items;
    int output_dir; /* descriptor; -1: bodies are not kept */
    int signal;     /* that ended the run (SIGTERM, SIGHUP); 0: none */
    double seconds; /* how long it took */
};

/*
 * A coroutine that fetches all items. Its status says whether that could be tried: 0 even if items
 * failed, -ECANCELED after Ctrl-C or job->signal. Every item has its state in any case.
 */
eddy_async_declare(fetch_all, (struct job *, job));

#endif
