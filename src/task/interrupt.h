/*
 * Ctrl-C for a running program: the first cancels the main task, the second ends the process.
 */
#ifndef EDDYI_INTERRUPT_H
#define EDDYI_INTERRUPT_H

#include "eddy/defs.h"

#include <signal.h>

/* In the storage of whoever runs the loop. */
struct eddyi_interrupt {
    eddy_task *task;         /* NULL: SIGINT is left alone */
    struct sigaction before; /* to be put back */
    volatile sig_atomic_t count;
};

/*
 * Takes SIGINT for @task until _end. Only in the main thread, only if nobody else handles or ignores it, and
 * for one run at a time; otherwise, and for NULL, it does nothing.
 */
void eddyi_interrupt_begin(struct eddyi_interrupt *interrupt, eddy_task *task);
void eddyi_interrupt_end(struct eddyi_interrupt *interrupt);

#endif
