/*
 * The loops and tasks of another process, as they were when they were read.
 *
 * The process goes on meanwhile, so the data may not fit together. Then they are read again, a few
 * times; doubtful data are left out, and `torn` says so.
 */
#ifndef EDDY_TOOL_SNAPSHOT_H
#define EDDY_TOOL_SNAPSHOT_H

#include "locate.h"

enum task_state { TASK_RUNNING, TASK_READY, TASK_NEW, TASK_WAITING, TASK_STATES };

struct loop {
    uint64_t address;
    unsigned number;
    int tid; /* 0: has never run */
    bool running;
    bool asleep; /* waits in the kernel */
    uint64_t turns;
    uint64_t timers;
    double clock; /* seconds, now */
    double
        read_at; /* seconds; when the loop last read the clock, shortly before its present turn */
    char backend[24];
    char backend_reason[160];
    size_t n_tasks;
};

struct task {
    uint64_t address;
    size_t loop; /* index */
    enum task_state state;
    int cancelling;
    bool has_since;
    double since; /* how long it has been waiting, in seconds */
    char name[64];
    char where[80];
    char coroutines[160]; /* "main > fetch > wait_for": the outermost first */
    char waits_for[96];   /* "a lock"; for a task or gather the edges say more */
    uint64_t stack_limit; /* lowest byte of its stack */
    uint64_t stack_top;   /* where its stack begins; 0: not known */
    bool has_depth;       /* set by measure_stacks(), as the next */
    uint64_t depth;       /* how many bytes of the stack have been touched, in whole pages */
    uint64_t awaits;      /* the task that it awaits directly; 0: none */
    /* the task that holds the lock it waits for, unless that task has ended; 0: none */
    uint64_t holder;
};

/* Task @from waits for task @to: directly if @by is "", else through a "gather" or the like. Both
 * are indices. */
struct edge {
    size_t from, to;
    char by[16];
};

/* An index of the tasks by address, sorted; the tasks themselves are in the order of creation, by
 * loop. */
struct indexed_task {
    uint64_t address;
    size_t index;
};

struct snapshot {
    struct loop *loops;
    size_t n_loops, loops_room;
    struct task *tasks;
    size_t n_tasks, tasks_room;
    struct edge *edges;
    size_t n_edges, edges_room;
    struct indexed_task *by_address;
    char library[16]; /* the version of eddy */
    bool torn;
};

/* The number of tasks that are shown of a larger process; a million take about a gigabyte. Tests
 * lower it. */
extern size_t snapshot_most_tasks;

/* Takes a snapshot. Returns 0 or -ENOMEM. A process that disappears meanwhile has an empty
 * snapshot. */
int snapshot_take(struct snapshot *s, struct memory *m, const struct block *blocks, int n_blocks);
void snapshot_free(struct snapshot *s);

const char *task_state_name(enum task_state state);

/* Returns the index of the first edge that leads to a task; all such edges are adjacent. */
size_t snapshot_first_edge(const struct snapshot *s, size_t task);

/* Returns the index of the task at an address; -1: not in the snapshot. */
long snapshot_find(const struct snapshot *s, uint64_t address);

#endif
