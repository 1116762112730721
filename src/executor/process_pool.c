/*
 * Process pools: each thread of the executor drives a worker process of its own.
 */
#include "base/libc.h"
#include "base/sys.h"
#include "executor/executor.h"
#include "executor/worker_process.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
    FREE_DEATHS = 5,     /* workers that may die in a row before there is a pause */
    FIRST_PAUSE_MS = 10, /* doubled with each further death */
    LONGEST_PAUSE_MS = 1000,
    PATIENCE_MS = 300, /* for a worker without a connection to end by itself */
    ATTEMPTS = 5,      /* to get a request to a live worker */
};

/* The end of the connection with a worker. */
struct death {
    const char *cause; /* what happened, if the wait status does not say it; else NULL */
    bool known;        /* there is a wait status */
    int status;        /* as wait(2) gives it */
};

/* Returns false if anything comes from a worker that has no job: it is dead or out of step. */
static bool is_idle(const struct eddyi_worker_process *p)
{
    struct pollfd fds[2] = {{.fd = p->connection, .events = POLLIN},
                            {.fd = p->fate, .events = POLLIN}};

    return eddyi_sys_poll(fds, 2, 0) == 0;
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return eddyi_sys_poll(&p, 1, timeout_ms) > 0;
}

static bool is_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Waits for the end of the worker and forgets it. A worker that lives on without its connection is
 * killed. */
static void end_worker(struct eddyi_executor_thread *t, struct death *ret)
{
    struct eddyi_worker_process *p = t->process;
    bool had_to_kill = false;
    long n;

    eddyi_sys_hang_up(p->connection);
    eddyi_sys_close(p->connection);
    while (!readable(p->fate, PATIENCE_MS)) {
        had_to_kill = true;
        eddyi_fork_server_kill(p->pid);
    }
    do
        n = eddyi_sys_read(p->fate, &ret->status, sizeof ret->status);
    while (n == -EINTR);
    ret->known = n == sizeof ret->status;
    /* On a busy machine it may have ended by itself meanwhile, which its status tells. */
    if (had_to_kill && !ret->cause && (!ret->known || is_killed(ret->status)))
        ret->cause = "closed its connection";
    eddyi_sys_close(p->fate);
    eddyi_free(p);
    t->process = NULL;
}

static eddy_exception *describe(long pid, const struct death *d)
{
    int signo = d->known && WIFSIGNALED(d->status) ? WTERMSIG(d->status) : 0;

    if (d->cause)
        return eddy_exception_new(EDDY_EBROKEN, "worker process %ld %s", pid, d->cause);
    if (!d->known)
        return eddy_exception_new(EDDY_EBROKEN,
                                  "worker process %ld ended together with its fork server", pid);
    if (signo)
        return eddy_exception_new(EDDY_EBROKEN, "worker process %ld was killed by signal %d (%s)",
                                  pid, signo, sigdescr_np(signo) ? sigdescr_np(signo) : "unknown");
    if (WEXITSTATUS(d->status) == EDDYI_EXIT_CUT_OFF)
        return eddy_exception_new(
            EDDY_EBROKEN, "worker process %ld exited with status %d: a job closed its connection",
            pid, EDDYI_EXIT_CUT_OFF);
    return eddy_exception_new(EDDY_EBROKEN, "worker process %ld exited with status %d", pid,
                              WEXITSTATUS(d->status));
}

/* Counts a worker that died with a job, or before it got one: the more die in a row, the longer the
 * pause before the next one starts. */
static void count_death(eddy_executor *e)
{
    pthread_mutex_lock(&e->mutex);
    e->deaths++;
    pthread_mutex_unlock(&e->mutex);
}

static void count_success(eddy_executor *e)
{
    pthread_mutex_lock(&e->mutex);
    e->deaths = 0;
    pthread_mutex_unlock(&e->mutex);
}

static void pause_if_they_die(eddy_executor *e)
{
    unsigned beyond;
    int64_t ms;

    pthread_mutex_lock(&e->mutex);
    if (e->deaths > FREE_DEATHS) {
        beyond = e->deaths - FREE_DEATHS - 1;
        ms = beyond > 6 ? LONGEST_PAUSE_MS : FIRST_PAUSE_MS << beyond;
        eddyi_executor_pause(e, ms * 1000000);
    }
    pthread_mutex_unlock(&e->mutex);
}

static int spawn(struct eddyi_executor_thread *t)
{
    struct eddyi_worker_process *p;
    int rc;

    pause_if_they_die(t->executor);
    p = eddyi_alloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    rc = eddyi_fork_server_spawn(p);
    if (rc < 0)
        eddyi_free(p);
    else
        t->process = p;
    return rc;
}

/* Ensures that there is a worker that is not known to be dead or out of step. Returns 0 or
 * -errno. */
static int have_process(struct eddyi_executor_thread *t)
{
    struct eddyi_worker_process *p = t->process;
    struct death d = {.cause = NULL};

    if (p && !is_idle(p))
        end_worker(t, &d);
    return t->process ? 0 : spawn(t);
}

/* Sends the job to a live worker. A worker that died before it had received all of the job cannot
 * have begun it, so another one gets it. */
static int deliver(struct eddyi_executor_thread *t, const struct eddyi_job *job,
                   struct eddyi_job_result *ret)
{
    int rc = -EPIPE;

    for (int i = 0; i < ATTEMPTS; i++) {
        struct death d = {.cause = NULL};
        long pid;

        rc = have_process(t);
        if (rc < 0)
            break;
        rc = eddyi_worker_process_send(t->process, job);
        if (rc == 0)
            return 0;
        pid = ((struct eddyi_worker_process *)t->process)->pid;
        end_worker(t, &d);
        count_death(t->executor);
        if (i == ATTEMPTS - 1)
            ret->exception = describe(pid, &d);
    }
    ret->status = ret->exception ? EDDY_EBROKEN : rc;
    if (!ret->exception)
        ret->exception = eddy_exception_new(rc, "no worker process for the job");
    return rc;
}

static void fail(struct eddyi_executor_thread *t, int rc, struct eddyi_job_result *ret)
{
    struct death d = {.cause = rc == -EBADMSG  ? "sent something that is no result"
                               : rc == -EPROTO ? "sent the result of another job"
                                               : NULL};
    long pid = ((struct eddyi_worker_process *)t->process)->pid;

    end_worker(t, &d);
    count_death(t->executor);
    *ret = (struct eddyi_job_result){.status = EDDY_EBROKEN};
    if (rc == -ENOMEM) {
        ret->status = rc;
        ret->exception =
            eddy_exception_new(rc, "no memory for the result of worker process %ld", pid);
    } else {
        ret->exception = describe(pid, &d);
    }
}

static void run(struct eddyi_executor_thread *t, struct eddyi_job *job,
                struct eddyi_job_result *ret)
{
    struct death d = {.cause = NULL};
    int rc;

    *ret = (struct eddyi_job_result){.status = 0};
    if (deliver(t, job, ret) < 0)
        return;
    rc = eddyi_worker_process_receive(t->process, ret);
    if (rc < 0) {
        fail(t, rc, ret);
    } else if (rc == EDDYI_LAST_RESULT) {
        end_worker(t, &d);
        count_death(t->executor);
    } else {
        count_success(t->executor);
    }
}

static int check(const struct eddyi_job *job)
{
    if (job->size > eddyi_worker_process_most_bytes)
        return eddy_raise(-EMSGSIZE,
                          "the argument of a job in a worker process has %zu bytes, at most %zu",
                          job->size, eddyi_worker_process_most_bytes);
    return 0;
}

static void process_pool_leave(struct eddyi_executor_thread *t)
{
    struct death d = {.cause = NULL};

    if (t->process)
        end_worker(t, &d);
}

static void fini(eddy_executor *e)
{
    eddyi_fork_server_release();
}

static const struct eddyi_executor_ops process_pool_ops = {
    .thread_name = "eddy-driver",
    .check = check,
    .run = run,
    .leave = process_pool_leave,
    .fini = fini,
};

eddy_executor *eddy_process_pool_new(unsigned n_processes)
{
    eddy_executor *e;
    int rc = eddyi_fork_server_acquire();

    if (rc < 0) {
        eddy_raise(rc, "no fork server for worker processes");
        return NULL;
    }
    e = eddyi_executor_new(&process_pool_ops, n_processes ? n_processes : eddyi_sys_cpus());
    if (!e) {
        eddyi_fork_server_release();
        eddy_raise(-ENOMEM, NULL);
    }
    return e;
}
