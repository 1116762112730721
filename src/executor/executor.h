/*
 * Executors: a queue of jobs, and threads that take jobs from it.
 *
 * A job is submitted by one atomic step, onto the inbox, a stack. A thread that finds the queue
 * empty moves everything from the inbox to the queue, in order. Two rules make that enough. First:
 * a submitter that finds a job in the inbox leaves the rest to the submitter of that job. Second: a
 * thread that is counted as coming looks into the inbox after it is no longer counted. So
 * submitting takes no mutex while a thread is on its way.
 *
 * A process pool is an executor, too: each of its threads drives a worker process. So there is one
 * hand-over, one way to cancel and one way to shut down.
 *
 * The owner and each thread that has not left hold references. A job in the queue needs none,
 * because then not all threads have left.
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
    /* the name of the running job; NULL: none. Guarded by the mutex, as is @begun */
    const char *job;
    int64_t begun; /* when that job began, accurate to some milliseconds */
    /* of a process pool: its worker process; NULL: none yet. Only the thread uses it and
     * @running */
    void *process;
    struct eddyi_job *running; /* the job that has begun and has no result yet; NULL: none */
};

struct eddyi_executor_ops {
    const char *thread_name;
    /* Checks that the executor can do such a job. Returns 0 or a raised error. NULL: any job. */
    int (*check)(const struct eddyi_job *job);
    /* Runs a job that has begun, in a thread of the pool. Does not return if the job ends its
     * thread. */
    void (*run)(struct eddyi_executor_thread *t, struct eddyi_job *job,
                struct eddyi_job_result *ret);
    /* Called when a thread leaves. NULL: no action. */
    void (*leave)(struct eddyi_executor_thread *t);
    /* Called when the last reference is gone: frees the resources of this kind of executor. NULL:
     * none. */
    void (*fini)(eddy_executor *e);
};

struct eddy_executor {
    atomic_uint refs;
    const struct eddyi_executor_ops *ops;
    unsigned fork_number;
    unsigned max_threads;
    bool spins; /* there is more than one processor: spinning for a moment beats sleeping */

    /* It has had a thread, and so has one until it is shut down, unless jobs end their threads. */
    atomic_bool had_thread;

    pthread_mutex_t mutex; /* guards all that follows, up to @cache_line_gap */
    pthread_cond_t work;   /* idle threads sleep here */
    /* Threads pause here. Separate from @work, whose wake-ups are meant for idle threads. */
    pthread_cond_t closed;
    struct eddyi_list queue;
    atomic_uint n_queued; /* atomic: idle threads read it without the mutex */
    unsigned n_threads;
    unsigned n_asleep;         /* sleeping threads that were not called */
    unsigned n_called;         /* threads that were called and are not awake yet */
    struct eddyi_list threads; /* threads that have not left */
    struct eddyi_list ended;   /* threads that have left, to be joined */
    atomic_bool shut_down;     /* atomic for the same reason as @n_queued */
    bool abandoned;            /* the threads will not be joined */
    eddy_concurrent_future
        *over; /* owned; done when the executor is shut down and all threads have left */

    unsigned deaths; /* of a process pool: workers that died since a worker last did a job */

    /* keeps the fields that follow, which submitters write for each job, off the cache lines
     * before */
    char cache_line_gap[64];

    /*
     * The submitted jobs, the latest first, linked by link.next; a value that is no job when it is
     * closed. Submitters need no mutex; a thread that takes jobs out has it locked.
     */
    _Atomic(struct eddyi_list *) inbox;
    /* Threads that will find the jobs by themselves: they spin, start, or were called. Changed with
     * the mutex locked. */
    atomic_uint n_coming;
};

/* Creates an executor. Returns NULL when memory is short. */
eddy_executor *eddyi_executor_new(const struct eddyi_executor_ops *ops, unsigned max_threads);
eddy_executor *eddyi_executor_ref(eddy_executor *e);
void eddyi_executor_unref(eddy_executor *e); /* NULL is allowed */

/* Moves the jobs in the inbox to the end of the queue. The mutex is locked. */
void eddyi_executor_empty_inbox(eddy_executor *e);

/*
 * Ensures that a thread will take the queued jobs. Threads are woken one at a time: a thread that
 * has taken a job and leaves others behind wakes the next. So jobs that end at once keep few
 * threads busy and cost their submitter no system call, while long jobs get a thread each. The
 * mutex is locked. Returns < 0 if no thread would ever come.
 */
int eddyi_executor_call(eddy_executor *e);

/* Fails the queued jobs with @error, as long as there is no thread. Called without the mutex, after
 * eddyi_executor_call() has failed. */
void eddyi_executor_fail_queued(eddy_executor *e, int error);

/* Submits @job. Takes ownership of a reference to it on success. Returns 0, or raises -EAGAIN,
 * EDDY_ECLOSED, EDDY_EFORKED or another error. */
int eddyi_executor_submit(eddy_executor *e, struct eddyi_job *job);

/* Removes a cancelled job from the queue, if it is there. The job's mutex is locked. */
void eddyi_executor_withdraw(struct eddyi_job *job);

/* Shuts @e down without waiting and drops the caller's reference; the threads end by themselves.
 * NULL is allowed. */
void eddyi_executor_abandon(eddy_executor *e);

/* The number of executors that this process abandoned and whose threads have not all ended. */
extern atomic_uint eddyi_executors_abandoned;

/* Joins the threads that have left. */
void eddyi_executor_join(eddy_executor *e);

/* Writes the running jobs to @buf, as "'name', for 0.3 seconds". Returns their number. */
unsigned eddyi_executor_describe(eddy_executor *e, char *buf, size_t size);

/* Runs a thread of the pool. @arg is its struct eddyi_executor_thread, which is listed before the
 * mutex is unlocked. */
void *eddyi_executor_thread_main(void *arg);

/* Returns true if this thread is one of the executor's. */
bool eddyi_executor_is_mine(const eddy_executor *e);

/* Sleeps for that many nanoseconds, or until the executor is shut down. The mutex is locked. */
void eddyi_executor_pause(eddy_executor *e, int64_t nanoseconds);

extern const struct eddyi_executor_ops eddyi_thread_pool_ops;

#endif
