/*
 * The commands of eddy; each returns the exit code.
 */
#ifndef EDDY_TOOL_COMMANDS_H
#define EDDY_TOOL_COMMANDS_H

#include <stdbool.h>

struct options {
    const char *pid; /* NULL: none was given */
    bool once;       /* top: one picture, without a terminal */
    double delay;    /* top: between two pictures, in seconds */
};

int command_ps(const struct options *o);
int command_pstree(const struct options *o);
int command_top(const struct options *o);
int command_info(const struct options *o);

#endif
