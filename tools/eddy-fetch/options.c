/* The command line. */
#include "options.h"

#include <eddy/defs.h>
#include <eddy/version.h>

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_CACERT = 256, OPT_JSON, OPT_MAX_REDIRECTS };

static const struct option long_options[] = {
    {"parallel", required_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"retry", required_argument, NULL, 'r'},
    {"output", required_argument, NULL, 'o'},
    {"input", required_argument, NULL, 'i'},
    {"max-redirects", required_argument, NULL, OPT_MAX_REDIRECTS},
    {"cacert", required_argument, NULL, OPT_CACERT},
    {"insecure", no_argument, NULL, 'k'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: eddy-fetch [options] URL…\n"
    "\n"
    "Fetches http and https URLs side by side. A URL given as - stands for those on standard "
    "input.\n"
    "\n"
    "  -i, --input FILE         read more URLs from FILE, one on each line (- is standard input)\n"
    "  -j, --parallel N         fetch at most N at a time (8)\n"
    "  -t, --timeout SECONDS    give up an attempt after that time (never)\n"
    "  -r, --retry N            try N times more if a failure may pass (0)\n"
    "  -o, --output DIR         keep the bodies as files in DIR, named after the URLs;\n"
    "                           without it they are counted and thrown away\n"
    "      --max-redirects N    follow at most N redirects (20)\n"
    "      --cacert FILE        trust the certificates in FILE instead of the system's\n"
    "  -k, --insecure           do not check certificates\n"
    "  -q, --quiet              print nothing but errors\n"
    "      --json               print the results as JSON on standard output\n"
    "  -h, --help               print this\n"
    "  -V, --version            print the version\n"
    "\n"
    "Exit code: 0 all succeeded, 1 some failed, 2 wrong usage, 130 interrupted.\n";

static int usage_error(void)
{
    fputs("Try 'eddy-fetch --help'.\n", stderr);
    return EXIT_USAGE;
}

static int parse_count(const char *option, const char *text, long min, long max, long *ret)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max) {
        fprintf(stderr, "eddy-fetch: %s: not a number from %ld to %ld: %s\n", option, min, max,
                text);
        return -EINVAL;
    }
    *ret = value;
    return 0;
}

static int parse_seconds(const char *option, const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !isfinite(value) || value <= 0) {
        fprintf(stderr, "eddy-fetch: %s: not a positive number of seconds: %s\n", option, text);
        return -EINVAL;
    }
    *ret = value;
    return 0;
}

static int check_readable(const char *option, const char *path)
{
    if (access(path, R_OK) == 0)
        return 0;
    fprintf(stderr, "eddy-fetch: %s: %s: %s\n", option, path, strerror(errno));
    return -EINVAL;
}

static int add_url(struct item_list *items, const char *url)
{
    int status;

    if (strcmp(url, "-") == 0)
        return item_list_read(items, "-");
    status = item_list_add(items, url);
    if (status < 0)
        item_tell_refused("", url, status);
    return status;
}

/* Parses one option, which takes a value or sets a flag. Returns -EINVAL after printing what is
 * wrong. */
static int parse_option(int option, struct options *o, struct item_list *items)
{
    long number = 0;
    int status = 0;

    switch (option) {
    case 'i':
        return item_list_read(items, optarg);
    case 'j':
        status = parse_count("--parallel", optarg, 1, 100000, &number);
        o->parallel = (size_t)number;
        return status;
    case 't':
        return parse_seconds("--timeout", optarg, &o->timeout);
    case 'r':
        status = parse_count("--retry", optarg, 0, 1000, &number);
        o->retries = (unsigned)number;
        return status;
    case OPT_MAX_REDIRECTS:
        return parse_count("--max-redirects", optarg, 0, 1000, &o->max_redirects);
    case 'o':
        o->output_dir = optarg;
        return 0;
    case OPT_CACERT:
        o->cacert = optarg;
        return check_readable("--cacert", optarg);
    case 'k':
        o->insecure = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    case OPT_JSON:
        o->json = true;
        return 0;
    default: /* getopt_long() has printed the error */
        return -EINVAL;
    }
}

bool options_parse(int argc, char **argv, struct options *o, struct item_list *items, int *ret_exit)
{
    int option;

    *o = (struct options){.timeout = EDDY_FOREVER, .parallel = 8, .max_redirects = 20};
    *ret_exit = EXIT_SUCCESS;
    while ((option = getopt_long(argc, argv, "i:j:t:r:o:kqhV", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return false;
        }
        if (option == 'V') {
            printf("eddy-fetch %s (%s)\n", eddy_version(), curl_version());
            return false;
        }
        if (parse_option(option, o, items) < 0) {
            *ret_exit = usage_error();
            return false;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (add_url(items, argv[i]) < 0) {
            *ret_exit = usage_error();
            return false;
        }
    }
    if (items->n == 0) {
        fputs("eddy-fetch: no URL given\n", stderr);
        *ret_exit = usage_error();
        return false;
    }
    return true;
}
