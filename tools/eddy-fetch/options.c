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

enum {
    OPT_CACERT = 256,
    OPT_CONNECT_TIMEOUT,
    OPT_JSON,
    OPT_LIMIT_RATE,
    OPT_MAX_REDIRECTS,
    OPT_NDJSON,
    OPT_PER_HOST
};

static const struct option long_options[] = {
    {"parallel", required_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"retry", required_argument, NULL, 'r'},
    {"output", required_argument, NULL, 'o'},
    {"remote-name", no_argument, NULL, 'O'},
    {"output-dir", required_argument, NULL, 'P'},
    {"continue", no_argument, NULL, 'c'},
    {"continue-at", required_argument, NULL, 'C'},
    {"header", required_argument, NULL, 'H'},
    {"user-agent", required_argument, NULL, 'A'},
    {"user", required_argument, NULL, 'u'},
    {"request", required_argument, NULL, 'X'},
    {"data", required_argument, NULL, 'd'},
    {"head", no_argument, NULL, 'I'},
    {"per-host", required_argument, NULL, OPT_PER_HOST},
    {"limit-rate", required_argument, NULL, OPT_LIMIT_RATE},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"input", required_argument, NULL, 'i'},
    {"max-redirects", required_argument, NULL, OPT_MAX_REDIRECTS},
    {"cacert", required_argument, NULL, OPT_CACERT},
    {"insecure", no_argument, NULL, 'k'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPT_JSON},
    {"ndjson", no_argument, NULL, OPT_NDJSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: eddy-fetch [options] URL…\n"
    "\n"
    "Fetches http and https URLs side by side. A URL given as - stands for those on standard "
    "input.\n"
    "Without -o, -O or -P the bodies are counted and thrown away.\n"
    "\n"
    "  -i, --input FILE             read more URLs from FILE, one on each line (-: standard "
    "input)\n"
    "  -O, --remote-name            keep the bodies as files, named after the URLs\n"
    "  -P, --output-dir DIR         keep them in DIR (implies -O, except for URLs with -o)\n"
    "  -o, --output FILE            keep the body of the first URL as FILE (-: standard output);\n"
    "                               a second -o is for the second URL, and so on\n"
    "  -c, --continue               continue files that exist\n"
    "  -C, --continue-at -          the same, as curl has it\n"
    "\n"
    "  -j, --parallel N             fetch at most N at a time (8)\n"
    "      --per-host N             fetch at most N at a time from one host and port\n"
    "      --limit-rate RATE        receive at most RATE bytes per second in each transfer\n"
    "                               (10k, 2M, 1G: units of 1024)\n"
    "  -t, --timeout SECONDS        give up an attempt after that time (never)\n"
    "      --connect-timeout SECONDS  give up connecting after that time (300)\n"
    "  -r, --retry N                try N times more if a failure may pass (0)\n"
    "\n"
    "  -I, --head                   ask for the headers only; they are what is kept, or else\n"
    "                               printed\n"
    "  -X, --request METHOD         send this method instead of GET, HEAD or POST\n"
    "  -d, --data DATA              send DATA, as POST; @FILE: the contents of a file\n"
    "  -H, --header 'NAME: VALUE'   send this header\n"
    "  -A, --user-agent NAME        send this User-Agent\n"
    "  -u, --user NAME:PASSWORD     log in with HTTP's basic authentication\n"
    "      --max-redirects N        follow at most N redirects (20)\n"
    "      --cacert FILE            trust the certificates in FILE instead of the system's\n"
    "  -k, --insecure               do not check certificates\n"
    "\n"
    "  -q, --quiet                  print nothing but errors\n"
    "      --json                   print the results as JSON on standard output, at the end\n"
    "      --ndjson                 print each result when it comes, as a line of JSON\n"
    "  -h, --help                   print this\n"
    "  -V, --version                print the version\n"
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

/* Parses a number of bytes with an optional unit, of 1024. */
static int parse_rate(const char *option, const char *text, uint64_t *ret)
{
    static const char units[] = "kKmMgG";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;

    if (unit) {
        value *= exp2(10 * ((unit - units) / 2 + 1));
        end++;
    }
    if (end == text || *end || !(value >= 1 && value < 0x1p62)) {
        fprintf(stderr, "eddy-fetch: %s: not a number of bytes per second: %s\n", option, text);
        return -EINVAL;
    }
    *ret = (uint64_t)value;
    return 0;
}

static int add_output(struct options *o, char *name)
{
    char **outputs = realloc(o->outputs, (o->n_outputs + 1) * sizeof *outputs);

    if (!outputs || !*name) {
        fprintf(stderr, "eddy-fetch: --output: %s\n", outputs ? "an empty name" : "out of memory");
        o->outputs = outputs ? outputs : o->outputs;
        return -EINVAL;
    }
    o->outputs = outputs;
    outputs[o->n_outputs++] = name;
    return 0;
}

/* -C of curl takes an offset. */
static int parse_continue_at(const char *text)
{
    if (strcmp(text, "-") == 0)
        return 0;
    fprintf(stderr, "eddy-fetch: --continue-at: not -, for the size of the file: %s\n", text);
    return -EINVAL;
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

/* Parses an option about the requests. Returns 1 if it is none. */
static int parse_request_option(int option, struct request *r)
{
    switch (option) {
    case 'A':
        r->agent = optarg;
        return 0;
    case 'd':
        return request_add_data(r, optarg);
    case 'H':
        return request_add_header(r, optarg);
    case 'I':
        r->head = true;
        return 0;
    case 'u':
        return request_set_user(r, optarg);
    case 'X':
        r->method = optarg;
        return 0;
    default:
        return 1;
    }
}

/* Parses an option about where the bodies go. Returns 1 if it is none. */
static int parse_output_option(int option, struct options *o)
{
    switch (option) {
    case 'C':
        o->resume = true;
        return parse_continue_at(optarg);
    case 'c':
        o->resume = true;
        return 0;
    case 'O':
        o->remote_names = true;
        return 0;
    case 'o':
        return add_output(o, optarg);
    case 'P':
        o->remote_names = true;
        o->output_dir = optarg;
        return 0;
    default:
        return 1;
    }
}

/* Parses one option, which takes a value or sets a flag. Returns a negative status after printing
 * what is wrong. */
static int parse_option(int option, struct options *o, struct item_list *items)
{
    long number = 0;
    int status = parse_request_option(option, &o->request);

    if (status > 0)
        status = parse_output_option(option, o);
    if (status <= 0)
        return status;
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
    case OPT_PER_HOST:
        status = parse_count("--per-host", optarg, 1, 100000, &number);
        o->per_host = (size_t)number;
        return status;
    case OPT_LIMIT_RATE:
        return parse_rate("--limit-rate", optarg, &o->rate);
    case OPT_CONNECT_TIMEOUT:
        return parse_seconds("--connect-timeout", optarg, &o->connect_timeout);
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
    case OPT_NDJSON:
        o->lines = true;
        return 0;
    default: /* getopt_long() has printed the error */
        return -EINVAL;
    }
}

/* Gives the items their outputs. Headers without a file are printed. */
static int name_outputs(const struct options *o, struct item_list *items)
{
    bool print = o->request.head && !o->remote_names;

    for (size_t i = 0; i < (print ? items->n : o->n_outputs); i++) {
        items->items[i].file = strdup(i < o->n_outputs ? o->outputs[i] : "-");
        if (!items->items[i].file) {
            fputs("eddy-fetch: out of memory\n", stderr);
            return -ENOMEM;
        }
    }
    return 0;
}

/* Checks what only all options together show. */
static int check(struct options *o, struct item_list *items)
{
    const char *wrong = NULL;

    if (o->request.head && !o->remote_names && o->n_outputs < items->n)
        o->to_stdout = items->n - o->n_outputs;
    for (size_t i = 0; i < o->n_outputs; i++)
        o->to_stdout += strcmp(o->outputs[i], "-") == 0;
    if (items->n == 0)
        wrong = "no URL given";
    else if (o->n_outputs > items->n)
        wrong = "more outputs (-o) than URLs";
    else if (o->request.head && o->request.data)
        wrong = "--head and --data exclude each other";
    else if (o->json && o->lines)
        wrong = "--json and --ndjson exclude each other";
    else if ((o->json || o->lines) && o->to_stdout)
        wrong = "the bodies and the results cannot both go to standard output";
    if (wrong) {
        fprintf(stderr, "eddy-fetch: %s\n", wrong);
        return -EINVAL;
    }
    if (o->to_stdout > 1)
        o->parallel = 1; /* one after the other, in order */
    return name_outputs(o, items);
}

bool options_parse(int argc, char **argv, struct options *o, struct item_list *items, int *ret_exit)
{
    static const char letters[] = "A:C:cd:H:hIi:j:kOo:P:qr:t:u:VX:";
    int option;

    *o = (struct options){.timeout = EDDY_FOREVER, .parallel = 8, .max_redirects = 20};
    *ret_exit = EXIT_SUCCESS;
    while ((option = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
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
    if (check(o, items) < 0) {
        *ret_exit = usage_error();
        return false;
    }
    return true;
}

void options_free(struct options *o)
{
    request_free(&o->request);
    free(o->outputs);
    o->outputs = NULL;
}
