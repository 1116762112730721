/*
 * A process that is looked at, from the command's argument to its snapshot.
 */
#ifndef EDDY_TOOL_TARGET_H
#define EDDY_TOOL_TARGET_H

#include "snapshot.h"

struct target {
    int pid;
    struct memory memory;
    struct block blocks[MAX_BLOCKS];
    int n_blocks;
};

/* Both say on standard error what is wrong, and return false. */
bool target_open(struct target *t, const char *pid);
bool target_snapshot(struct target *t, struct snapshot *ret);

/* The program's name, as ps shows it. */
void target_command(const struct target *t, char *buf, size_t size);

#endif
