/*
 * StreamWriter and StreamReaderProtocol: their attributes, and what they do for each message.
 */
#include "transport.h"

#include "stream.h"

#include <structmember.h>

static struct eddyi_py_writer *writer_of(PyObject *self)
{
    return (struct eddyi_py_writer *)self;
}

/* Calls the method @name of the transport with @arg. Returns NULL without an exception if there is
 * no transport. */
static PyObject *call_transport(PyObject *self, PyObject *name, PyObject *arg)
{
    PyObject *transport = Py_XNewRef(writer_of(self)->transport), *done = NULL;

    if (transport)
        done = PyObject_CallMethodOneArg(transport, name, arg);
    Py_XDECREF(transport);
    if (!done)
        return NULL;
    Py_DECREF(done);
    Py_RETURN_NONE;
}

static PyObject *writer_write(struct eddyi_py_method *m, PyObject *self, PyObject *data)
{
    return call_transport(self, m->state->name_write, data);
}

static PyObject *writer_writelines(struct eddyi_py_method *m, PyObject *self, PyObject *data)
{
    return call_transport(self, m->state->name_writelines, data);
}

static PyObject *writer_is_closing(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    PyObject *transport = Py_XNewRef(writer_of(self)->transport), *closing = NULL;

    if (transport)
        closing = PyObject_CallMethodNoArgs(transport, m->state->name_is_closing);
    Py_XDECREF(transport);
    return closing;
}

/* Returns whether @w has no error, and is not closing. -1 with an exception. */
static int is_open(const struct eddyi_py_state *s, struct eddyi_py_writer *w)
{
    PyObject *reader = w->reader, *closing;
    int truth;

    if (!w->transport || !reader || (reader != Py_None && Py_TYPE(reader) != s->reader_class))
        return 0;
    if (reader != Py_None) {
        PyObject *e = ((struct eddyi_py_reader *)reader)->exception;

        if (e && e != Py_None)
            return 0;
    }
    if (PyObject_TypeCheck(w->transport, s->transport_type))
        return !((struct eddyi_py_transport *)w->transport)->closing;
    closing = PyObject_CallMethodNoArgs(w->transport, s->name_is_closing);
    truth = closing ? PyObject_IsTrue(closing) : -1;
    Py_XDECREF(closing);
    return truth < 0 ? -1 : !truth;
}

/* The step of drain(): nearly always there is nothing to wait for. */
static PySendResult drain_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    struct eddyi_py_writer *w = writer_of(c->self);
    const struct eddyi_py_state *s = c->method->state;
    const struct eddyi_py_stream_protocol *p;
    int open = is_open(s, w);

    if (open < 0)
        return PYGEN_ERROR;
    p = (struct eddyi_py_stream_protocol *)w->protocol;
    if (!open || !p || Py_TYPE(p) != s->stream_protocol_class || p->connection_lost || p->paused)
        return eddyi_py_coroutine_delegate(c);
    *ret = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static PyObject *writer_drain(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    if (eddyi_py_is_debugged(m->state, writer_of(self)->loop) != 0)
        return NULL;
    return eddyi_py_coroutine_new(m, self, NULL, drain_step);
}

const struct eddyi_py_function eddyi_py_writer_functions[] = {
    {"write", writer_write, "data", false},
    {"writelines", writer_writelines, "data", false},
    {"is_closing", writer_is_closing, NULL, false},
    {"drain", writer_drain, NULL, false},
    {0}};

static int writer_clear(PyObject *self)
{
    struct eddyi_py_writer *w = writer_of(self);

    Py_CLEAR(w->transport);
    Py_CLEAR(w->protocol);
    Py_CLEAR(w->reader);
    Py_CLEAR(w->loop);
    return 0;
}

static int writer_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_writer *w = writer_of(self);

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(w->transport);
    Py_VISIT(w->protocol);
    Py_VISIT(w->reader);
    Py_VISIT(w->loop);
    return 0;
}

static void writer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    writer_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

#define FIELD(name, type, object, field)                                                           \
    {                                                                                              \
        name, type, offsetof(struct object, field), 0, NULL                                        \
    }

static PyMemberDef writer_members[] = {
    FIELD("_transport", T_OBJECT_EX, eddyi_py_writer, transport),
    FIELD("_protocol", T_OBJECT_EX, eddyi_py_writer, protocol),
    FIELD("_reader", T_OBJECT_EX, eddyi_py_writer, reader),
    FIELD("_loop", T_OBJECT_EX, eddyi_py_writer, loop),
    {0}};

static PyType_Slot writer_slots[] = {{Py_tp_dealloc, writer_dealloc},
                                     {Py_tp_traverse, writer_traverse},
                                     {Py_tp_clear, writer_clear},
                                     {Py_tp_members, writer_members},
                                     {Py_tp_doc, "The parts of a StreamWriter that are in C."},
                                     {0}};

PyType_Spec eddyi_py_writer_spec = {.name = "eddyloop._eddyloop.StreamWriter",
                                    .basicsize = sizeof(struct eddyi_py_writer),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_BASETYPE,
                                    .slots = writer_slots};

/* Returns the reader, NULL if it is gone. The caller owns the result. */
static PyObject *reader_of(const struct eddyi_py_stream_protocol *p)
{
    PyObject *reader = NULL;

    if (!p->reader || p->reader == Py_None)
        return NULL;
#if PY_VERSION_HEX >= 0x030d0000
    (void)PyWeakref_GetRef(p->reader, &reader);
#else
    reader = PyWeakref_GetObject(p->reader);
    reader = reader && reader != Py_None ? Py_NewRef(reader) : NULL;
#endif
    return reader;
}

static PyObject *data_received(struct eddyi_py_method *m, PyObject *self, PyObject *data)
{
    PyObject *reader = reader_of((struct eddyi_py_stream_protocol *)self), *done;

    if (!reader)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    done = PyObject_CallMethodOneArg(reader, m->state->name_feed_data, data);
    Py_DECREF(reader);
    if (!done)
        return NULL;
    Py_DECREF(done);
    Py_RETURN_NONE;
}

const struct eddyi_py_function eddyi_py_stream_protocol_functions[] = {
    {"data_received", data_received, "data", false}, {0}};

static int protocol_clear(PyObject *self)
{
    Py_CLEAR(((struct eddyi_py_stream_protocol *)self)->reader);
    return 0;
}

static int protocol_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct eddyi_py_stream_protocol *)self)->reader);
    return 0;
}

static void protocol_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    protocol_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef protocol_members[] = {
    FIELD("_stream_reader_wr", T_OBJECT_EX, eddyi_py_stream_protocol, reader),
    FIELD("_paused", T_BOOL, eddyi_py_stream_protocol, paused),
    FIELD("_connection_lost", T_BOOL, eddyi_py_stream_protocol, connection_lost),
    {0}};

static PyType_Slot protocol_slots[] = {
    {Py_tp_dealloc, protocol_dealloc},
    {Py_tp_traverse, protocol_traverse},
    {Py_tp_clear, protocol_clear},
    {Py_tp_members, protocol_members},
    {Py_tp_doc, "The parts of a StreamReaderProtocol that are in C."},
    {0}};

PyType_Spec eddyi_py_stream_protocol_spec = {.name = "eddyloop._eddyloop.StreamReaderProtocol",
                                             .basicsize = sizeof(struct eddyi_py_stream_protocol),
                                             .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                      Py_TPFLAGS_BASETYPE,
                                             .slots = protocol_slots};
