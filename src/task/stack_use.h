/*
 * The use of stacks by the places where their tasks were made, reported at exit: EDDY_STACKS=1.
 */
#ifndef EDDYI_STACK_USE_H
#define EDDYI_STACK_USE_H

#include "eddy/task.h"

#include <stdbool.h>

/* EDDY_STACKS is set. Valid from the first loop with a task on. */
extern bool eddyi_stack_use_wanted;

/* Reads EDDY_STACKS, once. */
void eddyi_stack_use_init(void);

/* Notes how deep @t went, which is about to end. */
EDDY_COLD void eddyi_stack_use_note(const eddy_task *t);

#endif
