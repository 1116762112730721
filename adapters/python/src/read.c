/*
 * The reading half of transports: the way of the bytes from the carrier to a protocol.
 *
 * A wait for input receives up to 4 KiB into the wire's own memory, which saves a system call. If
 * that was filled, the rest is read into a buffer of 256 KiB that all connections share, and is
 * delivered together with the beginning, in one object of the right size.
 */
#include "handle.h"
#include "tls.h"
#include "transport.h"

#include <errno.h>
#include <unistd.h>

char *eddyi_py_shared_buffer(struct eddyi_py_state *s)
{
    if (!s->read_buffer && !(s->read_buffer = PyMem_Malloc(EDDYI_PY_MOST_READ)))
        PyErr_NoMemory();
    return s->read_buffer;
}

static int read_broken(struct eddyi_py_transport *t, ssize_t rc)
{
    return eddyi_py_transport_broken(t, rc,
                                     t->kind == EDDYI_PY_STREAM
                                         ? "Fatal read error on socket transport"
                                         : "Fatal read error on pipe transport");
}

/* Deals with a read that gave no bytes: 0 is the end of the stream, else an error. */
static int nothing_read(struct eddyi_py_transport *t, ssize_t rc)
{
    if (rc == -EAGAIN || rc == -ECANCELED)
        return 0;
    t->reads = false; /* unless the protocol's set_protocol() begins anew */
    if (rc == 0)
        return eddyi_py_transport_call(t, eddyi_py_transport_state(t)->name_on_eof);
    return read_broken(t, rc);
}

/* Reads what there is behind the bytes in the wire's memory into @buf. Returns a number of bytes;
 * 0 at the end of the stream, or an error < 0. -EAGAIN if there is nothing. */
static ssize_t read_more(struct eddyi_py_wire *w, char *buf, size_t size)
{
    if (!w->more || size == 0)
        return -EAGAIN;
    w->more = false;
    return w->carrier->ops->read(w->carrier, buf, size);
}

/* An exception of the protocol breaks a connection, but no pipe, as in asyncio. */
static int data_received(struct eddyi_py_transport *t, PyObject *data)
{
    PyObject *protocol = Py_NewRef(t->protocol), *done;
    bool fatal = t->kind == EDDYI_PY_STREAM;

    done =
        PyObject_CallMethodOneArg(protocol, eddyi_py_transport_state(t)->name_data_received, data);
    Py_DECREF(protocol);
    Py_XDECREF(done);
    if (done || !fatal)
        return done ? 0 : -1;
    return eddyi_py_transport_fatal(t, "Fatal error: protocol.data_received() call failed.");
}

static int read_plain(struct eddyi_py_transport *t)
{
    struct eddyi_py_state *s = eddyi_py_transport_state(t);
    struct eddyi_py_wire *w = t->wire;
    char *buffer = w->more ? eddyi_py_shared_buffer(s) : NULL;
    PyObject *data;
    size_t n = w->n;
    ssize_t rest;
    int rc;

    if (w->more && !buffer)
        return -1;
    rest = read_more(w, buffer, EDDYI_PY_MOST_READ - n);
    if (n == 0 && rest <= 0)
        return nothing_read(t, rest);
    data = eddyi_py_bytes_new(s, n + (rest > 0 ? (size_t)rest : 0));
    if (!data)
        return -1;
    memcpy(PyBytes_AS_STRING(data), w->memory + w->first, n);
    if (rest > 0)
        memcpy(PyBytes_AS_STRING(data) + n, buffer, (size_t)rest);
    w->first = w->n = 0;
    rc = data_received(t, data);
    eddyi_py_bytes_drop(s, data);
    /* The end of the stream is found again by the next read; an error is not. */
    if (rc == 0 && rest < 0 && rest != -EAGAIN && t->conn_lost == 0)
        rc = read_broken(t, rest);
    return rc;
}

/* Reads by the call of asyncio's, since a carrier takes the error of a terminal for its end. */
static int read_pipe(struct eddyi_py_transport *t)
{
    char *buffer = eddyi_py_shared_buffer(t->loop->state);
    PyObject *data;
    ssize_t n;
    int rc;

    if (!buffer)
        return -1;
    do {
        n = read(t->fd, buffer, EDDYI_PY_MOST_READ);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return nothing_read(t, n < 0 ? -errno : 0);
    data = PyBytes_FromStringAndSize(buffer, n);
    if (!data)
        return -1;
    rc = data_received(t, data);
    Py_DECREF(data);
    return rc;
}

/* Gets the memory of a BufferedProtocol for the next bytes. Returns 0, or -1 with an exception. */
static int get_buffer(struct eddyi_py_transport *t, Py_buffer *ret)
{
    PyObject *size = PyLong_FromLong(-1), *protocol = Py_NewRef(t->protocol), *buffer;
    int rc;

    buffer = size ? PyObject_CallMethodOneArg(protocol,
                                              eddyi_py_transport_state(t)->name_get_buffer, size)
                  : NULL;
    rc = buffer ? PyObject_GetBuffer(buffer, ret, PyBUF_WRITABLE) : -1;
    Py_XDECREF(size);
    Py_XDECREF(buffer);
    Py_DECREF(protocol);
    if (rc == 0 && ret->len == 0) {
        PyBuffer_Release(ret);
        PyErr_SetString(PyExc_RuntimeError, "get_buffer() returned an empty buffer");
        rc = -1;
    }
    return rc;
}

static int buffer_updated(struct eddyi_py_transport *t, ssize_t n)
{
    PyObject *size = PyLong_FromSsize_t(n), *protocol = Py_NewRef(t->protocol), *done = NULL;

    if (size)
        done = PyObject_CallMethodOneArg(protocol, eddyi_py_transport_state(t)->name_buffer_updated,
                                         size);
    Py_XDECREF(size);
    Py_DECREF(protocol);
    Py_XDECREF(done);
    return done
               ? 0
               : eddyi_py_transport_fatal(t, "Fatal error: protocol.buffer_updated() call failed.");
}

/* Fills @buf with the bytes of the wire's memory and those behind. Result as of read_more(). */
static ssize_t fill(struct eddyi_py_wire *w, char *buf, size_t size, ssize_t *ret_rest)
{
    size_t n = w->n < size ? w->n : size;

    memcpy(buf, w->memory + w->first, n);
    w->n -= n;
    w->first = w->n ? w->first + n : 0;
    *ret_rest = w->n ? -EAGAIN : read_more(w, buf + n, size - n);
    return n == 0 ? *ret_rest : (ssize_t)n + (*ret_rest > 0 ? *ret_rest : 0);
}

static int read_buffered(struct eddyi_py_transport *t)
{
    Py_buffer buffer;
    ssize_t n, rest;
    int rc;

    if (get_buffer(t, &buffer) < 0)
        return eddyi_py_transport_fatal(t, "Fatal error: protocol.get_buffer() call failed.");
    if (!t->wire || t->wire->ending) { /* get_buffer() has closed the transport */
        PyBuffer_Release(&buffer);
        return 0;
    }
    n = fill(t->wire, buffer.buf, (size_t)buffer.len, &rest);
    PyBuffer_Release(&buffer);
    if (n <= 0)
        return nothing_read(t, n);
    rc = buffer_updated(t, n);
    if (rc == 0 && rest < 0 && rest != -EAGAIN && t->conn_lost == 0)
        rc = read_broken(t, rest);
    return rc;
}

static int read_tls(struct eddyi_py_transport *t, struct eddyi_py_tls *p)
{
    struct eddyi_py_wire *w = t->wire;
    char *buffer = eddyi_py_shared_buffer(t->loop->state);
    ssize_t rest = buffer ? read_more(w, buffer, EDDYI_PY_MOST_READ) : 0;
    int rc;

    if (!buffer)
        return -1;
    if (w->n == 0 && rest <= 0)
        return nothing_read(t, rest);
    Py_INCREF(p);
    eddyi_py_tls_feed(p, w->memory + w->first, w->n);
    eddyi_py_tls_feed(p, buffer, rest > 0 ? (size_t)rest : 0);
    w->first = w->n = 0;
    rc = eddyi_py_tls_input(p, buffer, EDDYI_PY_MOST_READ);
    Py_DECREF(p);
    if (rc < 0)
        rc = eddyi_py_transport_fatal(t, "Fatal error: protocol.buffer_updated() call failed.");
    if (rc == 0 && rest < 0 && rest != -EAGAIN && t->conn_lost == 0)
        rc = read_broken(t, rest);
    return rc;
}

int eddyi_py_transport_read(struct eddyi_py_transport *t)
{
    struct eddyi_py_tls *p;

    if (t->conn_lost > 0 || !t->protocol || !t->wire || t->wire->ending)
        return 0;
    if (t->kind == EDDYI_PY_DATAGRAMS)
        return eddyi_py_datagrams_read(t);
    if (t->kind == EDDYI_PY_READ_PIPE)
        return read_pipe(t);
    if (t->kind == EDDYI_PY_WRITE_PIPE) /* its other end was closed */
        return eddyi_py_transport_call(t, t->loop->state->name_on_eof);
    if (!t->buffered)
        return read_plain(t);
    p = t->tls ? eddyi_py_tls_of(t->loop->state, t->protocol) : NULL;
    return p ? read_tls(t, p) : read_buffered(t);
}

/* _read_ready(): the same for Python, of which debug mode makes a handle. */
PyObject *eddyi_py_transport_read_ready(PyObject *self, PyObject *unused)
{
    if (eddyi_py_transport_read((struct eddyi_py_transport *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Makes a handle of the method @name, as asyncio has one of each reader and writer. */
static struct eddyi_py_handle *handle_of(struct eddyi_py_transport *t, PyObject *name)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)Py_NewRef(t->loop);
    PyObject *method = PyObject_GetAttr((PyObject *)t, name);
    struct eddyi_py_handle *h = method ? eddyi_py_handle_new(l, method, NULL, 0, t->context) : NULL;

    Py_XDECREF(method);
    Py_DECREF(l);
    return h;
}

/* Reads, in debug mode, by a handle, whose time is measured. */
static int read_watched(struct eddyi_py_transport *t)
{
    struct eddyi_py_loop *l = t->loop;
    struct eddyi_py_handle *h = handle_of(t, l->state->name_read_ready);
    int rc = h ? eddyi_py_handle_run(l, (PyObject *)h) : -1;

    Py_XDECREF(h);
    return rc;
}

/* Reports the exception that is set to the exception handler, as asyncio's handles do. Returns 0,
 * or -1 with an exception that ends the run. */
static int report_exception(struct eddyi_py_transport *t, PyObject *name)
{
    PyObject *type, *value, *traceback;
    struct eddyi_py_handle *h;
    int rc;

    if (eddyi_py_ends_a_run())
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    h = handle_of(t, name);
    if (!h)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    rc = h ? eddyi_py_handle_report(h) : -1;
    Py_XDECREF(h);
    return rc;
}

void eddyi_py_transport_enter(struct eddyi_py_transport *t,
                              int (*step)(struct eddyi_py_transport *t))
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)Py_NewRef(t->loop);
    PyObject *context = Py_NewRef(t->context);
    int rc;

    if (l->debug && step == eddyi_py_transport_read) {
        rc = read_watched(t);
    } else {
        rc = PyContext_Enter(context);
        if (rc == 0) {
            rc = step(t);
            eddyi_py_context_leave(context);
        }
        if (rc < 0)
            rc = report_exception(t, step == eddyi_py_transport_read ? l->state->name_read_ready
                                                                     : l->state->name_write_ready);
    }
    if (rc < 0)
        eddyi_py_loop_fail(l);
    if (eddyi_py_wire_update(t) < 0)
        eddyi_py_loop_fail(l);
    eddyi_py_gather_check(l);
    Py_DECREF(context);
    Py_DECREF(l);
}

/* Reports the end of the stream, or an error, which needs no further read. */
static int report(struct eddyi_py_transport *t)
{
    return t->conn_lost > 0 || !t->protocol ? 0 : nothing_read(t, t->wire->result);
}

void eddyi_py_transport_readable(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_py_wire *w = carrier->user;

    w->reading = false;
    if (w->ending || w->loop->closed)
        return;
    w->first = 0;
    w->n = result > 0 ? (size_t)result : 0;
    w->more = result == -EAGAIN || w->n == sizeof w->memory;
    w->result = result < 0 && result != -EAGAIN ? (int)result : 0;
    (void)eddy_loop_call_soon_item(w->loop->eddy, &w->input);
}

/* Acts on the result of a wait. Bytes that a paused transport has received stay in the wire's
 * memory. The end of the stream is not
 * remembered: the next wait finds it again. */
void eddyi_py_transport_input(eddy_item *item)
{
    struct eddyi_py_wire *w = EDDYI_PY_CONTAINER(item, struct eddyi_py_wire, input);
    struct eddyi_py_transport *t = w->transport;
    bool failed = w->result < 0 && w->result != -ECANCELED;

    if (!t || w->ending || w->loop->closed)
        return;
    Py_INCREF(t);
    if (failed || (t->reads && !t->closing && !t->paused && w->result == 0)) {
        eddyi_py_transport_enter(t, failed || (w->n == 0 && !w->more) ? report
                                                                      : eddyi_py_transport_read);
    } else if (eddyi_py_wire_update(t) < 0) {
        eddyi_py_loop_fail(w->loop);
    }
    Py_DECREF(t);
}
