/*
 * A test program: selects the tests to run, and prints a line for each.
 *
 *     ok NAME
 *     ok NAME # skip REASON
 *     not ok NAME - FILE:LINE: MESSAGE       and then its output, each line after "# "
 */
#include "harness/harness.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test *tests, **last = &tests;

static struct options {
    const char *match;    /* run only tests whose names contain this text */
    const char *no_match; /* and of these none whose name contains this text */
    char **names;         /* or these, if there are any; NULL-terminated */
    bool list, not_virtual, only_virtual, here, torture;
    long repeat;
    struct torture how;
    struct fault_plan fail; /* nth 0: none */
} options = {.repeat = 1, .how = {.seed = 1}};

static const char usage[] =
    "usage: %s [options] [TEST…]\n"
    "  --list           print the names of the tests\n"
    "  --match TEXT     only tests whose names contain TEXT\n"
    "  --no-match TEXT  leave out tests whose names contain TEXT\n"
    "  --not-virtual    leave out what runs on the virtual clock alone\n"
    "  --only-virtual   leave out everything else\n"
    "  --repeat N       run each test N times, or until it fails\n"
    "  --here           run in this process, for a debugger\n"
    "  --torture        run each test with each call failing, once and for ever after\n"
    "  --limit N          at most N calls of each test\n"
    "  --per-site N       at most N of those made at the same place, after the same calls\n"
    "  --seed N           chooses which calls, and the errors\n"
    "  --fail N         run with call N failing once; N+: and all after it\n";

void test_register(struct test *t)
{
    *last = t;
    last = &t->next;
}

static void parse_fail(const char *text)
{
    char *end;

    options.fail.nth = strtoul(text, &end, 10);
    options.fail.ever_after = *end == '+';
}

static void parse(int argc, char **argv)
{
    enum {
        LIST = 256,
        MATCH,
        NO_MATCH,
        NOT_VIRTUAL,
        ONLY_VIRTUAL,
        REPEAT,
        HERE,
        TORTURE,
        LIMIT,
        PER_SITE,
        SEED,
        FAULT
    };
    static const struct option known[] = {
        {"list", no_argument, NULL, LIST},
        {"match", required_argument, NULL, MATCH},
        {"no-match", required_argument, NULL, NO_MATCH},
        {"not-virtual", no_argument, NULL, NOT_VIRTUAL},
        {"only-virtual", no_argument, NULL, ONLY_VIRTUAL},
        {"repeat", required_argument, NULL, REPEAT},
        {"here", no_argument, NULL, HERE},
        {"torture", no_argument, NULL, TORTURE},
        {"limit", required_argument, NULL, LIMIT},
        {"per-site", required_argument, NULL, PER_SITE},
        {"seed", required_argument, NULL, SEED},
        {"fail", required_argument, NULL, FAULT},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case LIST:
            options.list = true;
            break;
        case MATCH:
            options.match = optarg;
            break;
        case NO_MATCH:
            options.no_match = optarg;
            break;
        case NOT_VIRTUAL:
            options.not_virtual = true;
            break;
        case ONLY_VIRTUAL:
            options.only_virtual = true;
            break;
        case REPEAT:
            options.repeat = atol(optarg);
            break;
        case HERE:
            options.here = true;
            break;
        case TORTURE:
            options.torture = true;
            break;
        case LIMIT:
            options.how.limit = strtoul(optarg, NULL, 10);
            break;
        case PER_SITE:
            options.how.per_site = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case SEED:
            options.how.seed = options.fail.seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case FAULT:
            parse_fail(optarg);
            break;
        default:
            fprintf(stderr, usage, argv[0]);
            exit(2);
        }
    }
    options.names = argv + optind;
}

static bool wanted(const struct test *t)
{
    if (options.match && !strstr(t->name, options.match))
        return false;
    if (options.no_match && strstr(t->name, options.no_match))
        return false;
    if (options.not_virtual && t->kind == TEST_KIND_VIRTUAL)
        return false;
    if (options.only_virtual && t->kind != TEST_KIND_VIRTUAL)
        return false;
    if ((t->ordered && getenv("EDDY_SHUFFLE")) || (t->whole && getenv("EDDY_SHORT")))
        return false;
    if (!options.names[0])
        return true;
    for (char **name = options.names; *name; name++) {
        if (strcmp(*name, t->name) == 0)
            return true;
    }
    return false;
}

static enum verdict run_repeatedly(const struct test *t, char *message, size_t size)
{
    const struct fault_plan *plan = options.fail.nth ? &options.fail : NULL;
    enum verdict v = PASSED;

    for (long i = 0; i < options.repeat && v == PASSED; i++)
        v = options.torture ? torture_run(t, &options.how, message, size)
                            : child_run(t, plan, message, size);
    return v;
}

/* Runs a test. Returns true if it did not fail. */
static bool run(const struct test *t)
{
    char message[1000] = "";

    switch (run_repeatedly(t, message, sizeof message)) {
    case PASSED:
        printf("ok %s%s%s\n", t->name, *message ? " - " : "", message);
        break;
    case SKIPPED:
        printf("ok %s # skip %s\n", t->name, message);
        break;
    case FAILED:
        printf("not ok %s - %s\n", t->name, message);
        child_print_output();
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool all_ok = true, any = false;

    parse(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test *t = tests; t; t = t->next) {
        if (!wanted(t))
            continue;
        any = true;
        if (options.list)
            puts(t->name);
        else if (options.here)
            child_run_here(t, options.fail.nth ? &options.fail : NULL);
        else
            all_ok &= run(t);
    }
    if (!any && options.names[0]) {
        fprintf(stderr, "%s: no such test: %s\n", argv[0], options.names[0]);
        return 2;
    }
    return all_ok ? 0 : 1;
}
