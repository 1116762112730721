/*
 * The life of a subprocess: its end, and that of its struct.
 */
#include "process/process.h"

#include "base/assert.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "stream/stream.h"
#include "sync/wait_queue.h"

#include <stdio.h>

/* The exit code that stands for an unknown one (rule 183). */
enum { LOST = 255 };

/* The children of a loop that have not ended. */
struct eddyi_processes {
    struct eddyi_loop_part part;
    struct eddyi_list list;
};

static void end(eddy_process *p, int returncode)
{
    EDDYI_ASSERT(p->returncode == EDDY_RUNNING && returncode != EDDY_RUNNING);
    p->returncode = returncode;
    eddyi_list_remove(&p->link);
    if (!p->loop->closed)
        eddyi_wait_queue_wake_all(&p->ended);
    if (p->exited)
        eddyi_loop_ready(p->loop, p->exited);
}

static void lost(eddy_process *p, const char *why)
{
    char message[128];

    snprintf(message, sizeof message,
             "the exit status of process %ld is lost, for %s; 255 is reported", p->pid, why);
    end(p, LOST);
    if (!p->given_back)
        eddy_loop_call_exception_handler(p->loop, &(eddy_exception_context){.message = message});
}

/* Closes the pidfd when the backend has released it, and frees the process when nothing refers to
 * it. */
void eddyi_process_settle(eddy_process *p)
{
    if (p->returncode == EDDY_RUNNING || p->poll.io)
        return;
    if (p->pidfd >= 0)
        eddyi_sys_close(p->pidfd);
    p->pidfd = -1;
    if (!p->given_back || p->has_thread || p->return_pending)
        return;
    EDDYI_ASSERT(p->pidfd < 0 && eddyi_list_empty(&p->link));
    eddyi_loop_release(p->loop);
    eddyi_free(p);
}

void eddyi_process_look(eddy_process *p)
{
    int code, rc = eddyi_sys_child_ended(p->pidfd, p->pid, false, &code);

    if (rc > 0)
        end(p, code);
    else if (rc < 0)
        lost(p, "somebody else has waited for it");
    if (rc != 0)
        eddyi_io_cancel(&p->poll);
}

/* Kills a child and waits for it. A child that may not be killed, because it runs as another user,
 * is left alone: waiting for it could take for ever. */
static void kill_and_reap(eddy_process *p)
{
    bool killed = eddyi_sys_signal_process(p->pidfd, p->pid, SIGKILL) != -EPERM;
    int code;

    if (killed)
        eddyi_process_unwatch(p);
    if (eddyi_sys_child_ended(p->pidfd, p->pid, killed, &code) > 0)
        end(p, code);
    else
        lost(p, killed ? "somebody else has waited for it" : "it runs on and may not be killed");
}

static void close_all(struct eddyi_loop_part *part)
{
    struct eddyi_processes *all = eddyi_container(part, struct eddyi_processes, part);

    while (!eddyi_list_empty(&all->list)) {
        eddy_process *p = eddyi_container(all->list.next, eddy_process, link);

        kill_and_reap(p);
        eddyi_process_settle(p);
    }
    eddyi_free(all);
}

static void init_list(struct eddyi_loop_part *part)
{
    eddyi_list_init(&eddyi_container(part, struct eddyi_processes, part)->list);
}

/* Returns the children of a loop. The backend must release the polls later than these are closed,
 * so its part is created first. */
struct eddyi_processes *eddyi_processes_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {
        .size = sizeof(struct eddyi_processes), .init = init_list, .close = close_all};

    return eddyi_io_of(loop) ? eddyi_loop_part(loop, &kind) : NULL;
}

void eddyi_process_add(struct eddyi_processes *all, eddy_process *p)
{
    eddyi_list_append(&all->list, &p->link);
}

int eddy_process_wait(eddy_process *p, int *ret_returncode)
{
    int rc = 0;

    while (rc == 0 && p->returncode == EDDY_RUNNING) {
        rc = eddyi_loop_check(p->loop);
        if (rc == 0) {
            rc = eddyi_process_watch(p);
            if (rc < 0)
                eddy_raise(rc, "the end of process %ld cannot be waited for", p->pid);
        }
        if (rc == 0)
            rc = eddyi_wait_queue_wait(&p->ended, "a subprocess to end", NULL);
    }
    if (rc == 0 && ret_returncode)
        *ret_returncode = p->returncode;
    return rc;
}

int eddy_process_returncode(const eddy_process *p)
{
    return p->returncode;
}

pid_t eddy_process_pid(const eddy_process *p)
{
    return (pid_t)p->pid;
}

eddy_writer *eddy_process_stdin(const eddy_process *p)
{
    return p->input;
}

eddy_reader *eddy_process_stdout(const eddy_process *p)
{
    return p->out.reader;
}

eddy_reader *eddy_process_stderr(const eddy_process *p)
{
    return p->err.reader;
}

void eddy_process_free(eddy_process *p)
{
    /* After a fork, in the child, it is the parent's, with all that belongs to it. */
    if (!p || p->given_back || eddyi_loop_forked(p->loop))
        return;
    p->given_back = true;
    if (p->input) {
        eddy_writer_abort(p->input);
        eddyi_stream_end_loan(eddyi_stream_of_writer(p->input));
    }
    if (p->out.reader)
        eddyi_stream_end_loan(eddyi_stream_of_reader(p->out.reader));
    if (p->err.reader)
        eddyi_stream_end_loan(eddyi_stream_of_reader(p->err.reader));
    if (p->returncode == EDDY_RUNNING) {
        eddyi_sys_signal_process(p->pidfd, p->pid, SIGKILL);
        (void)eddyi_process_watch(
            p); /* on failure the child is waited for when the loop is closed */
    }
    eddyi_process_settle(p);
}
