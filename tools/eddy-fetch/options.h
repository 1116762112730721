/* The options of the command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "items.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_SOME_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    struct request request;
    const char *output_dir; /* where the files go; NULL: the current directory */
    char **outputs; /* for the first URLs, in order; the caller of options_parse() frees it */
    size_t n_outputs;
    size_t to_stdout;       /* so many URLs */
    bool remote_names;      /* a file for each other URL; else their bodies are dropped */
    bool resume;            /* files that exist are continued */
    const char *cacert;     /* certificates to trust; NULL: the system's */
    double timeout;         /* seconds for one attempt, or EDDY_FOREVER */
    double connect_timeout; /* seconds for connecting; 0: libcurl's */
    size_t parallel;        /* URLs at a time, >= 1 */
    size_t per_host;        /* of one host; 0: any number */
    uint64_t rate;          /* bytes per second for one transfer; 0: any number */
    unsigned retries;
    long max_redirects;
    bool insecure, quiet;
    bool json, lines; /* the results as one document; as a line for each */
};

/*
 * Reads the command line, and the lists that it names, into @options and @items. Returns true to go
 * on; otherwise the program is over, *ret_exit is its exit code, and everything was printed.
 */
bool options_parse(int argc, char **argv, struct options *options, struct item_list *items,
                   int *ret_exit);

void options_free(struct options *options);

#endif
