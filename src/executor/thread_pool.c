#include "base/sys.h"
#include "executor/executor.h"

static void run(struct eddyi_executor_thread *t, struct eddyi_job *job,
                struct eddyi_job_result *ret)
{
    struct eddyi_var_scope *vars = eddyi_vars_current;

    eddyi_vars_current = &job->vars;
    eddyi_job_call(job->fn, job->arg, job->size, ret);
    eddyi_vars_current = vars;
}

const struct eddyi_executor_ops eddyi_thread_pool_ops = {.thread_name = "eddy-pool", .run = run};

eddy_executor *eddy_thread_pool_new(unsigned n_threads)
{
    enum { MOST = 32, EXTRA = 4 }; /* as in CPython (rule 199) */
    unsigned n = eddyi_sys_cpus() + EXTRA;
    eddy_executor *e;

    if (n_threads == 0)
        n_threads = n < MOST ? n : MOST;
    e = eddyi_executor_new(&eddyi_thread_pool_ops, n_threads);
    if (!e)
        eddy_raise(-ENOMEM, NULL);
    return e;
}
