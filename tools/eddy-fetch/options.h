/* What the command line asks for. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "items.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_SOME_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    const char *output_dir; /* where the bodies go; NULL: they are counted and thrown away */
    const char *cacert;     /* certificates to trust; NULL: the system's */
    double timeout;         /* seconds for one attempt, or EDDY_FOREVER */
    size_t parallel;        /* how many URLs at a time, >= 1 */
    unsigned retries;
    long max_redirects;
    bool insecure, quiet, json;
};

/*
 * Reads the command line, and the lists it names, into @options and @items. Returns true to go on;
 * else the program is over and *ret_exit its exit code (everything there is to say was printed).
 */
bool options_parse(int argc, char **argv, struct options *options, struct item_list *items,
                   int *ret_exit);

#endif
