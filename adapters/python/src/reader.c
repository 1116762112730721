/*
 * StreamReader: its memory, its attributes, and how the bytes get into it. See reading.c for the
 * way out.
 *
 * Bytes that arrive while there are none stay the object that the transport has made: to read them
 * all copies nothing. Further ones are gathered in a bytearray, as asyncio's are always.
 */
#include "reader.h"

#include <structmember.h>

enum { DEFAULT_LIMIT = 1 << 16 };

static struct eddyi_py_reader *of(PyObject *self)
{
    return (struct eddyi_py_reader *)self;
}

int eddyi_py_is_debugged(const struct eddyi_py_state *s, PyObject *loop)
{
    PyObject *debug;
    int truth;

    if (loop && PyObject_TypeCheck(loop, s->loop_type))
        return ((struct eddyi_py_loop *)loop)->debug;
    debug = loop ? PyObject_CallMethod(loop, "get_debug", NULL) : Py_NewRef(Py_False);
    truth = debug ? PyObject_IsTrue(debug) : -1;
    Py_XDECREF(debug);
    return truth;
}

Py_ssize_t eddyi_py_reader_length(const struct eddyi_py_reader *r)
{
    if (r->chunk)
        return PyBytes_GET_SIZE(r->chunk) - r->first;
    return r->buffer ? PyByteArray_GET_SIZE(r->buffer) : 0;
}

const char *eddyi_py_reader_bytes(const struct eddyi_py_reader *r)
{
    if (r->chunk)
        return PyBytes_AS_STRING(r->chunk) + r->first;
    return r->buffer ? PyByteArray_AS_STRING(r->buffer) : "";
}

/* Moves the bytes to a bytearray. Returns 0, or -1 with an exception. */
static int use_buffer(struct eddyi_py_reader *r)
{
    if (!r->buffer)
        r->buffer = PyByteArray_FromStringAndSize(eddyi_py_reader_bytes(r),
                                                  eddyi_py_reader_length(r));
    if (!r->buffer)
        return -1;
    Py_CLEAR(r->chunk);
    return 0;
}

/* Appends the bytes of @data, an object of any type that bytearray.extend() takes. */
static int append(struct eddyi_py_reader *r, PyObject *data)
{
    Py_ssize_t n;
    Py_buffer view;
    int rc;

    if (PyBytes_CheckExact(data) && !r->exposed && eddyi_py_reader_length(r) == 0) {
        Py_XSETREF(r->chunk, Py_NewRef(data));
        Py_CLEAR(r->buffer);
        r->first = 0;
        return 0;
    }
    if (use_buffer(r) < 0)
        return -1;
    if (data == r->buffer || !PyObject_CheckBuffer(data)) {
        PyObject *done = PyObject_CallMethod(r->buffer, "extend", "O", data);

        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return -1;
    n = PyByteArray_GET_SIZE(r->buffer);
    rc = PyByteArray_Resize(r->buffer, n + view.len);
    if (rc == 0)
        memcpy(PyByteArray_AS_STRING(r->buffer) + n, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return rc;
}

int eddyi_py_reader_drop(struct eddyi_py_reader *r, Py_ssize_t n)
{
    if (r->chunk) {
        r->first += n;
        if (r->first == PyBytes_GET_SIZE(r->chunk))
            Py_CLEAR(r->chunk);
        return 0;
    }
    if (!r->exposed && n == eddyi_py_reader_length(r)) {
        Py_CLEAR(r->buffer);
        return 0;
    }
    return n > 0 ? PySequence_DelSlice(r->buffer, 0, n) : 0;
}

PyObject *eddyi_py_reader_take(struct eddyi_py_reader *r, Py_ssize_t n)
{
    PyObject *bytes;

    if (r->chunk && r->first == 0 && n == PyBytes_GET_SIZE(r->chunk)) {
        bytes = r->chunk;
        r->chunk = NULL;
        return bytes;
    }
    bytes = PyBytes_FromStringAndSize(eddyi_py_reader_bytes(r), n);
    if (bytes && eddyi_py_reader_drop(r, n) < 0)
        Py_CLEAR(bytes);
    return bytes;
}

static bool has_transport(const struct eddyi_py_reader *r)
{
    return r->transport && r->transport != Py_None;
}

static int call_transport(struct eddyi_py_reader *r, PyObject *name)
{
    PyObject *transport = Py_NewRef(r->transport);
    PyObject *done = PyObject_CallMethodNoArgs(transport, name);

    Py_XDECREF(done);
    Py_DECREF(transport);
    return done ? 0 : -1;
}

int eddyi_py_reader_resume(struct eddyi_py_state *s, struct eddyi_py_reader *r)
{
    r->paused = false;
    if (has_transport(r))
        return call_transport(r, s->name_resume_reading);
    PyErr_SetString(PyExc_AttributeError, "'NoneType' object has no attribute 'resume_reading'");
    return -1;
}

/* Wakes up the coroutine that waits for input. */
static int wake_up(struct eddyi_py_state *s, struct eddyi_py_reader *r)
{
    PyObject *waiter = r->waiter, *cancelled, *done;
    int truth;

    if (!waiter || waiter == Py_None)
        return 0;
    r->waiter = NULL;
    cancelled = PyObject_CallMethodNoArgs(waiter, s->name_is_cancelled);
    truth = cancelled ? PyObject_IsTrue(cancelled) : -1;
    Py_XDECREF(cancelled);
    if (truth == 0) {
        done = PyObject_CallMethodOneArg(waiter, s->name_set_result, Py_None);
        truth = done ? 0 : -1;
        Py_XDECREF(done);
    }
    Py_DECREF(waiter);
    return truth < 0 ? -1 : 0;
}

/* Has the transport pause when there is too much to read. */
static int maybe_pause(struct eddyi_py_state *s, struct eddyi_py_reader *r)
{
    Py_ssize_t limit = r->limit < PY_SSIZE_T_MAX / 2 ? 2 * r->limit : PY_SSIZE_T_MAX;

    if (r->paused || !has_transport(r) || eddyi_py_reader_length(r) <= limit)
        return 0;
    if (call_transport(r, s->name_pause_reading) == 0) {
        r->paused = true;
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_NotImplementedError))
        return -1;
    PyErr_Clear(); /* all has to be buffered; the next time need not try */
    Py_CLEAR(r->transport);
    return 0;
}

static PyObject *feed_data(struct eddyi_py_method *m, PyObject *self, PyObject *data)
{
    struct eddyi_py_reader *r = of(self);
    int truth;

    if (r->eof || !eddyi_py_reader_is_plain(r))
        return NULL;
    truth = PyObject_IsTrue(data);
    if (truth <= 0)
        return truth < 0 ? NULL : Py_NewRef(Py_None);
    if (append(r, data) < 0 || wake_up(m->state, r) < 0 || maybe_pause(m->state, r) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *at_eof(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    const struct eddyi_py_reader *r = of(self);

    return eddyi_py_reader_is_plain(r) ? PyBool_FromLong(r->eof && eddyi_py_reader_length(r) == 0)
                                       : NULL;
}

static PyObject *exception(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    PyObject *e = of(self)->exception;

    return Py_NewRef(e ? e : Py_None);
}

const struct eddyi_py_function eddyi_py_reader_functions[] = {
    {"feed_data", feed_data, "data", false},
    {"at_eof", at_eof, NULL, false},
    {"exception", exception, NULL, false},
    {"read", eddyi_py_reader_read, "n", true},
    {"readexactly", eddyi_py_reader_readexactly, "n", false},
    {"readuntil", eddyi_py_reader_readuntil, "separator", true},
    {"readline", eddyi_py_reader_readline, NULL, false},
    {"__anext__", eddyi_py_reader_anext, NULL, false},
    {0}};

/* Keeps @limit, a number of any kind, as it is and as the nearest number that C has. */
static int set_limit(PyObject *self, PyObject *limit, void *unused)
{
    struct eddyi_py_reader *r = of(self);
    Py_ssize_t n;

    if (!limit) {
        PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
        return -1;
    }
    n = PyNumber_AsSsize_t(limit, NULL); /* NULL: the nearest one, and no error */
    if (n == -1 && PyErr_Occurred()) {
        double number;

        PyErr_Clear(); /* a float, perhaps infinity, which asyncio does not refuse */
        number = PyFloat_AsDouble(limit);
        if (PyErr_Occurred())
            return -1;
        n = number >= 0x1p62 ? PY_SSIZE_T_MAX : (Py_ssize_t)number;
    }
    r->limit = n;
    Py_XSETREF(r->limit_given, Py_NewRef(limit));
    return 0;
}

static PyObject *get_limit(PyObject *self, void *unused)
{
    PyObject *limit = of(self)->limit_given;

    if (limit)
        return Py_NewRef(limit);
    PyErr_SetString(PyExc_AttributeError, "_limit");
    return NULL;
}

static PyObject *get_buffer(PyObject *self, void *unused)
{
    struct eddyi_py_reader *r = of(self);

    if (use_buffer(r) < 0)
        return NULL;
    r->exposed = true;
    return Py_NewRef(r->buffer);
}

static int set_buffer(PyObject *self, PyObject *buffer, void *unused)
{
    struct eddyi_py_reader *r = of(self);

    if (!buffer) {
        PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
        return -1;
    }
    r->exposed = true;
    Py_CLEAR(r->chunk);
    Py_XSETREF(r->buffer, Py_NewRef(buffer));
    return 0;
}

/* Finds the loop, and has a traceback made in debug mode. Returns 0, or -1 with an exception. */
static int set_loop(struct eddyi_py_state *s, PyObject *self, PyObject *loop)
{
    PyObject *traceback;
    int rc;

    loop = loop && loop != Py_None ? Py_NewRef(loop) : PyObject_CallNoArgs(s->current_loop);
    if (!loop)
        return -1;
    Py_XSETREF(of(self)->loop, loop);
    rc = eddyi_py_is_debugged(s, loop);
    if (rc <= 0 || !PyEval_GetFrame())
        return rc;
    traceback = PyObject_CallOneArg(s->extract_stack, (PyObject *)PyEval_GetFrame());
    rc = traceback ? PyObject_SetAttrString(self, "_source_traceback", traceback) : -1;
    Py_XDECREF(traceback);
    return rc;
}

/* StreamReader(limit=2 ** 16, loop=None) */
static int reader_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"limit", "loop", NULL};
    struct eddyi_py_reader *r = of(self);
    PyObject *limit = NULL, *loop = NULL, *module = eddyi_py_module_of(Py_TYPE(self));
    int rc;

    if (!module ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "|OO:StreamReader", names, &limit, &loop))
        return -1;
    limit = limit ? Py_NewRef(limit) : PyLong_FromLong(DEFAULT_LIMIT);
    rc = limit ? set_limit(self, limit, NULL) : -1;
    Py_XDECREF(limit);
    if (rc < 0)
        return -1;
    if (r->limit <= 0) {
        PyErr_SetString(PyExc_ValueError, "Limit cannot be <= 0");
        return -1;
    }
    Py_CLEAR(r->chunk);
    Py_CLEAR(r->buffer);
    Py_CLEAR(r->waiter);
    Py_CLEAR(r->exception);
    Py_CLEAR(r->transport);
    r->exposed = r->eof = r->paused = false;
    return set_loop(eddyi_py_state_of(module), self, loop);
}

static int reader_clear(PyObject *self)
{
    struct eddyi_py_reader *r = of(self);

    Py_CLEAR(r->loop);
    Py_CLEAR(r->limit_given);
    Py_CLEAR(r->waiter);
    Py_CLEAR(r->exception);
    Py_CLEAR(r->transport);
    Py_CLEAR(r->chunk);
    Py_CLEAR(r->buffer);
    return 0;
}

static int reader_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_reader *r = of(self);

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(r->loop);
    Py_VISIT(r->limit_given);
    Py_VISIT(r->waiter);
    Py_VISIT(r->exception);
    Py_VISIT(r->transport);
    Py_VISIT(r->buffer);
    return 0;
}

static void reader_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    reader_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

#define FIELD(name, type, field)                                                                   \
    {                                                                                              \
        name, type, offsetof(struct eddyi_py_reader, field), 0, NULL                               \
    }

static PyMemberDef members[] = {FIELD("_loop", T_OBJECT_EX, loop),
                                FIELD("_waiter", T_OBJECT, waiter),
                                FIELD("_exception", T_OBJECT, exception),
                                FIELD("_transport", T_OBJECT, transport),
                                FIELD("_eof", T_BOOL, eof),
                                FIELD("_paused", T_BOOL, paused),
                                {0}};

static PyGetSetDef getset[] = {{"_limit", get_limit, set_limit, NULL, NULL},
                               {"_buffer", get_buffer, set_buffer, NULL, NULL},
                               {0}};

static PyType_Slot slots[] = {{Py_tp_init, reader_init},
                              {Py_tp_dealloc, reader_dealloc},
                              {Py_tp_traverse, reader_traverse},
                              {Py_tp_clear, reader_clear},
                              {Py_tp_members, members},
                              {Py_tp_getset, getset},
                              {Py_tp_doc, "The parts of a StreamReader that are in C."},
                              {0}};

PyType_Spec eddyi_py_reader_spec = {.name = "eddyloop._eddyloop.StreamReader",
                                    .basicsize = sizeof(struct eddyi_py_reader),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_BASETYPE,
                                    .slots = slots};
