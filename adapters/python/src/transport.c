/*
 * The type _eddyloop.Transport: making and collecting a transport, its attributes, and its calls
 * that concern reading.
 *
 * The attributes have the names of asyncio's own transports, which the rest of asyncio, and
 * programs, look at.
 */
#include "transport.h"

#include "eddy/error.h"

#include <errno.h>
#include <fcntl.h>
#include <structmember.h>
#include <sys/socket.h>
#include <unistd.h>

int eddyi_py_transport_call(struct eddyi_py_transport *t, PyObject *name)
{
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)t, name);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

int eddyi_py_transport_fatal(struct eddyi_py_transport *t, const char *message)
{
    PyObject *type, *value, *traceback, *handled, *done = NULL;
    PyObject *text;

    if (eddyi_py_ends_a_run())
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    text = PyUnicode_FromString(message);
    if (text && t->loop) {
        handled = PyErr_GetHandledException(); /* the log shows the one that is being handled */
        PyErr_SetHandledException(value);
        done = PyObject_CallMethodObjArgs((PyObject *)t, t->loop->state->name_fatal_error, value,
                                          text, NULL);
        PyErr_SetHandledException(handled);
        Py_XDECREF(handled);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(text);
    Py_XDECREF(done);
    return PyErr_Occurred() ? -1 : 0;
}

int eddyi_py_transport_broken(struct eddyi_py_transport *t, ssize_t rc, const char *message)
{
    eddyi_py_raise((int)rc);
    return eddyi_py_transport_fatal(t, message);
}

static int transport_clear(PyObject *self)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    eddyi_py_wire_drop(t);
    Py_CLEAR(t->extra);
    Py_CLEAR(t->context);
    Py_CLEAR(t->sock);
    Py_CLEAR(t->protocol);
    Py_CLEAR(t->server);
    Py_CLEAR(t->empty_waiter);
    Py_CLEAR(t->address);
    eddyi_py_transport_drop_output(t);
    return 0;
}

static int transport_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(t->extra);
    Py_VISIT(t->loop);
    Py_VISIT(t->context);
    Py_VISIT(t->sock);
    Py_VISIT(t->protocol);
    Py_VISIT(t->server);
    Py_VISIT(t->empty_waiter);
    Py_VISIT(t->address);
    return eddyi_py_queue_traverse(&t->out, visit, arg);
}

static void transport_dealloc(PyObject *self)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    transport_clear(self);
    Py_CLEAR(t->loop);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Makes the carrier of @fd. A descriptor that a carrier has already, as both ends of a terminal may
 * be one, is waited for by a number of its own. */
static int open_carrier(struct eddyi_py_loop *l, enum eddyi_py_kind kind, int fd,
                        eddy_carrier **ret)
{
    int in = kind == EDDYI_PY_WRITE_PIPE ? -1 : fd, out = kind == EDDYI_PY_READ_PIPE ? -1 : fd;
    int rc, copy;

    if (kind == EDDYI_PY_STREAM)
        return eddy_socket_carrier_borrow(l->eddy, fd, ret);
    rc = eddy_pipe_carrier_borrow(l->eddy, in, out, ret);
    if (rc != -EBUSY)
        return rc;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -errno;
    rc = eddy_pipe_carrier_new(l->eddy, in < 0 ? -1 : copy, out < 0 ? -1 : copy, ret);
    if (rc < 0)
        close(copy);
    return rc;
}

/* Returns the family of the socket @fd if C can convert its addresses, else 0. */
static int known_family(int fd)
{
    int family;
    socklen_t size = sizeof family;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
        return 0;
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX ? family : 0;
}

/* _open(loop, fd, context, kind): makes the carrier of @fd; @kind is an enum eddyi_py_kind. Returns
 * False if @fd is no socket of a stream and should be one. */
static PyObject *transport_open(PyObject *self, PyObject *args)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;
    struct eddyi_py_loop *l;
    PyObject *loop, *context, *module;
    eddy_carrier *carrier;
    int fd, kind, rc;

    if (!PyArg_ParseTuple(args, "OiOi:_open", &loop, &fd, &context, &kind))
        return NULL;
    module = eddyi_py_module_of(Py_TYPE(self));
    if (!module)
        return NULL;
    l = (struct eddyi_py_loop *)loop;
    if (!PyObject_TypeCheck(loop, eddyi_py_state_of(module)->loop_type) || t->loop) {
        PyErr_SetString(PyExc_RuntimeError, "a transport is opened once, on a loop of eddyloop's");
        return NULL;
    }
    rc = open_carrier(l, (enum eddyi_py_kind)kind, fd, &carrier);
    if (rc == -EINVAL || rc == -ENOTSOCK)
        Py_RETURN_FALSE;
    if (rc < 0)
        return eddyi_py_raise(rc);
    t->kind = (enum eddyi_py_kind)kind;
    t->family = kind == EDDYI_PY_DATAGRAMS ? known_family(fd) : 0;
    t->loop = (struct eddyi_py_loop *)Py_NewRef(l);
    t->context = Py_NewRef(context);
    t->fd = fd;
    if (eddyi_py_wire_open(t, carrier) < 0) {
        carrier->ops->free(carrier);
        return NULL;
    }
    Py_RETURN_TRUE;
}

static PyObject *updated(struct eddyi_py_transport *t)
{
    if (eddyi_py_wire_update(t) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* _start_reading(): called when connection_made() has returned. */
static PyObject *transport_start_reading(PyObject *self, PyObject *unused)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    t->reads = true;
    return updated(t);
}

/* _update(): called when Python has changed what the transport waits for. */
static PyObject *transport_update(PyObject *self, PyObject *unused)
{
    return updated((struct eddyi_py_transport *)self);
}

/* _release(): ends the carrier, and drops the bytes that were not sent. */
static PyObject *transport_release(PyObject *self, PyObject *unused)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    eddyi_py_transport_drop_output(t);
    eddyi_py_wire_end(t);
    Py_RETURN_NONE;
}

/* _close_socket(): closes the socket, at once or when the carrier has ended, and forgets it, the
 * loop and the protocol. */
static PyObject *transport_close_socket(PyObject *self, PyObject *unused)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;
    PyObject *sock = t->sock, *done = NULL;

    t->sock = NULL;
    eddyi_py_wire_end(t);
    if (sock && t->wire) {
        t->wire->sock = sock;
    } else if (sock) {
        done = eddyi_py_call(sock, "close");
        Py_DECREF(sock);
        if (!done)
            return NULL;
        Py_DECREF(done);
    }
    Py_CLEAR(t->protocol);
    if (t->wire == NULL || t->wire->ending)
        Py_CLEAR(t->loop);
    Py_RETURN_NONE;
}

static PyObject *log_if_debug(struct eddyi_py_transport *t, const char *message)
{
    if (!t->loop || !t->loop->debug)
        Py_RETURN_NONE;
    return PyObject_CallMethod((PyObject *)t, "_log", "s", message);
}

static PyObject *transport_pause_reading(PyObject *self, PyObject *unused)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    if (t->closing || t->paused)
        Py_RETURN_NONE;
    t->paused = true;
    Py_INCREF(t);
    if (eddyi_py_wire_update(t) < 0) {
        Py_DECREF(t);
        return NULL;
    }
    Py_DECREF(t);
    return log_if_debug(t, "%r pauses reading");
}

static PyObject *transport_resume_reading(PyObject *self, PyObject *unused)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    if (t->closing || !t->paused)
        Py_RETURN_NONE;
    t->paused = false;
    if (eddyi_py_wire_update(t) < 0)
        return NULL;
    return log_if_debug(t, "%r resumes reading");
}

static PyObject *transport_is_reading(PyObject *self, PyObject *unused)
{
    const struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    return PyBool_FromLong(!t->closing && !t->paused);
}

static PyObject *transport_is_closing(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(((struct eddyi_py_transport *)self)->closing);
}

static PyObject *transport_get_protocol(PyObject *self, PyObject *unused)
{
    const struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;

    return Py_NewRef(t->protocol ? t->protocol : Py_None);
}

static PyObject *transport_get_write_buffer_size(PyObject *self, PyObject *unused)
{
    if (eddyi_py_transport_settle((struct eddyi_py_transport *)self) < 0)
        return NULL;
    return PyLong_FromSize_t(((struct eddyi_py_transport *)self)->n_out);
}

/* Returns which waits are in progress: (reading, writing). */
static PyObject *transport_polling(PyObject *self, PyObject *unused)
{
    const struct eddyi_py_wire *w = ((struct eddyi_py_transport *)self)->wire;

    return Py_BuildValue("(OO)",
                         w && w->reading && !w->cancelled && !w->ending ? Py_True : Py_False,
                         w && w->writing && !w->ending ? Py_True : Py_False);
}

/* _write_ready(): named in the reports of exceptions; the loop calls the C function. */
static PyObject *transport_write_ready(PyObject *self, PyObject *unused)
{
    return updated((struct eddyi_py_transport *)self);
}

/* The methods of every kind. */
#define COMMON_METHODS                                                                             \
    {"_open", transport_open, METH_VARARGS, NULL},                                                 \
        {"_start_reading", transport_start_reading, METH_NOARGS, NULL},                            \
        {"_update", transport_update, METH_NOARGS, NULL},                                          \
        {"_release", transport_release, METH_NOARGS, NULL},                                        \
        {"_close_socket", transport_close_socket, METH_NOARGS, NULL},                              \
        {"_read_ready", eddyi_py_transport_read_ready, METH_NOARGS, NULL},                         \
        {"_write_ready", transport_write_ready, METH_NOARGS, NULL},                                \
        {"_polling", transport_polling, METH_NOARGS, NULL},                                        \
        {"pause_reading", transport_pause_reading, METH_NOARGS,                                    \
         "Pauses the receiving end: the protocol gets nothing until resume_reading() is called."}, \
        {"resume_reading", transport_resume_reading, METH_NOARGS, "Resumes the receiving end."},   \
        {"is_reading", transport_is_reading, METH_NOARGS,                                          \
         "Returns whether the transport receives."},                                               \
        {"is_closing", transport_is_closing, METH_NOARGS,                                          \
         "Returns whether the transport is closing or closed."},                                   \
    {                                                                                              \
        "get_protocol", transport_get_protocol, METH_NOARGS, "Returns the protocol."               \
    }

#define WRITE_BUFFER_METHOD                                                                        \
    {                                                                                              \
        "get_write_buffer_size", transport_get_write_buffer_size, METH_NOARGS,                     \
            "Returns the number of bytes that were written and are not sent yet."                  \
    }

static PyMethodDef read_pipe_methods[] = {COMMON_METHODS, {0}};

static PyMethodDef datagrams_methods[] = {COMMON_METHODS,
                                          WRITE_BUFFER_METHOD,
                                          {"sendto", EDDYI_PY_FAST(eddyi_py_datagrams_sendto),
                                           METH_VARARGS | METH_KEYWORDS,
                                           "Sends a datagram; does not block."},
                                          {0}};

static PyMethodDef methods[] = {COMMON_METHODS,
                                {"write", EDDYI_PY_FAST(eddyi_py_transport_write),
                                 METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
                                 "Writes some data to the transport; does not block."},
                                {"writelines", eddyi_py_transport_writelines, METH_O,
                                 "Writes a list of data to the transport; does not block."},
                                WRITE_BUFFER_METHOD,
                                {0}};

#define FIELD(name, type, field, flags)                                                            \
    {                                                                                              \
        name, type, offsetof(struct eddyi_py_transport, field), flags, NULL                        \
    }

static PyMemberDef members[] = {FIELD("_loop", T_OBJECT, loop, READONLY),
                                FIELD("_context", T_OBJECT, context, READONLY),
                                FIELD("_sock", T_OBJECT, sock, 0),
                                FIELD("_sock_fd", T_INT, fd, READONLY),
                                FIELD("_protocol", T_OBJECT, protocol, 0),
                                FIELD("_server", T_OBJECT, server, 0),
                                FIELD("_empty_waiter", T_OBJECT, empty_waiter, 0),
                                FIELD("_conn_lost", T_LONG, conn_lost, 0),
                                FIELD("_address", T_OBJECT, address, 0),
                                FIELD("_connected", T_BOOL, connected, 0),
                                FIELD("_closing", T_BOOL, closing, 0),
                                FIELD("_paused", T_BOOL, paused, READONLY),
                                FIELD("_eof", T_BOOL, eof, 0),
                                FIELD("_protocol_connected", T_BOOL, protocol_connected, 0),
                                FIELD("_protocol_paused", T_BOOL, protocol_paused, 0),
                                FIELD("_buffered", T_BOOL, buffered, 0),
                                FIELD("_tls", T_BOOL, tls, 0),
                                FIELD("_wants_room", T_BOOL, wants_room, 0),
                                FIELD("_high_water", T_PYSSIZET, high, 0),
                                FIELD("_low_water", T_PYSSIZET, low, 0),
                                {0}};

/* The slots of a type with the methods @methods. */
#define SLOTS(methods, doc)                                                                        \
    {                                                                                              \
        {Py_tp_dealloc, transport_dealloc}, {Py_tp_traverse, transport_traverse},                  \
            {Py_tp_clear, transport_clear}, {Py_tp_methods, methods}, {Py_tp_members, members},    \
            {Py_tp_doc, doc},                                                                      \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#define SPEC(name_, slots_)                                                                        \
    {                                                                                              \
        .name = "eddyloop._eddyloop." name_, .basicsize = sizeof(struct eddyi_py_transport),       \
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, .slots = slots_    \
    }

static PyType_Slot slots[] = SLOTS(methods, "The parts of a transport that are in C.");
static PyType_Slot read_pipe_slots[] =
    SLOTS(read_pipe_methods, "The parts of the transport of a pipe's read end that are in C.");
static PyType_Slot datagrams_slots[] =
    SLOTS(datagrams_methods, "The parts of a transport of datagrams that are in C.");

PyType_Spec eddyi_py_transport_spec = SPEC("Transport", slots);
PyType_Spec eddyi_py_read_pipe_spec = SPEC("ReadPipe", read_pipe_slots);
PyType_Spec eddyi_py_datagrams_spec = SPEC("Datagrams", datagrams_slots);
