/* The options that all commands of the examples have: --help and --version. */
#ifndef COMMAND_H
#define COMMAND_H

#include <eddy.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Prints @help if the first argument is --help, and the version if it is --version. Returns whether
 * it was one of the two; the command then has nothing more to do.
 */
static inline bool command_is_answered(int argc, char **argv, const char *help)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) >= 0;
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return printf("%s, an example of eddy %s\n", program_invocation_short_name,
                      eddy_version()) >= 0;
    return false;
}

/*
 * Prints the usage, the lines of @help up to the first empty one, to standard error. Returns 2, the
 * exit status of a command that was called in a wrong way.
 */
static inline int command_refuse(const char *help)
{
    fprintf(stderr, "%.*s\n", (int)(strstr(help, "\n\n") - help), help);
    return 2;
}

#endif
