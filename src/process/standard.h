/*
 * What a child gets as its standard input, output and error.
 */
#ifndef EDDYI_STANDARD_H
#define EDDYI_STANDARD_H

#include "process/process.h"

struct eddyi_standard {
    int fds[3];   /* for struct eddyi_program */
    bool mine[3]; /* opened for the child, so to be closed here */
};

/* Opens what is asked for; this side's ends of pipes become the streams of @p. 0, or a raised error
 * and nothing is open. */
int eddyi_standard_open(struct eddyi_standard *s, const eddy_subprocess_options *options,
                        eddy_process *p);

/* Closes the child's ends. */
void eddyi_standard_close(struct eddyi_standard *s);

#endif
