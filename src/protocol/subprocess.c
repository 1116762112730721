/*
 * Subprocesses that call a protocol: a process, and a transport for each of its pipes.
 *
 * connection_lost() is called when the child has been waited for and the last pipe is lost.
 */
#include "base/options.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/subprocess_transport.h"
#include "loop/loop.h"
#include "process/process.h"
#include "protocol/face.h"
#include "protocol/transport.h"

#include <signal.h>
#include <unistd.h>

struct pipe {
    struct eddy_subprocess_transport *owner; /* a reference, while there is a transport */
    eddy_transport *transport; /* a reference; NULL: there is no pipe, or it is lost */
};

struct eddy_subprocess_transport {
    struct eddyi_face face;
    const eddy_subprocess_protocol *protocol; /* NULL: connection_lost() has been called */
    void *arg;
    eddy_process *process; /* NULL: connection_lost() has been called */
    struct pipe pipes[3];  /* indexed by the child's descriptor */
    struct eddyi_ready made, exited, lost;
    int returncode; /* EDDY_RUNNING until process_exited() */
    bool closing;
};

eddy_subprocess_transport *eddy_subprocess_transport_ref(eddy_subprocess_transport *t)
{
    t->face.refs++;
    return t;
}

void eddy_subprocess_transport_unref(eddy_subprocess_transport *t)
{
    if (t)
        eddyi_face_unref(&t->face);
}

static void made(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, made);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    if (t->protocol->connection_made)
        t->protocol->connection_made(t->arg, t);
    eddyi_face_leave(&t->face, outside);
}

static void finish_if_done(eddy_subprocess_transport *t)
{
    bool any_pipe = t->pipes[0].transport || t->pipes[1].transport || t->pipes[2].transport;

    if (t->returncode != EDDY_RUNNING && !any_pipe)
        eddyi_loop_ready(t->face.loop, &t->lost);
}

static void exited(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, exited);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    t->returncode = eddy_process_returncode(t->process);
    if (t->protocol->process_exited)
        t->protocol->process_exited(t->arg);
    finish_if_done(t);
    eddyi_face_leave(&t->face, outside);
}

static void lost(struct eddyi_ready *r)
{
    eddy_subprocess_transport *t = eddyi_container(r, eddy_subprocess_transport, lost);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    t->closing = true;
    if (t->protocol->connection_lost)
        t->protocol->connection_lost(t->arg, NULL);
    t->protocol = NULL;
    t->arg = NULL;
    t->process->exited = NULL;
    eddy_process_free(t->process);
    t->process = NULL;
    eddyi_face_end(&t->face);
    eddyi_face_leave(&t->face, outside);
}

/* The protocol of a pipe, which forwards to the protocol of the process. It runs in the context of
 * the pipe, a copy of the same context. */

static int number_of(const struct pipe *p)
{
    return (int)(p - p->owner->pipes);
}

static void pipe_data_received(void *arg, const void *data, size_t size)
{
    struct pipe *p = arg;

    if (p->owner->protocol->pipe_data_received)
        p->owner->protocol->pipe_data_received(p->owner->arg, number_of(p), data, size);
}

static void pipe_connection_lost(void *arg, const eddy_exception *e)
{
    struct pipe *p = arg;
    eddy_subprocess_transport *t = p->owner;

    if (t->protocol->pipe_connection_lost)
        t->protocol->pipe_connection_lost(t->arg, number_of(p), e);
    eddy_transport_unref(p->transport);
    p->transport = NULL;
    finish_if_done(t);
    eddy_subprocess_transport_unref(t);
}

static void pipe_pause_writing(void *arg)
{
    struct pipe *p = arg;

    if (p->owner->protocol->pause_writing)
        p->owner->protocol->pause_writing(p->owner->arg);
}

static void pipe_resume_writing(void *arg)
{
    struct pipe *p = arg;

    if (p->owner->protocol->resume_writing)
        p->owner->protocol->resume_writing(p->owner->arg);
}

static const eddy_protocol pipe_protocol = {
    .data_received = pipe_data_received,
    .connection_lost = pipe_connection_lost,
    .pause_writing = pipe_pause_writing,
    .resume_writing = pipe_resume_writing,
};

static eddy_subprocess_transport *transport_new(eddy_loop *loop)
{
    eddy_subprocess_transport *t = eddyi_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->returncode = EDDY_RUNNING;
    eddyi_face_init(&t->face, loop, NULL);
    eddyi_ready_init(&t->made, made);
    eddyi_ready_init(&t->exited, exited);
    eddyi_ready_init(&t->lost, lost);
    return t;
}

/* The public calls. */

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

/* Starting a process. */

/* Makes a transport of this side's end of a pipe. It does not begin yet. */
static int attach(void *arg, int which, int fd)
{
    eddy_subprocess_transport *t = arg;
    struct pipe *p = &t->pipes[which];
    bool in = which == STDIN_FILENO;
    int rc = eddyi_protocol_pipe_new(t->face.loop, in ? -1 : fd, in ? fd : -1, &p->transport);

    if (rc < 0)
        return rc;
    p->owner = eddy_subprocess_transport_ref(t);
    p->transport->protocol = &pipe_protocol;
    p->transport->arg = p;
    eddy_transport_ref(p->transport);
    return 0;
}

/* Closes the pipes of a transport that has not begun. */
static void detach_all(eddy_subprocess_transport *t)
{
    for (int i = 0; i < 3; i++) {
        struct pipe *p = &t->pipes[i];

        if (!p->transport)
            continue;
        p->transport->protocol = NULL;
        eddyi_channel_abort(&p->transport->channel);
        eddy_transport_unref(p->transport);
        eddy_subprocess_transport_unref(t);
    }
}

/* Starts the process with its pipes, and makes the protocol. On failure there is no process any
 * more. */
static int start(eddy_subprocess_transport *t, bool shell, eddy_subprocess_options *o,
                 eddy_subprocess_protocol_factory *factory, void *arg)
{
    const struct eddyi_process_pipes pipes = {attach, t};
    int rc;

    o->ret_process = &t->process;
    rc = eddyi_process_create(o, shell, &pipes);
    if (rc == 0)
        rc = factory(arg, &t->protocol, &t->arg);
    if (rc == 0 && !t->protocol)
        rc = eddy_raise(-EINVAL, "the protocol factory gave no protocol");
    if (rc < 0) {
        detach_all(t);
        eddy_process_free(t->process);
    }
    return rc;
}

static int run(eddy_loop *loop, bool shell, eddy_subprocess_protocol_factory *factory, void *arg,
               eddy_subprocess_transport **ret_transport, const eddy_subprocess_options *options)
{
    eddy_subprocess_options o = *options;
    eddy_subprocess_transport *t;
    int rc = eddyi_face_check(loop, factory != NULL, true);

    if (rc < 0)
        return rc;
    t = transport_new(loop);
    rc = t ? start(t, shell, &o, factory, arg) : eddy_raise(-ENOMEM, NULL);
    if (rc < 0) {
        if (t)
            eddyi_face_end(&t->face);
        return rc;
    }
    eddy_subprocess_transport_ref(t);
    eddyi_loop_ready(loop, &t->made);
    for (int i = 0; i < 3; i++)
        if (t->pipes[i].transport)
            eddyi_protocol_begin(t->pipes[i].transport);
    t->process->exited = &t->exited;
    if (t->process->returncode != EDDY_RUNNING)
        eddyi_loop_ready(loop, &t->exited);
    rc = eddyi_face_wait();
    if (rc < 0)
        eddy_subprocess_transport_close(t);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_subprocess_transport_unref(t);
    return rc;
}

int(eddy_loop_subprocess_exec_with)(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                    void *arg, eddy_subprocess_transport **ret_transport,
                                    const eddy_subprocess_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_subprocess_options, options, options_size, -E2BIG);
    return run(loop, false, factory, arg, ret_transport, options);
}

int(eddy_loop_subprocess_shell_with)(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                     void *arg, eddy_subprocess_transport **ret_transport,
                                     const eddy_subprocess_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_subprocess_options, options, options_size, -E2BIG);
    return run(loop, true, factory, arg, ret_transport, options);
}
