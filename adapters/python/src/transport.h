/*
 * Transports: the parts in C of eddyloop's SocketTransport, DatagramTransport, ReadPipeTransport
 * and WritePipeTransport, over carriers of eddy's.
 *
 *     protocol  <--data_received--  transport  --wire-->  carrier  -->  the kernel
 *                                       |
 *                                       v
 *                       the socket or file of Python, which owns the descriptor
 *
 * What runs for each packet is in C: transport.c, read.c, write.c and datagram.c. What runs for
 * each connection is in eddyloop/_transports.py, which subclasses the types made here. The base of
 * these is asyncio's _FlowControlMixin, a subclass of asyncio.Transport; that of the read end of a
 * pipe is asyncio.ReadTransport.
 *
 * The carrier of datagrams and pipes only waits, and writes to pipes; calls that receive are made
 * on the descriptor itself, since the result of each counts as asyncio's does.
 *
 * The wire is memory that outlives the transport: the kernel may receive into it until the carrier
 * has ended. It closes the socket then; so a number is used again only when nothing refers to it.
 */
#ifndef EDDYI_PY_TRANSPORT_H
#define EDDYI_PY_TRANSPORT_H

#include "module.h"

#include "eddy/carrier.h"

/* The bytes that a wait for input receives itself, and the most that one callback gets (asyncio's
 * _SelectorTransport.max_size). */
enum { EDDYI_PY_FIRST_READ = 4096, EDDYI_PY_MOST_READ = 256 * 1024 };

struct eddyi_py_transport;

enum eddyi_py_kind { EDDYI_PY_STREAM, EDDYI_PY_DATAGRAMS, EDDYI_PY_READ_PIPE, EDDYI_PY_WRITE_PIPE };

struct eddyi_py_wire {
    struct eddyi_py_loop *loop;           /* borrowed; NULL: the loop is gone, in a forked child */
    struct eddyi_py_wire *next, **link;   /* in loop->wires */
    struct eddyi_py_transport *transport; /* NULL: it is gone; else a reference if `held` */
    eddy_carrier *carrier;                /* owned */
    PyObject *sock;                       /* to be closed at the end; NULL: not yet, or by others */
    /* the turns of reading and of writing, which come after callbacks that were ready before */
    eddy_item input, output;
    bool held;             /* it waits for something: the transport stays alive */
    bool reading, writing; /* waits of the carrier's are in progress */
    bool cancelled;        /* the one for reading was cancelled */
    bool more;             /* read() may give bytes without another wait */
    int result;            /* of the wait: < 0: an error; 0: the end, or bytes */
    bool ending;
    size_t first, n;                  /* the bytes of `memory` that are not delivered yet */
    char memory[EDDYI_PY_FIRST_READ]; /* of a stream; the others are allocated without it */
};

struct eddyi_py_transport {
    PyObject_HEAD PyObject *extra; /* the slot of asyncio.BaseTransport: must be the first */
    PyObject *mixins[4]; /* slots of asyncio's _FlowControlMixin; members here replace them */
    enum eddyi_py_kind kind;
    struct eddyi_py_loop *loop;                        /* NULL once the connection is lost */
    PyObject *context;                                 /* the callbacks of the protocol run in it */
    PyObject *sock, *protocol, *server, *empty_waiter; /* NULL: None */
    struct eddyi_py_wire *wire;                        /* NULL: no carrier yet, or it has ended */
    PyObject *address; /* of datagrams: what was given as remote address; NULL: None */
    int fd;
    int family;     /* of datagrams whose addresses C converts; else 0 */
    long conn_lost; /* asyncio's _conn_lost: > 0 once connection_lost() was scheduled */
    bool closing, paused, eof, protocol_connected, protocol_paused;
    bool buffered;     /* the protocol is a BufferedProtocol */
    bool tls;          /* the protocol is an SSLProtocol, whose bytes tls.c moves */
    bool reads;        /* reading has begun, and the stream has not ended */
    bool wants_room;   /* _on_room() is to be called when the kernel takes bytes */
    bool connected;    /* of datagrams: to a peer that has an address */
    bool writes_again; /* of datagrams: one has failed, the next turn of writing looks after it */

    /* Gathering writes; see gather.c. */
    bool gathers;        /* `out` is not sent yet, and waits for the end of the turn */
    bool listed;         /* in loop->gathering, which has a reference */
    bool several;        /* it has written more than once in the turn `wrote_in`, its latest */
    uint64_t wrote_in;

    /*
     * Writing: objects of type bytes, of the first of which `sent` bytes are sent. Of datagrams:
     * tuples (data, address).
     */
    struct eddyi_py_queue out;
    size_t sent, n_out; /* n_out: bytes that are not sent */
    Py_ssize_t high, low;
};

extern PyType_Spec eddyi_py_transport_spec, eddyi_py_read_pipe_spec, eddyi_py_datagrams_spec;

static inline struct eddyi_py_state *eddyi_py_transport_state(const struct eddyi_py_transport *t)
{
    return t->loop->state;
}

/*
 * Hands the exception that is set to _fatal_error(@message), which closes the transport; one that
 * ends a run stays set. Returns 0, or -1 with an exception.
 */
int eddyi_py_transport_fatal(struct eddyi_py_transport *t, const char *message);

/* Does so with the error @rc of a carrier, < 0. */
int eddyi_py_transport_broken(struct eddyi_py_transport *t, ssize_t rc, const char *message);

/* Calls the method @name of @t. Returns 0, or -1 with an exception. */
int eddyi_py_transport_call(struct eddyi_py_transport *t, PyObject *name);

/* The wire: wire.c. */

/* Makes the wire of @t over @carrier, and takes ownership of @carrier on success. */
int eddyi_py_wire_open(struct eddyi_py_transport *t, eddy_carrier *carrier);

/*
 * Makes the wire wait for what @t needs, and keeps @t alive meanwhile. Called whenever that may
 * have changed. May free @t if the caller has no reference. Returns 0, or -1 with an exception.
 */
int eddyi_py_wire_update(struct eddyi_py_transport *t);

/* Ends the carrier. The transport may go away then. Harmless if @t has no wire. */
void eddyi_py_wire_end(struct eddyi_py_transport *t);

/*
 * Takes @t, which is going away, off its wire: the carrier ends, then the socket is closed.
 * Harmless if @t has no wire.
 */
void eddyi_py_wire_drop(struct eddyi_py_transport *t);

/* Ends the carriers of all transports of @l, and lets go of these. */
void eddyi_py_wires_end(struct eddyi_py_loop *l);

/* Forgets the wires that a loop in a child of fork() cannot end. */
void eddyi_py_wires_forget(struct eddyi_py_loop *l);

int eddyi_py_wires_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg);

/* Reading: read.c. Gives what has come to the protocol. Returns 0, or -1 with an exception. */
int eddyi_py_transport_read(struct eddyi_py_transport *t);
PyObject *eddyi_py_transport_read_ready(PyObject *self, PyObject *unused);

/* Receives the result of a wait for input, and acts on it in its turn. */
void eddyi_py_transport_readable(eddy_carrier *carrier, ssize_t result);
void eddyi_py_transport_input(eddy_item *item);

/* Runs @step in the context of @t. An exception is reported as that of a callback. */
void eddyi_py_transport_enter(struct eddyi_py_transport *t,
                              int (*step)(struct eddyi_py_transport *t));

/* Returns the buffer of EDDYI_PY_MOST_READ bytes that all transports share; NULL with an exception.
 */
char *eddyi_py_shared_buffer(struct eddyi_py_state *s);

/* Writing: write.c. */
PyObject *eddyi_py_transport_write(PyObject *self, PyTypeObject *class, PyObject *const *args,
                                   Py_ssize_t n, PyObject *keywords);
/* Writes @bytes, an object of type bytes. Returns 0, or -1 with an exception. */
int eddyi_py_transport_send(struct eddyi_py_transport *t, PyObject *bytes);
PyObject *eddyi_py_transport_writelines(PyObject *self, PyObject *lines);
void eddyi_py_transport_writable(eddy_carrier *carrier);
void eddyi_py_transport_output(eddy_item *item);
/* Sends gathered bytes now: what is kept then is what the kernel did not take. May free @t if the
 * caller has no reference. Returns 0, or -1 with an exception. */
int eddyi_py_transport_settle(struct eddyi_py_transport *t);
/* Drops the bytes that are not sent. */
void eddyi_py_transport_drop_output(struct eddyi_py_transport *t);
/* Pauses the protocol if too much is kept. Returns 0, or -1 with an exception. */
int eddyi_py_transport_maybe_pause(struct eddyi_py_transport *t);
/* Tells what depends on room in the buffer that there is some. Returns 0, or -1. */
int eddyi_py_transport_room_made(struct eddyi_py_transport *t);

/* Datagrams: datagram.c. Receive one, and send those that are kept. Return 0, or -1. */
int eddyi_py_datagrams_read(struct eddyi_py_transport *t);
int eddyi_py_datagrams_write_ready(struct eddyi_py_transport *t);
PyObject *eddyi_py_datagrams_sendto(PyObject *self, PyObject *args, PyObject *keywords);

/* Gathering: gather.c. Takes note of a write of @n bytes, and returns whether these may be kept and
 * gathered. */
bool eddyi_py_gather_may_wait(struct eddyi_py_transport *t, size_t n);
/* Has what is kept sent at the end of the turn. Returns 0, or -1 with an exception. */
int eddyi_py_gather_begin(struct eddyi_py_transport *t);

#endif
