/*
 * The writing half of transports.
 *
 * Nearly always a write goes to the kernel at once, or with others at the end of the turn. What the
 * kernel does not take is kept: an object of bytes as it is, any other memory as a copy, since the
 * program may change it.
 */
#include "transport.h"

#include <errno.h>

/* The most pieces that one call sends. */
enum { MOST_PIECES = 64 };

/* Memory to be written: the object that has it, and a view of it unless it is of type bytes. */
struct piece {
    PyObject *object;
    Py_buffer view;
    bool viewed;
    const char *data;
    size_t size;
};

static void forget_piece(struct piece *p)
{
    if (p->viewed)
        PyBuffer_Release(&p->view);
}

/* Looks at the memory of @data. Returns 0, or -1 with an exception. */
static int look_at(PyObject *data, struct piece *ret)
{
    ret->object = data;
    ret->viewed = !PyBytes_CheckExact(data);
    if (!ret->viewed) {
        ret->data = PyBytes_AS_STRING(data);
        ret->size = (size_t)PyBytes_GET_SIZE(data);
        return 0;
    }
    if (PyObject_GetBuffer(data, &ret->view, PyBUF_SIMPLE) < 0) {
        ret->viewed = false;
        return -1;
    }
    ret->data = ret->view.buf;
    ret->size = (size_t)ret->view.len;
    return 0;
}

/* Keeps what follows the first @n bytes. Returns 0, or -1 with an exception. */
static int keep(struct eddyi_py_transport *t, const struct piece *p, size_t n)
{
    PyObject *bytes;
    int rc;

    if (!p->viewed && (n == 0 || t->out.n == 0)) {
        bytes = Py_NewRef(p->object);
    } else {
        bytes = PyBytes_FromStringAndSize(p->data + n, (Py_ssize_t)(p->size - n));
        if (!bytes)
            return -1;
    }
    if (t->out.n == 0)
        t->sent = p->viewed ? 0 : n;
    rc = eddyi_py_queue_push(&t->out, bytes);
    Py_DECREF(bytes);
    if (rc == 0)
        t->n_out += p->size - n;
    return rc;
}

/* The program may write in any context; the protocol is called in its own. Entering that fails if
 * it is the present one, or that of an outer call. */
int eddyi_py_transport_maybe_pause(struct eddyi_py_transport *t)
{
    PyObject *name = eddyi_py_transport_state(t)->name_maybe_pause, *context;
    int rc;

    if (t->n_out <= (size_t)t->high || t->protocol_paused)
        return 0;
    if (PyContext_Enter(t->context) < 0) {
        PyErr_Clear();
        return eddyi_py_transport_call(t, name);
    }
    context = Py_NewRef(t->context);
    rc = eddyi_py_transport_call(t, name);
    eddyi_py_context_leave(context);
    Py_DECREF(context);
    return rc;
}

static int broken(struct eddyi_py_transport *t, ssize_t rc)
{
    return eddyi_py_transport_broken(t, rc,
                                     t->kind == EDDYI_PY_WRITE_PIPE
                                         ? "Fatal write error on pipe transport"
                                         : "Fatal write error on socket transport");
}

/* Waits for room for the bytes that are kept. */
static int wait_for_room(struct eddyi_py_transport *t)
{
    return t->n_out == 0 || eddyi_py_wire_update(t) == 0 ? eddyi_py_transport_maybe_pause(t) : -1;
}

/* Sends one piece, or keeps it. Returns 0, or -1 with an exception. */
static int write_piece(struct eddyi_py_transport *t, const struct piece *p)
{
    struct iovec all = {(void *)(uintptr_t)p->data, p->size};
    ssize_t n = 0;

    if (eddyi_py_gather_may_wait(t, p->size))
        return keep(t, p, 0) < 0 ? -1 : eddyi_py_gather_begin(t);
    if (t->gathers)
        return keep(t, p, 0) < 0 ? -1 : eddyi_py_transport_settle(t);
    if (t->out.n == 0) {
        n = t->wire->carrier->ops->write(t->wire->carrier, &all, 1);
        if (n == -EAGAIN)
            n = 0;
        if (n < 0)
            return broken(t, n);
        if ((size_t)n == p->size)
            return 0;
    }
    return keep(t, p, (size_t)n) < 0 ? -1 : wait_for_room(t);
}

/* Makes the checks of asyncio that concern every write. Returns 1 if there is something to do, 0 if
 * not, -1 with an exception. */
static int check_open(struct eddyi_py_transport *t, const char *eof, const char *busy)
{
    if (t->eof) {
        PyErr_SetString(PyExc_RuntimeError, eof);
        return -1;
    }
    if (t->empty_waiter && t->empty_waiter != Py_None) {
        PyErr_SetString(PyExc_RuntimeError, busy);
        return -1;
    }
    return 1;
}

/* Counts a write to a lost connection, and warns of it after some. Returns 1 if @t is not lost. */
static int check_lost(struct eddyi_py_transport *t)
{
    PyObject *done;

    if (t->conn_lost == 0 && t->wire && !t->wire->ending &&
        !(t->kind == EDDYI_PY_WRITE_PIPE && t->closing))
        return 1;
    done = eddyi_py_call((PyObject *)t, "_written_in_vain");
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int write_data(struct eddyi_py_transport *t, PyObject *data)
{
    struct piece p;
    int rc;

    if (!(PyBytes_Check(data) || PyByteArray_Check(data) || PyMemoryView_Check(data))) {
        PyErr_Format(PyExc_TypeError, "data argument must be a bytes-like object, not '%s'",
                     Py_TYPE(data)->tp_name);
        return -1;
    }
    rc = check_open(t, "Cannot call write() after write_eof()",
                    "unable to write; sendfile is in progress");
    if (rc < 0 || look_at(data, &p) < 0)
        return -1;
    rc = p.size == 0 ? 0 : check_lost(t);
    if (rc > 0)
        rc = write_piece(t, &p);
    forget_piece(&p);
    return rc;
}

int eddyi_py_transport_send(struct eddyi_py_transport *t, PyObject *bytes)
{
    return write_data(t, bytes);
}

PyObject *eddyi_py_transport_write(PyObject *self, PyTypeObject *class, PyObject *const *args,
                                   Py_ssize_t n, PyObject *keywords)
{
    Py_ssize_t n_keywords = keywords ? PyTuple_GET_SIZE(keywords) : 0;

    if (n + n_keywords != 1 || (n_keywords && PyUnicode_CompareWithASCIIString(
                                                  PyTuple_GET_ITEM(keywords, 0), "data") != 0)) {
        PyErr_SetString(PyExc_TypeError, "write() takes exactly one argument: 'data'");
        return NULL;
    }
    if (write_data((struct eddyi_py_transport *)self, args[0]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Takes @n bytes off the queue. */
static void consume(struct eddyi_py_transport *t, size_t n)
{
    t->n_out -= n;
    while (n > 0) {
        size_t left = (size_t)PyBytes_GET_SIZE(t->out.slots[t->out.first]) - t->sent;

        if (n < left) {
            t->sent += n;
            return;
        }
        n -= left;
        t->sent = 0;
        Py_DECREF(eddyi_py_queue_pop(&t->out));
    }
}

/* Sends what is kept, as much as the kernel takes. Returns 0, or the carrier's error < 0. */
static ssize_t flush(struct eddyi_py_transport *t)
{
    const struct eddyi_py_queue *q = &t->out;

    while (q->n > 0) {
        struct iovec iov[MOST_PIECES];
        int n = 0;
        ssize_t written;

        for (; n < MOST_PIECES && (size_t)n < q->n; n++) {
            PyObject *bytes = q->slots[(q->first + (size_t)n) & (q->size - 1)];
            size_t skip = n == 0 ? t->sent : 0;

            iov[n].iov_base = PyBytes_AS_STRING(bytes) + skip;
            iov[n].iov_len = (size_t)PyBytes_GET_SIZE(bytes) - skip;
        }
        written = t->wire->carrier->ops->write(t->wire->carrier, iov, n);
        if (written < 0)
            return written;
        consume(t, (size_t)written);
    }
    return 0;
}

void eddyi_py_transport_drop_output(struct eddyi_py_transport *t)
{
    eddyi_py_queue_clear(&t->out);
    t->sent = t->n_out = 0;
    t->gathers = false;
}

/* Deals with the error @rc of the carrier: the bytes that are kept are lost. */
static int fail(struct eddyi_py_transport *t, ssize_t rc)
{
    eddyi_py_transport_drop_output(t);
    return broken(t, rc);
}

int eddyi_py_transport_settle(struct eddyi_py_transport *t)
{
    ssize_t rc;

    if (!t->gathers)
        return 0;
    t->gathers = false;
    if (!t->wire || t->wire->ending || t->conn_lost > 0) {
        eddyi_py_transport_drop_output(t);
        return 0;
    }
    rc = flush(t);
    if (rc < 0 && rc != -EAGAIN)
        return fail(t, rc);
    return wait_for_room(t);
}

/* A pipe resumes its protocol when nothing is kept, as in asyncio. */
int eddyi_py_transport_room_made(struct eddyi_py_transport *t)
{
    struct eddyi_py_state *s = eddyi_py_transport_state(t);
    size_t low = t->kind == EDDYI_PY_WRITE_PIPE ? 0 : (size_t)t->low;

    if (t->protocol_paused && t->n_out <= low &&
        eddyi_py_transport_call(t, s->name_maybe_resume) < 0)
        return -1;
    if (t->n_out > 0 || !(t->closing || t->eof || (t->empty_waiter && t->empty_waiter != Py_None)))
        return 0;
    return eddyi_py_transport_call(t, s->name_on_drained);
}

static int write_ready(struct eddyi_py_transport *t)
{
    ssize_t rc;

    if (t->conn_lost > 0 || !t->wire || t->wire->ending)
        return 0;
    if (t->wants_room) {
        t->wants_room = false;
        return eddyi_py_transport_call(t, eddyi_py_transport_state(t)->name_on_room);
    }
    if (t->kind == EDDYI_PY_DATAGRAMS)
        return eddyi_py_datagrams_write_ready(t);
    if (t->n_out == 0)
        return 0;
    rc = flush(t);
    if (rc < 0 && rc != -EAGAIN)
        return fail(t, rc);
    return eddyi_py_transport_room_made(t);
}

void eddyi_py_transport_writable(eddy_carrier *carrier)
{
    struct eddyi_py_wire *w = carrier->user;

    w->writing = false;
    if (!w->ending && !w->loop->closed)
        (void)eddy_loop_call_soon_item(w->loop->eddy, &w->output);
}

void eddyi_py_transport_output(eddy_item *item)
{
    struct eddyi_py_wire *w = EDDYI_PY_CONTAINER(item, struct eddyi_py_wire, output);
    struct eddyi_py_transport *t = w->transport;

    if (!t || w->ending || w->loop->closed)
        return;
    Py_INCREF(t);
    eddyi_py_transport_enter(t, write_ready);
    Py_DECREF(t);
}

/* Keeps all of @lines, a sequence. */
static int keep_lines(struct eddyi_py_transport *t, PyObject *lines)
{
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(lines); i++) {
        struct piece p;
        int rc;

        if (look_at(PySequence_Fast_GET_ITEM(lines, i), &p) < 0)
            return -1;
        rc = p.size == 0 ? 0 : keep(t, &p, 0);
        forget_piece(&p);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int write_lines(struct eddyi_py_transport *t, PyObject *lines)
{
    bool sends = t->out.n == 0 || t->gathers;
    size_t before = t->n_out;
    int rc = keep_lines(t, lines);

    if (rc < 0 || t->n_out == before)
        return rc;
    if (!sends)
        return wait_for_room(t);
    t->gathers = true;
    if (eddyi_py_gather_may_wait(t, t->n_out - before))
        return eddyi_py_gather_begin(t);
    return eddyi_py_transport_settle(t);
}

/* writelines(list_of_data): sends all at once. */
PyObject *eddyi_py_transport_writelines(PyObject *self, PyObject *list)
{
    struct eddyi_py_transport *t = (struct eddyi_py_transport *)self;
    PyObject *lines;
    int rc = check_open(t, "Cannot call writelines() after write_eof()",
                        "unable to writelines; sendfile is in progress");

    if (rc < 0)
        return NULL;
    lines = PySequence_Fast(list, "list_of_data must be iterable");
    if (!lines)
        return NULL;
    rc = PySequence_Fast_GET_SIZE(lines) == 0 ? 0 : check_lost(t);
    if (rc > 0)
        rc = write_lines(t, lines);
    Py_DECREF(lines);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}
