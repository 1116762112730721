/*
 * The graph of waits between tasks, read from the hooks of futures, for reports.
 */
#ifndef EDDYI_WAIT_GRAPH_H
#define EDDYI_WAIT_GRAPH_H

#include "task/task.h"
#include "task/wait.h"

/* The tasks of a loop as the nodes of a graph; edge i means that task from[i] waits for task
 * to[i]. */
struct eddyi_wait_graph {
    size_t n, n_edges, room;
    eddy_task **tasks; /* in the order of their creation */
    size_t *from, *to;
    struct eddyi_numbered_task *by_address;
};

/* Builds the graph. Returns 0 or -ENOMEM; in either case eddyi_wait_graph_fini() must be called. */
int eddyi_wait_graph_init(struct eddyi_wait_graph *w, eddy_loop *loop);
void eddyi_wait_graph_fini(struct eddyi_wait_graph *w);

/*
 * Calls @each for the tasks that wait for @f: first those that wait directly, then those that wait
 * through other futures, each of which is visited once. The first result < 0 ends the iteration and
 * is returned; otherwise returns 0. No other code may run meanwhile.
 */
int eddyi_waiters_each(const eddy_future *f, int (*each)(eddy_task *waiter, void *arg), void *arg);

/* Prints the task's name. Does not allocate, unlike eddy_task_get_name(). */
void eddyi_task_print_name(const eddy_task *t, char *buf, size_t size);

/* Prints the object of a wait: "task 'b'", "a lock", "recv on descriptor 5". Does not allocate. */
void eddyi_wait_print(const struct eddyi_wait *w, char *buf, size_t size);

#endif
