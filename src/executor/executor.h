/*
 * Executors inside: a queue of jobs, and threads that take from it.
 *
 * Who submits a job puts it into the inbox, a stack, by one atomic step. A thread that finds the
 * queue empty moves all that is in the inbox there, in order. Two rules make that enough: who finds
 * something in the inbox already leaves the rest to whoever put that there; and a thread that is
 * counted as coming looks into the inbox after it is no longer counted. So while a thread is on its
 * way, submitting takes no mutex.
 *
 * A process pool is one, too: each of its threads has a worker process and drives it. So there is
 * one hand-over, one way to cancel and one to shut down.
 *
 * References are held by the owner and each thread that has not left; a job that waits in the queue
 * needs none, for then not all threads have left.
 */
#ifndef EDDYI_EXECUTOR_H
#define EDDYI_EXECUTOR_H

#include "executor/job.h"

#include <pthread.h>
#include <stdatomic.h>

/* One thread of a pool. */
struct eddyi_executor_thread {
    struct eddyi_list link; /* in the executor's threads, then in ended */
    bool started;           /* it has come for its first job */
    eddy_executor *executor;
    pthread_t thread;
    /* the name of the one it runs; NULL: none. Guarded by the mutex, as is the next */
    const char *job;
    int64_t begun; /* when it began with that, to some milliseconds */
    /* a process pool's: what it drives, NULL: nothing yet. The thread's own, as is the next */
    void *process;
    struct eddyi_job *running; /* has begun, and its result is not known yet; NULL: none */
};

struct eddyi_executor_ops {
    const char *thread_name;
    /* Whether the executor can do such a job: 0 or a raised error. NULL: any. */
    int (*check)(const struct eddyi_job *job);
    /* In a thread of the pool: does the job, which has begun. Does not return if the job ends its
     * thread. */
    void (*run)(struct eddyi_executor_thread *t, struct eddyi_job *job,
                struct eddyi_job_result *ret);
    /* The thread leaves. NULL: nothing to be done. */
    void (*leave)(struct eddyi_executor_thread *t);
    /* The last reference is gone. Frees what the kind of executor has of its own. NULL: nothing. */
    void (*fini)(eddy_executor *e);
};

struct eddy_executor {
    atomic_uint refs;
    const struct eddyi_executor_ops *ops;
    unsigned fork_number;
    unsigned max_threads;
    bool spins; /* there is more than one processor: looking for a moment beats sleeping */

    atomic_bool
        /* it has had a thread, so it has one until it is shut down, unless jobs end theirs */
        staffed;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t work;   /* where idle threads sleep */
    pthread_cond_t
        /* where threads pause; not above, for they would take wake-ups meant for idle ones */
        closed;
    struct eddyi_list queue;
    atomic_uint n_queued; /* atomic: idle threads look without the mutex */
    unsigned n_threads;
    unsigned n_asleep;            /* those that sleep and were not called */
    unsigned n_called;            /* those that were, and are not awake yet */
    struct eddyi_list threads;    /* threads that have not left */
    struct eddyi_list ended;      /* threads that have, to be joined */
    atomic_bool shut_down;        /* atomic for the same reason */
    bool abandoned;               /* nobody will join the threads */
    eddy_concurrent_future *over; /* owned; done when it is shut down and all threads have left */

    unsigned deaths; /* a process pool's: workers that died since the last one that did a job */

    char apart[64]; /* what follows is written for each job, by others than what precedes */

    /*
     * The latest first, linked by link.next; when it is closed, something that is no job. Whoever
     * puts something in needs no mutex, whoever takes out has it.
     */
    _Atomic(struct eddyi_list *) inbox;
    /* Threads that will find what is there by themselves: they look, start, or were called. Changed
     * with the mutex. */
    atomic_uint n_coming;
};

/* NULL when memory is short. */
eddy_executor *eddyi_executor_new(const struct eddyi_executor_ops *ops, unsigned max_threads);
eddy_executor *eddyi_executor_ref(eddy_executor *e);
void eddyi_executor_unref(eddy_executor *e); /* NULL is allowed */

/* With the mutex held: moves what is in the inbox to the end of the queue. */
void eddyi_executor_empty_inbox(eddy_executor *e);

/*
 * With the mutex held: sees to it that somebody comes for what is queued, and that is one thread at
 * a time: when it has taken a job and more are left, it calls the next. So jobs that end at once
 * are the work of few threads, and cost who submits them no system call, while jobs that take long
 * get a thread each. < 0 if nobody ever would come.
 */
int eddyi_executor_call(eddy_executor *e);

/* Fails with @error what is queued, as long as there is no thread. Without the mutex, after
 * eddyi_executor_call() has failed. */
void eddyi_executor_fail_queued(eddy_executor *e, int error);

/* Hands over a job, and a reference to it. 0, or as a raised error -EAGAIN, EDDY_ECLOSED,
 * EDDY_EFORKED and the like; it is not taken then. */
int eddyi_executor_submit(eddy_executor *e, struct eddyi_job *job);

/* Takes a cancelled job out of the queue, if it is in there. With the job's mutex held. */
void eddyi_executor_withdraw(struct eddyi_job *job);

/* Shuts it down without waiting, and gives the caller's reference up; its threads end by
 * themselves. NULL is allowed. */
void eddyi_executor_abandon(eddy_executor *e);

/* Joins the threads that have left. */
void eddyi_executor_join(eddy_executor *e);

/* Writes which jobs run, "'name', for 0.3 seconds", to @buf. The number of them. */
unsigned eddyi_executor_describe(eddy_executor *e, char *buf, size_t size);

/* Runs a thread of the pool. @arg is its struct eddyi_executor_thread, which is listed before the
 * mutex is given up. */
void *eddyi_executor_thread_main(void *arg);

/* Whether this thread is one of the executor's. */
bool eddyi_executor_is_mine(const eddy_executor *e);

/* With the mutex held: sleeps for that long, or until the executor is shut down. */
void eddyi_executor_pause(eddy_executor *e, int64_t nanoseconds);

extern const struct eddyi_executor_ops eddyi_thread_pool_ops;

#endif
