/*
 * Watching for the end of a child.
 */
#include "base/spawn.h"
#include "base/sys.h"
#include "process/process.h"
#include "sync/wait_queue.h"

#include <poll.h>

/* Handles a watch that has struck or broken. If it cannot be renewed, all waiters are woken, and
 * try it themselves. */
static void look_and_go_on(eddy_process *p)
{
    if (p->returncode == EDDY_RUNNING)
        eddyi_process_look(p);
    if (p->returncode == EDDY_RUNNING && eddyi_process_watch(p) < 0)
        eddyi_wait_queue_wake_all(&p->ended);
    eddyi_process_settle(p);
}

static void on_poll(struct eddyi_io_op *o)
{
    eddy_process *p = eddyi_container(o, eddy_process, poll);

    /* Polling does not work: a thread is next. */
    if (o->op.result < 0 && p->returncode == EDDY_RUNNING) {
        eddyi_sys_close(p->pidfd);
        p->pidfd = -1;
    }
    look_and_go_on(p);
}

static int watch_by_poll(eddy_process *p)
{
    struct eddyi_io *io = eddyi_io_of(p->loop);

    if (p->pidfd < 0)
        return -ENOSYS;
    p->poll.op.kind = EDDYI_OP_POLL;
    p->poll.op.fd = p->pidfd;
    p->poll.op.events = POLLIN;
    return io ? eddyi_io_submit(io, &p->poll) : -ENOMEM;
}

static void *wait_for_end(void *arg)
{
    eddy_process *p = arg;

    eddyi_sys_thread_name("eddy-child");
    eddyi_sys_await_child(p->pid);
    p->posted = eddyi_loop_post(p->loop, &p->returned) == 0;
    return NULL;
}

static void join(eddy_process *p)
{
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    p->has_thread = false;
}

static void on_return(struct eddyi_ready *r)
{
    eddy_process *p = eddyi_container(r, eddy_process, returned);

    join(p);
    p->return_pending = false;
    look_and_go_on(p);
}

static int watch_by_thread(eddy_process *p)
{
    int rc = eddyi_sys_thread_start(&p->thread, wait_for_end, p);

    p->has_thread = rc == 0;
    return rc;
}

int eddyi_process_watch(eddy_process *p)
{
    if (p->poll.io || p->has_thread || watch_by_poll(p) == 0)
        return 0;
    return watch_by_thread(p);
}

void eddyi_process_unwatch(eddy_process *p)
{
    eddyi_io_cancel(&p->poll);
    if (p->has_thread) {
        join(p);
        p->return_pending = p->posted;
    }
}

void eddyi_process_init_watch(eddy_process *p)
{
    p->poll.done = on_poll;
    eddyi_ready_init(&p->returned, on_return);
}
