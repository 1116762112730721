/*
 * Subprocesses inside.
 *
 * From the start of its child until the end of that has been noticed a process is in its loop's
 * list, and watched: by a poll of the child's pidfd, or, where the kernel gives none, by a thread
 * that does nothing but wait. When the watch strikes, the child is waited for: only that takes its
 * number away from it, so until then signals by number are safe as well.
 *
 * It is freed when its user has given it back, the child has ended, and neither backend nor ready
 * queue has anything of it.
 */
#ifndef EDDYI_PROCESS_H
#define EDDYI_PROCESS_H

#include "eddy/subprocess.h"
#include "eddy/sync.h"
#include "io/io.h"

#include <pthread.h>

/* What communicate has read of an output; kept for a further call. */
struct eddyi_output {
    eddy_reader *reader; /* NULL: it is no pipe */
    const char *bytes;   /* in the reader; NULL: not all of it was read */
    size_t n;
};

struct eddy_process {
    eddy_loop *loop;        /* held */
    struct eddyi_list link; /* among those of the loop, while EDDY_RUNNING */
    long pid;
    int pidfd; /* -1: none, or no more */
    int returncode;
    bool has_group;
    bool given_back;
    eddy_wait_queue ended; /* the tasks that wait for that */
    /* queued at its end, also where the loop closes; NULL: nobody asked */
    struct eddyi_ready *exited;

    struct eddyi_io_op poll; /* of the pidfd */
    pthread_t thread;        /* that waits instead */
    bool has_thread;         /* it was not joined yet */
    bool posted;             /* by the thread, `returned` was; read once it was joined */
    /* it was joined when the loop closed, and `returned` is still to run */
    bool due;
    struct eddyi_ready returned; /* joins the thread */

    eddy_writer *input;
    size_t n_sent; /* what communicate has sent of its input */
    struct eddyi_output out, err;
};

/* The loop's; made at the first use. NULL when memory is short. */
struct eddyi_processes *eddyi_processes_of(eddy_loop *loop);
void eddyi_process_add(struct eddyi_processes *all, eddy_process *p);

/* Looks whether the child has ended, and if so tells all; only while EDDY_RUNNING, and not while a
 * thread waits. */
void eddyi_process_look(eddy_process *p);

/* Frees it, if the time has come; closes the pidfd, if that time has. */
void eddyi_process_settle(eddy_process *p);

/* Watches for the end. 0 also if it does so already; -errno: it does not. */
int eddyi_process_watch(eddy_process *p);
/* The watch is of no use any more. The thread is joined: the child must have ended, and not been
 * waited for. */
void eddyi_process_unwatch(eddy_process *p);
void eddyi_process_init_watch(eddy_process *p);

#endif
