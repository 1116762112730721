/*
 * eddy: looks at programs that use eddy from outside, also at one that hangs.
 */
#include "commands.h"
#include "depth.h"
#include "eddy/version.h"
#include "target.h"
#include "tasks.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: eddy ps PID        the tasks of a process: state, what each waits for, who waits for "
    "it, stack\n"
    "       eddy pstree PID    the same as a tree: below each task those that it waits for, and "
    "cycles\n"
    "       eddy top PID       the tasks, again and again; q ends it\n"
    "         --once             one picture\n"
    "         -d SECONDS         between two pictures (1)\n"
    "       eddy info [PID]    what eddy is and can do here, or in that process\n"
    "       eddy --help | --version\n"
    "\n"
    "The process need not help, and is not stopped: it may hang, or be stopped itself. Reading it "
    "takes the "
    "same\n"
    "rights as debugging it.\n";

static struct target target; /* large, because it keeps the pages read */

static int with_snapshot(const struct options *o, int (*print)(struct snapshot *s))
{
    struct snapshot s;
    int rc;

    if (!target_open(&target, o->pid) || !target_snapshot(&target, &s))
        return 1;
    rc = print(&s);
    snapshot_free(&s);
    if (rc < 0)
        fprintf(stderr, "eddy: %s\n", strerror(-rc));
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "eddy: the output cannot be written: %s\n", strerror(errno));
        return 1;
    }
    return rc < 0;
}

static int print_ps(struct snapshot *s)
{
    measure_stacks(s, target.pid);
    print_table(s);
    return 0;
}

static int print_pstree(struct snapshot *s)
{
    return print_tree(s, target.pid);
}

int command_ps(const struct options *o)
{
    return with_snapshot(o, print_ps);
}

int command_pstree(const struct options *o)
{
    return with_snapshot(o, print_pstree);
}

static const struct command {
    const char *name;
    int (*run)(const struct options *o);
    bool needs_pid;
} commands[] = {
    {"ps", command_ps, true},
    {"pstree", command_pstree, true},
    {"top", command_top, true},
    {"info", command_info, false},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int wrong(const char *fmt, const char *what)
{
    fprintf(stderr, fmt, what);
    fprintf(stderr, "\nTry 'eddy --help'.\n");
    return 2;
}

static bool parse_delay(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return *text && !*end && *ret >= 0.05 && *ret <= 86400;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"once", no_argument, NULL, 'o'},
        {"delay", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.delay = 1};
    const struct command *command;
    int c;

    while ((c = getopt_long(argc, argv, "hVd:", known, NULL)) != -1) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            printf("eddy %s\n", EDDY_VERSION);
            return 0;
        case 'o':
            options.once = true;
            break;
        case 'd':
            if (!parse_delay(optarg, &options.delay))
                return wrong("eddy: '%s' is no number of seconds from 0.05 to 86400", optarg);
            break;
        default:
            return wrong("%s", "");
        }
    }
    if (optind == argc)
        return wrong("%s", "eddy: which command?");
    command = find_command(argv[optind]);
    if (!command)
        return wrong("eddy: there is no command '%s'", argv[optind]);
    options.pid = argv[optind + 1];
    if (command->needs_pid && !options.pid)
        return wrong("eddy %s: which process? Its number is missing", command->name);
    if (options.pid && argv[optind + 2])
        return wrong("eddy: '%s' is one argument too many", argv[optind + 2]);
    return command->run(&options);
}
