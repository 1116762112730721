/*
 * The commands about tasks, as text on standard output.
 */
#ifndef EDDY_TOOL_TASKS_H
#define EDDY_TOOL_TASKS_H

#include "snapshot.h"

/* Prints a line for each task (eddy ps). */
void print_table(const struct snapshot *s);

/* Prints below each task the tasks that it waits for, and then the cycles (eddy pstree). Returns 0
 * or -ENOMEM. */
int print_tree(const struct snapshot *s, int pid);

/* Writes in some words what a loop does. */
void format_activity(const struct loop *l, char *buf, size_t size);

/* Prints a line about each loop. */
void print_loops(const struct snapshot *s);

/* Writes the names of the tasks that wait for a task: "a, b (gather)". */
void format_waiters(const struct snapshot *s, size_t task, char *buf, size_t size);

#endif
