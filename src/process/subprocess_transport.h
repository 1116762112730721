/*
 * A subprocess that calls a protocol: a process, and a transport for each of its pipes.
 *
 * The pipes are made here, and given to the process as plain descriptors. The end has come when the
 * child has been waited for and the last pipe is lost.
 */
#ifndef EDDYI_SUBPROCESS_TRANSPORT_H
#define EDDYI_SUBPROCESS_TRANSPORT_H

#include "contextvars/contextvars.h"
#include "eddy/subprocess_transport.h"
#include "process/process.h"
#include "stream/protocol.h"

struct eddyi_pipe {
    struct eddy_subprocess_transport *owner; /* has a reference, while there is a transport */
    eddy_transport *transport;               /* a reference; NULL: no pipe, or lost */
};

struct eddy_subprocess_transport {
    eddy_loop *loop; /* held */
    /* one is its own, until connection_lost() has returned */
    unsigned refs;
    const eddy_subprocess_protocol *protocol; /* NULL: lost */
    void *arg;
    struct eddyi_var_scope vars; /* in which its callbacks run */
    eddy_process *process;       /* NULL: lost */
    struct eddyi_pipe pipes[3];  /* by the child's descriptor */
    unsigned n_open;             /* of those */
    struct eddyi_ready made, exited, lost;
    int returncode;
    bool told_exit;
    bool closing;
};

/* One without process and protocol; NULL without memory. */
eddy_subprocess_transport *eddyi_subprocess_transport_new(eddy_loop *loop);

/* Of the pipes: hands on to that of the process. Its argument is a struct eddyi_pipe. */
extern const eddy_protocol eddyi_pipe_protocol;

#endif
