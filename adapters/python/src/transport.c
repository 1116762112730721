/*
 * The methods of socket transports that run for each packet.
 *
 * eddyloop's transport is a subclass in Python of asyncio's own, so everything rare, such as
 * errors, closing and full buffers, is asyncio's code. The fields that the methods here look at are
 * slots of that subclass: C finds them at fixed offsets, asyncio's code by their names.
 *
 * Bytes are received into a buffer of the loop and copied into an object of the right size: asyncio
 * makes one of 256 KiB for each packet, and shrinks it.
 */
#include "handle.h"

#include <errno.h>
#include <structmember.h>
#include <sys/socket.h>

/* asyncio's limit (_SelectorTransport.max_size). */
enum { READ_SIZE = 256 * 1024 };

static PyObject *slot(PyObject *self, Py_ssize_t offset)
{
    return *(PyObject **)((char *)self + offset);
}

/* Returns whether the number in a slot is not 0; an empty slot has none. */
static bool is_nonzero(PyObject *number)
{
    return !number || !PyLong_CheckExact(number) || PyLong_AsLong(number) != 0;
}

static char *read_buffer(struct eddyi_py_state *s)
{
    if (!s->read_buffer && !(s->read_buffer = PyMem_Malloc(READ_SIZE)))
        PyErr_NoMemory();
    return s->read_buffer;
}

/* Hands the exception that is set to _fatal_error(), unless it ends the run. Returns None. */
static PyObject *fatal(struct eddyi_py_state *s, PyObject *self, const char *message)
{
    PyObject *type, *value, *traceback, *handled, *text, *done = NULL;

    if (eddyi_py_ends_a_run())
        return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    text = PyUnicode_FromString(message);
    if (text) {
        handled = PyErr_GetHandledException(); /* the log shows the one that is being handled */
        PyErr_SetHandledException(value);
        done = PyObject_CallMethodObjArgs(self, s->name_fatal_error, value, text, NULL);
        PyErr_SetHandledException(handled);
        Py_XDECREF(handled);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(text);
    return done;
}

/* Deals with the result of a call that moved no bytes: 0 is the end, else errno says why. */
static PyObject *nothing_read(struct eddyi_py_state *s, PyObject *self, ssize_t n)
{
    if (n == 0)
        return PyObject_CallMethodNoArgs(self, s->name_on_eof);
    if (errno == EAGAIN || errno == EINTR)
        Py_RETURN_NONE;
    PyErr_SetFromErrno(PyExc_OSError);
    return fatal(s, self, "Fatal read error on socket transport");
}

static PyObject *receive(struct eddyi_py_state *s, PyObject *self, int fd)
{
    PyObject *protocol = slot(self, s->transport.protocol), *data, *done;
    char *buffer = read_buffer(s);
    ssize_t n = buffer ? recv(fd, buffer, READ_SIZE, 0) : 0;

    if (!buffer)
        return NULL;
    if (n <= 0)
        return nothing_read(s, self, n);
    data = PyBytes_FromStringAndSize(buffer, n);
    Py_INCREF(protocol);
    done = data ? PyObject_CallMethodOneArg(protocol, s->name_data_received, data) : NULL;
    Py_DECREF(protocol);
    Py_XDECREF(data);
    return done ? done : fatal(s, self, "Fatal error: protocol.data_received() call failed.");
}

/* Gets the memory of a BufferedProtocol for the next bytes. Returns 0, or -1 with an exception. */
static int get_buffer(struct eddyi_py_state *s, PyObject *protocol, Py_buffer *ret)
{
    PyObject *size = PyLong_FromLong(-1);
    PyObject *buffer = size ? PyObject_CallMethodOneArg(protocol, s->name_get_buffer, size) : NULL;
    int rc = buffer ? PyObject_GetBuffer(buffer, ret, PyBUF_WRITABLE) : -1;

    Py_XDECREF(size);
    Py_XDECREF(buffer);
    if (rc == 0 && ret->len == 0) {
        PyBuffer_Release(ret);
        PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
        rc = -1;
    }
    return rc;
}

static PyObject *receive_into(struct eddyi_py_state *s, PyObject *self, int fd)
{
    PyObject *protocol = Py_NewRef(slot(self, s->transport.protocol)), *size, *done = NULL;
    Py_buffer buffer;
    ssize_t n;

    if (get_buffer(s, protocol, &buffer) < 0) {
        Py_DECREF(protocol);
        return fatal(s, self, "Fatal error: protocol.get_buffer() call failed.");
    }
    n = recv(fd, buffer.buf, (size_t)buffer.len, 0);
    PyBuffer_Release(&buffer);
    if (n <= 0) {
        Py_DECREF(protocol);
        return nothing_read(s, self, n);
    }
    size = PyLong_FromSsize_t(n);
    if (size)
        done = PyObject_CallMethodOneArg(protocol, s->name_buffer_updated, size);
    Py_XDECREF(size);
    Py_DECREF(protocol);
    return done ? done : fatal(s, self, "Fatal error: protocol.buffer_updated() call failed.");
}

/* _read_ready(): reads once, and passes the bytes to the protocol. */
static PyObject *read_ready(PyObject *self, PyTypeObject *class, PyObject *const *args,
                            Py_ssize_t n_args, PyObject *keywords)
{
    struct eddyi_py_state *s = PyType_GetModuleState(class);
    PyObject *number = slot(self, s->transport.fd);
    int fd = number ? (int)PyLong_AsLong(number) : -1;

    if (is_nonzero(slot(self, s->transport.conn_lost)) || !slot(self, s->transport.protocol))
        Py_RETURN_NONE;
    if (slot(self, s->transport.buffered) == Py_True)
        return receive_into(s, self, fd);
    return receive(s, self, fd);
}

static PyObject *write_slowly(struct eddyi_py_state *s, PyObject *self, PyObject *data)
{
    return PyObject_CallFunctionObjArgs(s->asyncios_write, self, data, NULL);
}

/* Buffers what is left of @data after its first @n bytes: as a view of bytes, since asyncio counts
 * the items of a view, whatever their size. */
static PyObject *write_rest(struct eddyi_py_state *s, PyObject *self, PyObject *data, ssize_t n,
                            Py_ssize_t size)
{
    PyObject *view = PyMemoryView_FromObject(data), *bytes, *rest, *done;

    bytes = view ? PyObject_CallMethod(view, "cast", "s", "B") : NULL;
    rest = bytes ? PySequence_GetSlice(bytes, n, size) : NULL;
    done = rest ? write_slowly(s, self, rest) : NULL;
    Py_XDECREF(view);
    Py_XDECREF(bytes);
    Py_XDECREF(rest);
    return done;
}

/* Returns whether nothing prevents @self from sending at once. */
static bool may_send(const struct eddyi_py_state *s, PyObject *self)
{
    PyObject *buffer = slot(self, s->transport.buffer);

    return slot(self, s->transport.eof) == Py_False &&
           slot(self, s->transport.empty_waiter) == Py_None &&
           !is_nonzero(slot(self, s->transport.conn_lost)) && buffer && PyObject_Size(buffer) == 0;
}

/* Sends @data at once if nothing is buffered, which is nearly always all there is to do. */
static PyObject *write_data(struct eddyi_py_state *s, PyObject *self, PyObject *data)
{
    Py_buffer view;
    ssize_t n = 0;

    if (!(PyBytes_Check(data) || PyByteArray_Check(data) || PyMemoryView_Check(data)) ||
        !may_send(s, self))
        return write_slowly(s, self, data);
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear(); /* not contiguous; asyncio's code deals with it */
        return write_slowly(s, self, data);
    }
    if (view.len > 0)
        n = send((int)PyLong_AsLong(slot(self, s->transport.fd)), view.buf, (size_t)view.len,
                 MSG_NOSIGNAL);
    PyBuffer_Release(&view);
    if (n == view.len)
        Py_RETURN_NONE;
    if (n >= 0)
        return write_rest(s, self, data, n, view.len);
    if (errno == EAGAIN || errno == EINTR)
        return write_rest(s, self, data, 0, view.len);
    PyErr_SetFromErrno(PyExc_OSError);
    return fatal(s, self, "Fatal write error on socket transport");
}

/* write(data) */
static PyObject *transport_write(PyObject *self, PyTypeObject *class, PyObject *const *args,
                                 Py_ssize_t n, PyObject *keywords)
{
    Py_ssize_t n_keywords = keywords ? PyTuple_GET_SIZE(keywords) : 0;

    if (n + n_keywords != 1 || (n_keywords && PyUnicode_CompareWithASCIIString(
                                                  PyTuple_GET_ITEM(keywords, 0), "data") != 0)) {
        PyErr_SetString(PyExc_TypeError, "write() takes exactly one argument: 'data'");
        return NULL;
    }
    return write_data(PyType_GetModuleState(class), self, args[0]);
}

/* Stores the offset of the slot @name of @class. */
static int find_slot(PyObject *class, const char *name, Py_ssize_t *ret)
{
    PyObject *slot = PyObject_GetAttrString(class, name);
    int rc = -1;

    if (slot && Py_IS_TYPE(slot, &PyMemberDescr_Type)) {
        *ret = ((PyMemberDescrObject *)slot)->d_member->offset;
        rc = 0;
    } else if (slot) {
        PyErr_Format(PyExc_TypeError, "%s is no slot", name);
    }
    Py_XDECREF(slot);
    return rc;
}

/* _use(class): learns where the slots of the subclass are, and which write() is asyncio's. */
static PyObject *use(PyObject *mixin, PyObject *class)
{
    struct eddyi_py_state *s = PyType_GetModuleState((PyTypeObject *)mixin);
    PyObject *super;

    if (find_slot(class, "_protocol", &s->transport.protocol) < 0 ||
        find_slot(class, "_sock_fd", &s->transport.fd) < 0 ||
        find_slot(class, "_buffer", &s->transport.buffer) < 0 ||
        find_slot(class, "_conn_lost", &s->transport.conn_lost) < 0 ||
        find_slot(class, "_eof", &s->transport.eof) < 0 ||
        find_slot(class, "_empty_waiter", &s->transport.empty_waiter) < 0 ||
        find_slot(class, "_buffered", &s->transport.buffered) < 0)
        return NULL;
    super = PyObject_GetAttrString(class, "_base");
    Py_XSETREF(s->asyncios_write, super ? PyObject_GetAttrString(super, "write") : NULL);
    Py_XDECREF(super);
    return s->asyncios_write ? Py_NewRef(Py_None) : NULL;
}

#define FAST(fn) ((PyCFunction)(void (*)(void))(fn))

static PyMethodDef methods[] = {
    {"_read_ready", FAST(read_ready), METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL},
    {"write", FAST(transport_write), METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
     "Writes some data to the transport; does not block."},
    {"_use", use, METH_O | METH_CLASS, NULL},
    {0}};

static PyType_Slot slots[] = {
    {Py_tp_methods, methods}, {Py_tp_doc, "The methods in C of a socket transport."}, {0}};

/* Without fields, so that it can be a base beside asyncio's class, which has some. */
PyType_Spec eddyi_py_transport_spec = {.name = "eddyloop._eddyloop.SocketMethods",
                                       .basicsize = sizeof(PyObject),
                                       .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                                Py_TPFLAGS_IMMUTABLETYPE,
                                       .slots = slots};
