/*
 * The standard input, output and error of a child.
 */
#ifndef EDDYI_STANDARD_H
#define EDDYI_STANDARD_H

#include "process/process.h"

struct eddyi_standard {
    int fds[3];   /* for struct eddyi_program */
    bool mine[3]; /* opened for the child, and therefore closed here */
};

/* Opens the descriptors that are asked for; this side's ends of pipes become the streams of @p.
 * Returns 0, or a raised error, and then nothing is open. */
int eddyi_standard_open(struct eddyi_standard *s, const eddy_subprocess_options *options,
                        eddy_process *p);

/* Closes the child's ends. */
void eddyi_standard_close(struct eddyi_standard *s);

#endif
