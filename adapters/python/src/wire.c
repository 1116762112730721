/*
 * Wires: what connects a transport with its carrier, and how it ends.
 *
 * A transport that waits for something is referred to by its wire, so by its loop, as by the
 * selector of asyncio's loop. Any other may be collected; then its carrier ends.
 */
#include "transport.h"

#include "eddy/error.h"

static void let_go(struct eddyi_py_wire *w)
{
    if (!w->held)
        return;
    w->held = false;
    Py_DECREF(w->transport);
}

static void close_socket(PyObject *sock)
{
    PyObject *type, *value, *traceback, *done;

    PyErr_Fetch(&type, &value, &traceback);
    done = eddyi_py_call(sock, "close");
    if (!done)
        PyErr_WriteUnraisable(sock);
    Py_XDECREF(done);
    Py_DECREF(sock);
    PyErr_Restore(type, value, traceback);
}

static void unlink_wire(struct eddyi_py_wire *w)
{
    if (!w->loop)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->loop = NULL;
}

static void on_closed(eddy_carrier *carrier, int status)
{
    struct eddyi_py_wire *w = carrier->user;
    PyObject *sock = w->sock;

    carrier->ops->free(carrier);
    if (w->loop) {
        eddy_item_cancel(w->loop->eddy, &w->input);
        eddy_item_cancel(w->loop->eddy, &w->output);
    }
    unlink_wire(w);
    if (w->transport)
        w->transport->wire = NULL;
    let_go(w);
    PyMem_Free(w);
    if (sock)
        close_socket(sock);
}

int eddyi_py_wire_open(struct eddyi_py_transport *t, eddy_carrier *carrier)
{
    size_t size = offsetof(struct eddyi_py_wire, memory);
    struct eddyi_py_wire *w = PyMem_Malloc(t->kind == EDDYI_PY_STREAM ? sizeof *w : size);

    if (!w) {
        PyErr_NoMemory();
        return -1;
    }
    memset(w, 0, size);
    w->loop = t->loop;
    w->next = t->loop->wires;
    w->link = &t->loop->wires;
    if (w->next)
        w->next->link = &w->next;
    t->loop->wires = w;
    w->transport = t;
    w->carrier = carrier;
    w->input.run = eddyi_py_transport_input;
    w->output.run = eddyi_py_transport_output;
    carrier->user = w;
    carrier->on_readable = eddyi_py_transport_readable;
    carrier->on_writable = eddyi_py_transport_writable;
    carrier->on_closed = on_closed;
    t->wire = w;
    return 0;
}

/* Waits for input, unless some is there already. Returns 0 or an error < 0. */
static int wait_readable(struct eddyi_py_wire *w)
{
    int rc;

    if (w->reading || eddy_item_is_scheduled(&w->input))
        return 0;
    if (w->n > 0)
        return eddy_loop_call_soon_item(w->loop->eddy, &w->input);
    if (w->transport->kind == EDDYI_PY_STREAM)
        rc = w->carrier->ops->wait_readable(w->carrier, w->memory, sizeof w->memory);
    else
        rc = w->carrier->ops->wait_readable(w->carrier, NULL, 0);
    w->reading = rc == 0;
    w->cancelled = false;
    return rc;
}

/* Bytes that a paused transport does not read stay in the kernel. */
static void cancel_reading(struct eddyi_py_wire *w)
{
    if (!w->reading || w->cancelled)
        return;
    w->cancelled = true;
    w->carrier->ops->cancel_readable(w->carrier);
}

static int wait_writable(struct eddyi_py_wire *w)
{
    int rc = 0;

    if (w->writing || eddy_item_is_scheduled(&w->output))
        return 0;
    rc = w->carrier->ops->wait_writable(w->carrier);
    w->writing = rc == 0;
    return rc;
}

int eddyi_py_wire_update(struct eddyi_py_transport *t)
{
    struct eddyi_py_wire *w = t->wire;
    bool reads = t->reads && !t->closing && !t->paused;
    bool writes = (t->n_out > 0 && !t->gathers) || t->wants_room || t->writes_again;
    int rc = 0;

    if (!w || w->ending || w->loop->closed)
        return 0;
    if (reads)
        rc = wait_readable(w);
    else
        cancel_reading(w);
    if (writes && rc == 0)
        rc = wait_writable(w);
    if (rc < 0)
        return eddyi_py_transport_broken(t, rc, "Fatal error on transport");
    if ((reads || writes) && !w->held) {
        w->held = true;
        Py_INCREF(t);
    } else if (!reads && !writes) {
        let_go(w);
    }
    return 0;
}

static void end(struct eddyi_py_wire *w)
{
    if (w->ending)
        return;
    w->ending = true;
    w->carrier->ops->close(w->carrier, true);
}

void eddyi_py_wire_end(struct eddyi_py_transport *t)
{
    struct eddyi_py_wire *w = t->wire;

    if (!w)
        return;
    Py_INCREF(t);
    let_go(w);
    end(w);
    Py_DECREF(t);
}

void eddyi_py_wire_drop(struct eddyi_py_transport *t)
{
    struct eddyi_py_wire *w = t->wire;

    if (!w)
        return;
    if (!w->sock) {
        w->sock = t->sock;
        t->sock = NULL;
    }
    t->wire = NULL;
    w->transport = NULL;
    end(w);
}

/* While eddy's loop is open no carrier ends from within close(), so no wire goes away here. */
void eddyi_py_wires_end(struct eddyi_py_loop *l)
{
    for (struct eddyi_py_wire *w = l->wires; w; w = w->next) {
        let_go(w);
        end(w);
    }
}

void eddyi_py_wires_forget(struct eddyi_py_loop *l)
{
    while (l->wires) {
        struct eddyi_py_wire *w = l->wires;

        unlink_wire(w);
        if (w->transport)
            w->transport->wire = NULL;
        w->transport = NULL;
        if (w->sock)
            close_socket(w->sock);
        w->sock = NULL;
    }
}

int eddyi_py_wires_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg)
{
    for (const struct eddyi_py_wire *w = l->wires; w; w = w->next) {
        if (w->held)
            Py_VISIT(w->transport);
        Py_VISIT(w->sock);
    }
    return 0;
}
