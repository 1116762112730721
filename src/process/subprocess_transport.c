/*
 * Subprocess transports: their life and end, and what their users ask.
 */
#include "process/subprocess_transport.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"

#include <signal.h>

static struct eddyi_var_scope *enter(eddy_subprocess_transport *t)
{
    struct eddyi_var_scope *outside = eddyi_vars_current;

    t->refs++;
    eddyi_vars_current = &t->vars;
    return outside;
}

static void leave(eddy_subprocess_transport *t, struct eddyi_var_scope *outside)
{
    eddyi_vars_current = outside;
    eddy_subprocess_transport_unref(t);
}

eddy_subprocess_transport *eddy_subprocess_transport_ref(eddy_subprocess_transport *t)
{
    t->refs++;
    return t;
}

void eddy_subprocess_transport_unref(eddy_subprocess_transport *t)
{
    if (!t || --t->refs > 0)
        return;
    eddyi_vars_fini(&t->vars);
    eddyi_loop_release(t->loop);
    eddyi_free(t);
}

static void made(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, made);
    struct eddyi_var_scope *outside = enter(t);

    if (t->protocol->connection_made)
        t->protocol->connection_made(t->arg, t);
    leave(t, outside);
}

static void finish_if_done(eddy_subprocess_transport *t)
{
    if (t->told_exit && t->n_open == 0)
        eddyi_loop_ready(t->loop, &t->lost);
}

static void exited(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, exited);
    struct eddyi_var_scope *outside = enter(t);

    t->returncode = eddy_process_returncode(t->process);
    t->told_exit = true;
    if (t->protocol->process_exited)
        t->protocol->process_exited(t->arg);
    finish_if_done(t);
    leave(t, outside);
}

static void lost(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, lost);
    struct eddyi_var_scope *outside = enter(t);

    t->closing = true;
    if (t->protocol->connection_lost)
        t->protocol->connection_lost(t->arg, NULL);
    t->protocol = NULL;
    t->arg = NULL;
    t->process->exited = NULL;
    eddy_process_free(t->process);
    t->process = NULL;
    eddy_subprocess_transport_unref(t);
    leave(t, outside);
}

/* The protocol of a pipe, which hands on to that of the process. Its context is the pipe's, so a
 * copy of the same. */

static int number_of(const struct eddyi_pipe *p)
{
    return (int)(p - p->owner->pipes);
}

static void pipe_data_received(void *arg, const void *data, size_t size)
{
    struct eddyi_pipe *p = arg;

    if (p->owner->protocol->pipe_data_received)
        p->owner->protocol->pipe_data_received(p->owner->arg, number_of(p), data, size);
}

static void pipe_connection_lost(void *arg, const eddy_exception *e)
{
    struct eddyi_pipe *p = arg;
    eddy_subprocess_transport *t = p->owner;

    if (t->protocol->pipe_connection_lost)
        t->protocol->pipe_connection_lost(t->arg, number_of(p), e);
    eddy_transport_unref(p->transport);
    p->transport = NULL;
    t->n_open--;
    finish_if_done(t);
    eddy_subprocess_transport_unref(t);
}

static void pipe_pause_writing(void *arg)
{
    struct eddyi_pipe *p = arg;

    if (p->owner->protocol->pause_writing)
        p->owner->protocol->pause_writing(p->owner->arg);
}

static void pipe_resume_writing(void *arg)
{
    struct eddyi_pipe *p = arg;

    if (p->owner->protocol->resume_writing)
        p->owner->protocol->resume_writing(p->owner->arg);
}

const eddy_protocol eddyi_pipe_protocol = {
    .data_received = pipe_data_received,
    .connection_lost = pipe_connection_lost,
    .pause_writing = pipe_pause_writing,
    .resume_writing = pipe_resume_writing,
};

eddy_subprocess_transport *eddyi_subprocess_transport_new(eddy_loop *loop)
{
    eddy_subprocess_transport *t = eddyi_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->loop = eddyi_loop_hold(loop);
    t->refs = 1;
    t->returncode = EDDY_RUNNING;
    eddyi_vars_init(&t->vars, NULL);
    eddyi_ready_init(&t->made, made);
    eddyi_ready_init(&t->exited, exited);
    eddyi_ready_init(&t->lost, lost);
    return t;
}

/* What users call. */

pid_t eddy_subprocess_transport_get_pid(const eddy_subprocess_transport *t)
{
    return t->process ? eddy_process_pid(t->process) : -1;
}

int eddy_subprocess_transport_get_returncode(const eddy_subprocess_transport *t)
{
    return t->returncode;
}

int eddy_subprocess_transport_send_signal(eddy_subprocess_transport *t, int signo)
{
    return t->process ? eddy_process_send_signal(t->process, signo)
                      : eddy_raise(-ESRCH, "the process is gone");
}

int eddy_subprocess_transport_terminate(eddy_subprocess_transport *t)
{
    return eddy_subprocess_transport_send_signal(t, SIGTERM);
}

int eddy_subprocess_transport_kill(eddy_subprocess_transport *t)
{
    return eddy_subprocess_transport_send_signal(t, SIGKILL);
}

eddy_transport *eddy_subprocess_transport_get_pipe_transport(const eddy_subprocess_transport *t,
                                                             int fd)
{
    return fd >= 0 && fd < 3 ? t->pipes[fd].transport : NULL;
}

void eddy_subprocess_transport_close(eddy_subprocess_transport *t)
{
    if (t->closing)
        return;
    t->closing = true;
    for (int i = 0; i < 3; i++)
        if (t->pipes[i].transport)
            eddy_transport_close(t->pipes[i].transport);
    if (t->process && t->process->returncode == EDDY_RUNNING)
        (void)eddy_process_kill(t->process);
}

bool eddy_subprocess_transport_is_closing(const eddy_subprocess_transport *t)
{
    return t->closing;
}
