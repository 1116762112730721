/*
 * Who waits for whom: read off the hooks of futures, for reports.
 */
#ifndef EDDYI_WAIT_GRAPH_H
#define EDDYI_WAIT_GRAPH_H

#include "task/task.h"
#include "task/wait.h"

/* The tasks of a loop as the nodes of a graph; edge i says that task from[i] waits for task
 * to[i]. */
struct eddyi_wait_graph {
    size_t n, n_edges, room;
    eddy_task **tasks; /* in the order of their creation */
    size_t *from, *to;
    struct eddyi_numbered_task *by_address;
};

/* 0 or -ENOMEM. In any case _fini is to be called. */
int eddyi_wait_graph_init(struct eddyi_wait_graph *w, eddy_loop *loop);
void eddyi_wait_graph_fini(struct eddyi_wait_graph *w);

/*
 * Calls @each for the tasks that wait for @f: those that do so directly, then those that do by way
 * of futures that wait for it, each of which is looked at once. The first result < 0 ends that, and
 * is returned; else 0. Nothing may run meanwhile.
 */
int eddyi_waiters_each(const eddy_future *f, int (*each)(eddy_task *waiter, void *arg), void *arg);

/* The task's name, also where eddy_task_get_name() cannot be called: nothing is allocated. */
void eddyi_task_print_name(const eddy_task *t, char *buf, size_t size);

/* What a parked task waits for: "task 'b'", "a lock", "recv on descriptor 5". Nothing is
 * allocated. */
void eddyi_wait_print(const struct eddyi_wait *w, char *buf, size_t size);

#endif
