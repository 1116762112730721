/*
 * Starting a subprocess that calls a protocol.
 */
#include "base/sys.h"
#include "carrier/fd.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "process/subprocess_transport.h"
#include "stream/opening.h"

#include <unistd.h>

/* The ends of the pipes, -1 where there is none. */
struct ends {
    int here[3], child[3];
};

static void close_all(int *fds)
{
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            eddyi_sys_close(fds[i]);
        fds[i] = -1;
    }
}

/* A pipe for each descriptor that shall have one, which in @o becomes the child's end of it. */
static int open_pipes(struct ends *e, eddy_subprocess_options *o)
{
    int *wanted[3] = {&o->std_in, &o->std_out, &o->std_err};
    int rc = 0;

    *e = (struct ends){{-1, -1, -1}, {-1, -1, -1}};
    for (int i = 0; i < 3 && rc == 0; i++) {
        int fds[2];

        if (*wanted[i] != EDDY_PIPE)
            continue;
        rc = eddyi_sys_pipe(fds);
        if (rc < 0)
            break;
        e->here[i] = fds[i == STDIN_FILENO];
        e->child[i] = *wanted[i] = fds[i != STDIN_FILENO];
    }
    if (rc == 0)
        return 0;
    close_all(e->here);
    close_all(e->child);
    return eddy_raise(rc, "no pipe for a subprocess");
}

/* A transport for this side's end; it does not begin yet. */
static int attach(eddy_subprocess_transport *t, int number, int *fd)
{
    struct eddyi_pipe *p = &t->pipes[number];
    bool in = number == STDIN_FILENO;
    eddy_carrier *c;
    int rc = eddy_pipe_carrier_new(t->loop, in ? -1 : *fd, in ? *fd : -1, &c);

    if (rc < 0)
        return rc;
    p->transport = eddyi_protocol_transport_new(c, in ? EDDYI_WRITE_ONLY : EDDYI_READ_ONLY);
    if (!p->transport) {
        eddyi_fd_carrier_disown(c);
        return -ENOMEM;
    }
    *fd = -1;
    p->owner = eddy_subprocess_transport_ref(t);
    p->transport->protocol = &eddyi_pipe_protocol;
    p->transport->arg = p;
    eddy_transport_ref(p->transport);
    t->n_open++;
    return 0;
}

/* Takes back the pipes of one that was never begun. */
static void detach_all(eddy_subprocess_transport *t)
{
    for (int i = 0; i < 3; i++) {
        struct eddyi_pipe *p = &t->pipes[i];

        if (!p->transport)
            continue;
        p->transport->protocol = NULL;
        eddyi_transport_abort(&p->transport->base);
        eddy_transport_unref(p->transport);
        eddy_subprocess_transport_unref(t);
    }
}

typedef int start_fn(const eddy_subprocess_options *options);

/* The process with its pipes, and the protocol. On failure there is no process any more. */
static int start(eddy_subprocess_transport *t, start_fn *create, eddy_subprocess_options *o,
                 eddy_subprocess_protocol_factory *factory, void *arg)
{
    const eddy_subprocess_protocol *protocol = NULL;
    struct ends ends;
    int rc = open_pipes(&ends, o);

    if (rc < 0)
        return rc;
    for (int i = 0; i < 3 && rc == 0; i++)
        if (ends.here[i] >= 0)
            rc = attach(t, i, &ends.here[i]);
    o->ret_process = &t->process;
    if (rc == 0)
        rc = create(o);
    close_all(ends.here);
    close_all(ends.child);
    if (rc == 0)
        rc = factory(arg, &protocol, &t->arg);
    if (rc == 0 && !protocol)
        rc = eddy_raise(-EINVAL, "the protocol factory gave no protocol");
    if (rc < 0) {
        detach_all(t);
        eddy_process_free(t->process);
        return rc;
    }
    t->protocol = protocol;
    return 0;
}

static void begin(eddy_subprocess_transport *t)
{
    eddyi_loop_ready(t->loop, &t->made);
    for (int i = 0; i < 3; i++)
        if (t->pipes[i].transport)
            eddyi_protocol_begin(t->pipes[i].transport);
    t->process->exited = &t->exited;
    if (t->process->returncode != EDDY_RUNNING)
        eddyi_loop_ready(t->loop, &t->exited);
}

static int run(eddy_loop *loop, start_fn *create, eddy_subprocess_protocol_factory *factory,
               void *arg, eddy_subprocess_transport **ret_transport,
               const eddy_subprocess_options *options)
{
    eddy_subprocess_options o = *options;
    eddy_subprocess_transport *t;
    int rc = eddyi_opening_check(loop, factory != NULL);

    if (rc < 0)
        return rc;
    t = eddyi_subprocess_transport_new(loop);
    rc = t ? start(t, create, &o, factory, arg) : eddy_raise(-ENOMEM, NULL);
    if (rc < 0) {
        eddy_subprocess_transport_unref(t);
        return rc;
    }
    eddy_subprocess_transport_ref(t);
    begin(t);
    rc = eddyi_opening_wait(loop);
    if (rc < 0)
        eddy_subprocess_transport_close(t);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_subprocess_transport_unref(t);
    return rc;
}

int eddy_loop_subprocess_exec_with(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                   void *arg, eddy_subprocess_transport **ret_transport,
                                   const eddy_subprocess_options *options)
{
    return run(loop, eddy_create_subprocess_exec_with, factory, arg, ret_transport, options);
}

int eddy_loop_subprocess_shell_with(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                    void *arg, eddy_subprocess_transport **ret_transport,
                                    const eddy_subprocess_options *options)
{
    return run(loop, eddy_create_subprocess_shell_with, factory, arg, ret_transport, options);
}
