/*
 * Signals to subprocesses.
 */
#include "base/spawn.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "process/process.h"

/* Returns 0 if the child runs, as far as can be known. */
static int check(eddy_process *p, int signo)
{
    int rc = p->returncode == EDDY_RUNNING ? eddyi_loop_check(p->loop) : 0;

    if (rc < 0)
        return rc;
    /* A waiting thread is joined when it has noticed the end, so it must be the first to notice. */
    if (p->returncode == EDDY_RUNNING && !p->has_thread)
        eddyi_process_look(p);
    if (p->returncode != EDDY_RUNNING)
        return eddy_raise(-ESRCH, "signal %d: process %ld has ended", signo, p->pid);
    return 0;
}

static int sent(const eddy_process *p, int signo, int rc)
{
    return rc < 0 ? eddy_raise(rc, "signal %d cannot be sent to process %ld", signo, p->pid) : 0;
}

int eddy_process_send_signal(eddy_process *p, int signo)
{
    int rc = check(p, signo);

    return rc < 0 ? rc : sent(p, signo, eddyi_sys_signal_process(p->pidfd, p->pid, signo));
}

int eddy_process_terminate(eddy_process *p)
{
    return eddy_process_send_signal(p, SIGTERM);
}

int eddy_process_kill(eddy_process *p)
{
    return eddy_process_send_signal(p, SIGKILL);
}

int eddy_process_signal_group(eddy_process *p, int signo)
{
    int rc = check(p, signo);

    if (rc < 0)
        return rc;
    if (!p->has_group)
        return eddy_raise(EDDY_EMISUSE, "process %ld was started without a group of its own",
                          p->pid);
    return sent(p, signo, eddyi_sys_kill(-p->pid, signo));
}
