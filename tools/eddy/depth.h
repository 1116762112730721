/*
 * The depths of stacks: how far down the pages of each have been touched, as /proc/PID/pagemap says
 * (proc_pid_pagemap(5)). The process itself has no part in it.
 */
#ifndef EDDY_TOOL_DEPTH_H
#define EDDY_TOOL_DEPTH_H

#include "snapshot.h"

/* Sets the depth of each task of @s, a snapshot of process @pid, where it can be read. */
void measure_stacks(struct snapshot *s, int pid);

/* Measures the stacks of a process whose /proc/PID/pagemap is @pagemap. For tests. */
void measure_stacks_in(struct snapshot *s, int pagemap);

/* Writes the depth and size of the stack of @t: "104K/256K"; "-" if they are not known. */
void format_depth(const struct task *t, char *buf, size_t size);

#endif
