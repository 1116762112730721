/* The options of the command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "items.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_SOME_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    const char *output_dir; /* where the bodies go; NULL: they are counted and dropped */
    const char *cacert;     /* certificates to trust; NULL: the system's */
    double timeout;         /* seconds for one attempt, or EDDY_FOREVER */
    size_t parallel;        /* URLs at a time, >= 1 */
    unsigned retries;
    long max_redirects;
    bool insecure, quiet, json;
};

/*
 * Reads the command line, and the lists that it names, into @options and @items. Returns true to go
 * on; otherwise the program is over, *ret_exit is its exit code, and everything was printed.
 */
bool options_parse(int argc, char **argv, struct options *options, struct item_list *items,
                   int *ret_exit);

#endif
