/*
 * The run of a loop: who holds the GIL, when signals are noticed, how exceptions leave it.
 *
 * The GIL is released around the waits that block, and nowhere else. A signal's handler in Python
 * runs before a callback does; the descriptor that Python writes signals to (signal.set_wakeup_fd)
 * ends a wait, since eddyloop.Loop reads it.
 */
#include "handle.h"

#include "eddy/error.h"

#include <errno.h>

PyObject *eddyi_py_raise(int rc)
{
    const eddy_exception *e = eddy_error();
    const char *message = e && eddy_exception_code(e) == rc ? eddy_exception_message(e) : "";

    switch (rc) {
    case EDDY_ECLOSED:
        PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
        break;
    case EDDY_ERUNNING:
        PyErr_SetString(PyExc_RuntimeError,
                        "Cannot run the event loop while another loop is running");
        break;
    case EDDY_ETHREAD:
        PyErr_SetString(PyExc_RuntimeError, "Non-thread-safe operation invoked on an event loop "
                                            "other than the current one");
        break;
    case -ENOMEM:
        PyErr_NoMemory();
        break;
    case -EINVAL:
        PyErr_SetString(PyExc_ValueError, message[0] ? message : eddy_strerror(rc));
        break;
    default:
        if (rc > EDDY_EINVALIDSTATE) {
            errno = -rc;
            PyErr_SetFromErrno(PyExc_OSError);
        } else {
            PyErr_SetString(PyExc_RuntimeError, message[0] ? message : eddy_strerror(rc));
        }
    }
    return NULL;
}

void eddyi_py_loop_fail(struct eddyi_py_loop *l)
{
    PyObject *type, *value, *traceback;

    if (l->error || !l->running) {
        PyErr_WriteUnraisable((PyObject *)l);
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    l->error = value;
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    (void)eddy_loop_break(l->eddy);
}

PyObject *eddyi_py_call(PyObject *object, const char *name)
{
    PyObject *interned = PyUnicode_InternFromString(name);
    PyObject *done = interned ? PyObject_CallMethodNoArgs(object, interned) : NULL;

    Py_XDECREF(interned);
    return done;
}

void eddyi_py_context_leave(PyObject *context)
{
    PyObject *type, *value, *traceback;

    if (!PyErr_Occurred()) {
        if (PyContext_Exit(context) < 0)
            PyErr_WriteUnraisable(context);
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    if (PyContext_Exit(context) < 0)
        PyErr_WriteUnraisable(context);
    PyErr_Restore(type, value, traceback);
}

bool eddyi_py_loop_is_elsewhere(const struct eddyi_py_loop *l)
{
    return l->running && l->thread != PyThread_get_thread_ident();
}

/* Queues the item that runs the ready handles. A closed loop takes no item; nothing runs then. */
static void queue_drain(struct eddyi_py_loop *l)
{
    int rc;

    if (eddyi_py_loop_is_elsewhere(l))
        rc = eddy_loop_call_soon_item_threadsafe(l->eddy, &l->drain);
    else
        rc = eddy_loop_call_soon_item(l->eddy, &l->drain);
    l->drain_queued = rc == 0;
}

int eddyi_py_loop_ready(struct eddyi_py_loop *l, PyObject *handle)
{
    if (eddyi_py_queue_push(&l->ready, handle) < 0)
        return -1;
    if (!l->drain_queued && !l->draining)
        queue_drain(l);
    return 0;
}

/*
 * Runs the handles that are ready now, in order; those that they schedule wait for the next turn,
 * after the kernel has been polled. If a handle ends the run, the others stay.
 */
static void drain(eddy_item *item)
{
    struct eddyi_py_loop *l = EDDYI_PY_CONTAINER(item, struct eddyi_py_loop, drain);

    l->drain_queued = false;
    l->draining = true;
    if (PyErr_CheckSignals() < 0)
        eddyi_py_loop_fail(l);
    for (size_t n = l->ready.n; n > 0 && !l->error; n--) {
        PyObject *handle = eddyi_py_queue_pop(&l->ready);

        if (eddyi_py_handle_run(l, handle) < 0)
            eddyi_py_loop_fail(l);
        Py_DECREF(handle);
        eddyi_py_gather_check(l);
    }
    l->draining = false;
    if (l->ready.n > 0 && !l->drain_queued)
        queue_drain(l);
}

static void before_wait(void *arg)
{
    struct eddyi_py_loop *l = arg;

    l->waiter = PyEval_SaveThread();
}

static void after_wait(void *arg)
{
    struct eddyi_py_loop *l = arg;

    PyEval_RestoreThread(l->waiter);
}

void eddyi_py_run_init(struct eddyi_py_loop *l)
{
    l->drain.run = drain;
    eddyi_py_gather_init(l);
    (void)eddy_loop_set_wait_hooks(l->eddy, before_wait, after_wait, l);
}

/* Runs the loop until it is stopped; asyncio's set-up and clean-up enclose this in Python. */
PyObject *eddyi_py_loop_run(PyObject *self, PyObject *unused)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    int rc;

    if (!eddyi_py_loop_check(l))
        return NULL;
    if (l->running) {
        PyErr_SetString(PyExc_RuntimeError, "This event loop is already running");
        return NULL;
    }
    l->thread = PyThread_get_thread_ident();
    l->running = true;
    rc = eddy_loop_run_forever(l->eddy);
    eddyi_py_gather_end_run(l);
    l->running = false;
    l->stopping = false;
    if (l->error) {
        PyObject *error = l->error;

        l->error = NULL;
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
        return NULL;
    }
    if (rc < 0)
        return eddyi_py_raise(rc);
    Py_RETURN_NONE;
}

/* Runs one turn (BaseEventLoop._run_once). */
PyObject *eddyi_py_loop_run_once(PyObject *self, PyObject *unused)
{
    eddy_loop_stop(((struct eddyi_py_loop *)self)->eddy);
    return eddyi_py_loop_run(self, unused);
}
