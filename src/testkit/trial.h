/*
 * Trials: runs of a scenario, each with one accident, and the rules that every run must keep.
 *
 *   trials.c   all runs of a scenario: the backends, the choice of runs, the report
 *   trial.c    one run, from its loop to its verdict
 *   tasks.c    the suspensions of tasks, and the moment of the accident
 *   wrap.c     a timeout around each task
 *   leaks.c    descriptors and memory that a run must not leave behind
 */
#ifndef EDDYI_TRIAL_H
#define EDDYI_TRIAL_H

#include "base/fault.h"
#include "eddy/test.h"
#include "eddy/timeout.h"
#include "loop/loop.h"
#include "task/task.h"

/* A task of the run, numbered from 0 in the order of creation. */
struct eddyi_seen_task {
    /* may be gone unless it is parked; @number tells whether it is still this task */
    eddy_task *task;
    uint64_t number;
    char name[40];
    eddy_timeout *timeout; /* around its coroutine; NULL: not entered, or left */
    unsigned n_suspensions;
    bool parked;
    bool ready;   /* parked, and its next step is queued */
    size_t point; /* the index of its present suspension in the record, plus one; 0: none */
    size_t turn;  /* in which it parked */
};

/* A suspension, as recorded in the run without an accident. */
struct eddyi_point {
    char task_name[40], what[80];
    size_t task, suspension; /* suspension 0: before its first step */
    size_t parked_in;        /* the number of the item in which it parked */
    size_t event_item;       /* the item that made it ready; 0: none */
    size_t event_turn;       /* the turn in whose wait for events it became ready; 0: none */
    bool lasts;              /* not over a full turn later */
    bool has_result;         /* it waits for an operation of the backend */
};

/* The moment and the way of a cancellation. */
enum eddyi_when {
    EDDYI_SUSPENDED,
    EDDYI_LATER,
    EDDYI_BEFORE_EVENT,
    EDDYI_AFTER_EVENT,
    EDDYI_WITH_RESULT,
    EDDYI_LATE_RESULT,
};
enum eddyi_how {
    EDDYI_CANCEL,
    EDDYI_CANCEL_TWICE,
    EDDYI_CANCEL_AGAIN,
    EDDYI_TIMEOUT,
    EDDYI_TIMEOUT_AND_CANCEL,
    EDDYI_CANCEL_AND_TIMEOUT,
};

/* All runs of a scenario. */
struct eddyi_trials {
    const eddy_test_scenario *scenario;
    eddy_backend backend;
    unsigned tried;   /* backends, as EDDY_TEST_… */
    unsigned usable;  /* those of them that this machine has */
    const char *only; /* $EDDY_TEST_ONLY, or NULL */
    bool verbose;
    size_t points_room, n_points;
    struct eddyi_point *points; /* the suspensions on this backend */
    size_t items;               /* the items that ran without an accident */
    int64_t duration;           /* of that run, in nanoseconds */
    /* a run on this backend hung: there are no more of them */
    bool hung;
    eddy_test_result result;
};

/* One run. */
struct eddyi_trial {
    struct eddyi_trials *all;
    /* The accident, for a reader and for EDDY_TEST_ONLY; "": none. */
    char what[240], key[80];
    unsigned long seed; /* of the order; 0: the usual order */
    bool recording;     /* records all suspensions in all->points */
    bool must_succeed;
    const struct eddyi_point *point; /* cancel here; NULL: nowhere */
    enum eddyi_when when;
    enum eddyi_how how;
    bool count_calls;           /* count the calls that can be made to fail */
    unsigned long failing_call; /* the number of the call that fails; 0: none */
    bool and_all_later;
    struct eddyi_torture *torture; /* the count of the calls; NULL: not counted */

    /* State of tasks.c during the run. */
    eddy_loop *loop;
    struct eddyi_seen_task *tasks;
    size_t n_tasks, tasks_room;
    size_t items, turns; /* begun so far */
    bool over;           /* the scenario's coroutine has ended */
    /* the result at the point has come, and is hidden from the backend */
    bool result_withheld;
    bool struck;
    size_t struck_in;  /* the turn */
    eddy_task *victim; /* owned; NULL: it could not be cancelled */
    uint64_t victim_number;
    /* cancelled again once it has suspended more often than this; 0: once only */
    unsigned again_after;

    /* The outcome. */
    int status;
    char victim_name[40];
    const char *call;
    char wrong[1200]; /* the first rule that the run broke; "": none */
};

/* Begins the runs of @s. Returns 0 or -ENOMEM. */
int eddyi_trials_begin(struct eddyi_trials *all, const eddy_test_scenario *s);

/*
 * Goes on to the next backend and runs the scenario there without an accident. Returns 1, 0 if no
 * backend is left, or < 0 if the scenario cannot be run.
 */
int eddyi_trials_next_backend(struct eddyi_trials *all);

/* Runs a trial, unless EDDY_TEST_ONLY selects another. Returns true if it broke a rule, which is
 * then reported. */
bool eddyi_trials_run(struct eddyi_trials *all, struct eddyi_trial *t);

/* Frees everything. Returns @rc if it is negative, otherwise the number of failures. */
int eddyi_trials_end(struct eddyi_trials *all, int rc, eddy_test_result *ret_result);

/* Performs the run; the first broken rule is in t->wrong. */
void eddyi_trial_run(struct eddyi_trial *t);

/* Notes a broken rule; only the first counts. */
void eddyi_trial_wrong(struct eddyi_trial *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Called by the kit's observer. */
void eddyi_trial_see(struct eddyi_trial *t, enum eddyi_sight sight, struct eddyi_ready *item);
bool eddyi_trial_withholds_result(void *op, void *trial); /* an eddyi_withholder */
void eddyi_trial_tasks_have_ended(struct eddyi_trial *t);

/* In wrap.c: puts a timeout around the coroutine of each task of the loop. */
void eddyi_trial_wrap_tasks(struct eddyi_trial *t, eddy_loop *loop);

/* Returns the record of a task, creating it at the first call. NULL when memory is short. */
struct eddyi_seen_task *eddyi_trial_task(struct eddyi_trial *t, eddy_task *task);

/* The state before a run, to find leaks after it. */
struct eddyi_belongings {
    long allocations;
    unsigned char descriptors[4096 / 8]; /* one bit per descriptor */
};
void eddyi_belongings_note(struct eddyi_belongings *b);
void eddyi_belongings_compare(const struct eddyi_belongings *before, struct eddyi_trial *t);

#endif
