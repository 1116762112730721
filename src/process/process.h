/*
 * Subprocesses.
 *
 * From the start of its child until the child's end has been noticed, a process is in its loop's
 * list, and watched: by a poll of the child's pidfd, or, where the kernel gives none, by a thread
 * that only waits. When the watch fires, the child is waited for. Only that releases the child's
 * pid, so until then signals by pid are safe as well.
 *
 * A process is freed when its user has given it back, the child has ended, and no backend operation
 * and no queued item refers to it.
 */
#ifndef EDDYI_PROCESS_H
#define EDDYI_PROCESS_H

#include "eddy/subprocess.h"
#include "eddy/sync.h"
#include "io/io.h"

#include <pthread.h>

/* The output that communicate has read; kept for a further call. */
struct eddyi_output {
    eddy_reader *reader; /* NULL: it is no pipe */
    const char *bytes;   /* in the reader; NULL: not all of it was read */
    size_t n;
};

struct eddy_process {
    eddy_loop *loop;        /* held */
    struct eddyi_list link; /* in the loop's list, while EDDY_RUNNING */
    long pid;
    int pidfd; /* -1: none, or no longer */
    int returncode;
    bool has_group;
    bool given_back;
    eddy_wait_queue ended; /* the tasks that wait for the end */
    /* queued at the end of the child, also when the loop closes; NULL: not asked for */
    struct eddyi_ready *exited;

    struct eddyi_io_op poll; /* of the pidfd */
    pthread_t thread;        /* waits instead of the poll */
    bool has_thread;         /* the thread was not joined yet */
    bool posted;             /* the thread has posted `returned`; read once the thread was joined */
    /* the thread was joined when the loop closed, and `returned` is still to run */
    bool return_pending;
    struct eddyi_ready returned; /* joins the thread */

    eddy_writer *input;
    size_t n_sent; /* the bytes of its input that communicate has sent */
    struct eddyi_output out, err;
};

/* Takes this side's ends of the pipes to a child's standard descriptors. */
struct eddyi_process_pipes {
    /* Takes the end @fd of the pipe of descriptor @which, and owns it on success. Returns 0 or
     * raises an error. */
    int (*attach)(void *arg, int which, int fd);
    void *arg;
};

/*
 * Starts a program as create_subprocess_exec() does; with @shell, as create_subprocess_shell(). The
 * ends of its pipes go to @pipes; NULL: they become the streams of the process. The caller owns
 * *ret_process of the options. Returns 0 or raises an error.
 */
EDDY_AWAITS int eddyi_process_create(const eddy_subprocess_options *options, bool shell,
                                     const struct eddyi_process_pipes *pipes);

/* Returns the children of a loop, creating the list at the first use. NULL when memory is short. */
struct eddyi_processes *eddyi_processes_of(eddy_loop *loop);
void eddyi_process_add(struct eddyi_processes *all, eddy_process *p);

/* Checks whether the child has ended, and if so wakes all waiters; only while EDDY_RUNNING, and not
 * while a thread waits. */
void eddyi_process_look(eddy_process *p);

/* Closes the pidfd and frees @p, each as soon as it is possible. */
void eddyi_process_settle(eddy_process *p);

/* Watches for the end of the child. Returns 0, also if it watches already, or -errno if it does
 * not. */
int eddyi_process_watch(eddy_process *p);
/* Ends the watch. If a thread waits, it is joined: the child must have ended, and not been waited
 * for. */
void eddyi_process_unwatch(eddy_process *p);
void eddyi_process_init_watch(eddy_process *p);

#endif
