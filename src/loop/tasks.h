/*
 * The members of a loop that belong to task/. They are embedded in the loop, and so declared here,
 * because each switch between tasks reads and writes them; loop/ calls the hooks.
 */
#ifndef EDDYI_LOOP_TASKS_H
#define EDDYI_LOOP_TASKS_H

#include "base/list.h"
#include "eddy/loop.h"
#include "eddy/task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eddyi_ready;
struct eddyi_task_pool;

/* The calls of a loop into task/. */
struct eddyi_task_hooks {
    /* Reports and frees the tasks, coroutines and pending futures of a loop that is closing. */
    void (*close)(eddy_loop *loop);
    /* Gives the memory for tasks up, when the loop is closed; tasks that are referred to stay. */
    void (*close_memory)(struct eddyi_task_pool *pool);
    /* Frees the items of task/ on @list, which will not run. */
    void (*drop)(struct eddyi_list *list);
    /* Names a ready item, for the slow-callback report. */
    void (*describe_ready)(struct eddyi_ready *r, char *buf, size_t size);
    /* Raises -EDEADLK, with the graph of waiting tasks as the message. */
    int (*explain_deadlock)(eddy_loop *loop);
};

/* Writes ": task 'name': coroutine 'name'" to @buf, for those of the two that @context has. */
typedef void eddyi_print_names_fn(const eddy_exception_context *context, char *buf, size_t size);

/* Set by task/ before there is any task or coroutine; NULL before. */
extern _Atomic(eddyi_print_names_fn *) eddyi_print_names_hook;

enum { EDDYI_SCOPE_ROWS = 256 };

struct eddyi_kept;

struct eddyi_loop_tasks {
    bool cancel_circled; /* the present request to cancel came back to a task that it had passed */
    unsigned cancel_round; /* changes when a future ends, or a request is answered */
    eddy_task *current;    /* the task whose step runs; NULL in plain callbacks */
    /* a task that has ended is about to leave its stack: no task may start from there */
    bool leaving;
    struct eddyi_list all;        /* tasks that have not ended, in order of creation */
    struct eddyi_list coroutines; /* made while the loop ran, not consumed yet */
    struct eddyi_list pending;    /* futures that hold a reference to themselves: see future.h */
    struct eddyi_kept *kept;      /* awaitables that were freed: see task/gone.c; NULL: none yet */
    bool keeps;                   /* keeps them outside of debug mode as well */
    struct eddyi_list failed;     /* debug mode: tasks that failed, and were not freed */
    uint16_t gathers;             /* number of the latest gather, from 1 on; wraps around to 1 */
    /* scopes that were entered and not left, by address */
    struct eddyi_scope *scopes[EDDYI_SCOPE_ROWS];
    struct eddyi_stack_pool *stacks;
    struct eddyi_task_pool *memory; /* of the tasks themselves */
    size_t stack_size;
    eddy_task_factory *factory;
    void *factory_arg;
    const struct eddyi_task_hooks *hooks; /* NULL until the first task or coroutine */
};

#endif
