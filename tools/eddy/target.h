/*
 * The process to look at, from the command's argument to its snapshot.
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

/* Open the process, and take a snapshot. Both print an error to standard error and return false. */
bool target_open(struct target *t, const char *pid);
bool target_snapshot(struct target *t, struct snapshot *ret);

/* Writes the program's name, as ps shows it. */
void target_command(const struct target *t, char *buf, size_t size);

#endif
