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

/* Opens the descriptors that are asked for; this side's ends of pipes go to @pipes. Returns 0, or a
 * raised error, and then no descriptor is open but those that @pipes has taken. */
int eddyi_standard_open(struct eddyi_standard *s, const eddy_subprocess_options *options,
                        const struct eddyi_process_pipes *pipes);

/* Closes the child's ends. */
void eddyi_standard_close(struct eddyi_standard *s);

#endif
