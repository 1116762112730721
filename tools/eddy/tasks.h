/*
 * The commands about tasks, as text on standard output.
 */
#ifndef EDDY_TOOL_TASKS_H
#define EDDY_TOOL_TASKS_H

#include "snapshot.h"

/* eddy ps: a line for each task. */
void print_table(const struct snapshot *s);

/* eddy pstree: below each task those that it waits for, and then the cycles. 0 or -ENOMEM. */
int print_tree(const struct snapshot *s, int pid);

/* What a loop does, in some words. */
void format_activity(const struct loop *l, char *buf, size_t size);

/* A line about each loop. */
void print_loops(const struct snapshot *s);

/* Who waits for a task, as names: "a, b (gather)". */
void format_waiters(const struct snapshot *s, size_t task, char *buf, size_t size);

#endif
