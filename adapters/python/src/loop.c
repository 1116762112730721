/*
 * The type _eddyloop.Loop: making, closing and collecting a loop, and its attributes.
 */
#include "handle.h"
#include "transport.h"

#include "eddy/error.h"

#include <structmember.h>

bool eddyi_py_loop_check(struct eddyi_py_loop *l)
{
    if (!l->closed)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
    return false;
}

bool eddyi_py_loop_check_thread(struct eddyi_py_loop *l)
{
    if (!l->debug || !l->has_thread || l->thread == PyThread_get_thread_ident())
        return true;
    eddyi_py_raise(EDDY_ETHREAD);
    return false;
}

/* Lets go of all callbacks, which then never run. */
static int loop_clear(PyObject *self)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;

    if (!l->eddy)
        return 0;
    eddyi_py_timers_clear(l);
    eddyi_py_watches_clear(l);
    eddyi_py_wires_end(l);
    eddyi_py_queue_clear(&l->ready);
    eddyi_py_queue_clear(&l->gathering);
    Py_CLEAR(l->error);
    return 0;
}

static int loop_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct eddyi_py_timer *t;
    int rc;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(l->module);
    Py_VISIT(l->error);
    for (t = l->timers; t; t = t->next)
        Py_VISIT(t);
    rc = eddyi_py_queue_traverse(&l->ready, visit, arg);
    if (rc == 0)
        rc = eddyi_py_queue_traverse(&l->gathering, visit, arg);
    if (rc == 0)
        rc = eddyi_py_wires_traverse(l, visit, arg);
    if (rc == 0)
        rc = eddyi_py_files_traverse(l, visit, arg);
    return rc ? rc : eddyi_py_watches_traverse(l, visit, arg);
}

/* Closes eddy's loop, which forgets its items. */
static int shut(struct eddyi_py_loop *l)
{
    l->closed = true;
    loop_clear((PyObject *)l);
    eddy_item_cancel(l->eddy, &l->drain);
    eddy_item_cancel(l->eddy, &l->turn_end);
    return eddy_loop_close(l->eddy);
}

static void loop_dealloc(PyObject *self)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (l->eddy) {
        (void)shut(l);
        eddyi_py_wires_forget(l); /* that only a forked child still has */
        eddy_loop_unref(l->eddy);
    }
    Py_CLEAR(l->module);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Reports, in debug mode, what eddy itself has to report: a descriptor was closed while watched,
 * of which asyncio's selectors say nothing. */
static void reported(eddy_loop *unused, const eddy_exception_context *context, void *arg)
{
    struct eddyi_py_loop *l = arg;
    PyObject *done = NULL;

    if (!l->debug)
        return;
    done = PyObject_CallMethod((PyObject *)l, "call_exception_handler", "({s:s})", "message",
                               context->message);
    if (!done)
        eddyi_py_loop_fail(l);
    Py_XDECREF(done);
}

/* Stores the backend that the keyword argument "backend" names; there may be none. */
static int wanted_backend(PyObject *keywords, eddy_backend *ret)
{
    static const char *const names[] = {[EDDY_BACKEND_IO_URING] = "io_uring",
                                        [EDDY_BACKEND_EPOLL] = "epoll",
                                        [EDDY_BACKEND_VIRTUAL] = "virtual"};
    PyObject *name = keywords ? PyDict_GetItemString(keywords, "backend") : NULL;

    if (!name || name == Py_None)
        return 0;
    for (int i = EDDY_BACKEND_IO_URING; PyUnicode_Check(name) && i <= EDDY_BACKEND_VIRTUAL; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0) {
            *ret = (eddy_backend)i;
            return 0;
        }
    PyErr_Format(PyExc_ValueError, "backend must be 'io_uring', 'epoll' or 'virtual', not %R",
                 name);
    return -1;
}

/* Drops a loop that could not be made; there is nothing to close for __del__(). Returns NULL. */
static PyObject *half_made(struct eddyi_py_loop *l)
{
    if (l)
        l->closed = true;
    Py_XDECREF(l);
    return NULL;
}

static PyObject *loop_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)type->tp_alloc(type, 0);
    PyObject *module = l ? eddyi_py_module_of(type) : NULL;
    eddy_loop_options options = {.no_fault_handler = true};

    if (!module || wanted_backend(keywords, &options.backend) < 0)
        return half_made(l);
    l->module = Py_NewRef(module);
    l->state = eddyi_py_state_of(module);
    l->eddy = eddy_loop_new(&options);
    if (l->eddy && eddyi_py_queue_init(&l->ready) < 0)
        return half_made(l);
    if (!l->eddy) {
        const eddy_exception *e = eddy_error();

        eddyi_py_raise(e ? eddy_exception_code(e) : -ENOMEM);
        return half_made(l);
    }
    eddy_loop_set_exception_handler(l->eddy, reported, l);
    eddyi_py_run_init(l);
    return (PyObject *)l;
}

static PyObject *loop_close(PyObject *self, PyObject *unused)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    int rc;

    if (l->running) {
        PyErr_SetString(PyExc_RuntimeError, "Cannot close a running event loop");
        return NULL;
    }
    rc = shut(l);
    if (rc < 0 && rc != EDDY_EFORKED)
        return eddyi_py_raise(rc);
    Py_RETURN_NONE;
}

static PyObject *loop_time(PyObject *self, PyObject *unused)
{
    return PyFloat_FromDouble(eddy_loop_time(((struct eddyi_py_loop *)self)->eddy));
}

static PyObject *loop_stop(PyObject *self, PyObject *unused)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;

    l->stopping = true;
    eddy_loop_stop(l->eddy);
    Py_RETURN_NONE;
}

static PyObject *loop_is_running(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(((struct eddyi_py_loop *)self)->has_thread);
}

static PyObject *loop_is_closed(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(((struct eddyi_py_loop *)self)->closed);
}

static PyObject *loop_get_debug(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(((struct eddyi_py_loop *)self)->debug);
}

static PyObject *loop_check_closed(PyObject *self, PyObject *unused)
{
    if (!eddyi_py_loop_check((struct eddyi_py_loop *)self))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *loop_backend(PyObject *self, void *unused)
{
    return PyUnicode_FromString(eddy_loop_backend_name(((struct eddyi_py_loop *)self)->eddy));
}

static PyObject *loop_n_ready(PyObject *self, void *unused)
{
    return PyLong_FromSize_t(((struct eddyi_py_loop *)self)->ready.n);
}

static PyObject *loop_nothing(PyObject *self, PyObject *unused)
{
    Py_RETURN_NONE;
}

/* Sets a truth value; attributes cannot be deleted. */
static int set_bool(PyObject *value, bool *ret)
{
    int truth;

    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
        return -1;
    }
    truth = PyObject_IsTrue(value);
    if (truth < 0)
        return -1;
    *ret = truth;
    return 0;
}

static PyObject *get_flag(PyObject *self, void *offset)
{
    return PyBool_FromLong(*(bool *)((char *)self + (size_t)offset));
}

static int set_flag(PyObject *self, PyObject *value, void *offset)
{
    return set_bool(value, (bool *)((char *)self + (size_t)offset));
}

static int set_stopping(PyObject *self, PyObject *value, void *unused)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;

    if (set_bool(value, &l->stopping) < 0)
        return -1;
    if (l->stopping)
        eddy_loop_stop(l->eddy);
    return 0;
}

static PyObject *get_thread_id(PyObject *self, void *unused)
{
    const struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;

    if (!l->has_thread)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(l->thread);
}

static int set_thread_id(PyObject *self, PyObject *value, void *unused)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    unsigned long thread = 0;

    if (value && value != Py_None) {
        thread = PyLong_AsUnsignedLong(value);
        if (thread == (unsigned long)-1 && PyErr_Occurred())
            return -1;
    }
    l->has_thread = value && value != Py_None;
    l->thread = thread;
    return 0;
}

static PyGetSetDef loop_getset[] = {
    {"backend", loop_backend, NULL, "The name of eddy's backend: \"io_uring\" or \"epoll\".", NULL},
    {"_n_ready", loop_n_ready, NULL, "The number of callbacks that are ready.", NULL},
    {"_closed", get_flag, set_flag, NULL, (void *)offsetof(struct eddyi_py_loop, closed)},
    {"_debug", get_flag, set_flag, NULL, (void *)offsetof(struct eddyi_py_loop, debug)},
    {"_stopping", get_flag, set_stopping, NULL, (void *)offsetof(struct eddyi_py_loop, stopping)},
    {"_thread_id", get_thread_id, set_thread_id, NULL, NULL},
    {0}};

static PyMethodDef loop_methods[] = {
    {"call_soon", EDDYI_PY_FAST(eddyi_py_loop_call_soon), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"call_soon_threadsafe", EDDYI_PY_FAST(eddyi_py_loop_call_soon_threadsafe),
     METH_FASTCALL | METH_KEYWORDS, NULL},
    {"call_later", EDDYI_PY_FAST(eddyi_py_loop_call_later), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"call_at", EDDYI_PY_FAST(eddyi_py_loop_call_at), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"time", loop_time, METH_NOARGS, NULL},
    {"stop", loop_stop, METH_NOARGS, NULL},
    {"is_running", loop_is_running, METH_NOARGS, NULL},
    {"is_closed", loop_is_closed, METH_NOARGS, NULL},
    {"get_debug", loop_get_debug, METH_NOARGS, NULL},
    {"create_future", eddyi_py_loop_create_future, METH_NOARGS, NULL},
    {"create_task", EDDYI_PY_FAST(eddyi_py_loop_create_task), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"_add_reader", EDDYI_PY_FAST(eddyi_py_loop_add_reader), METH_FASTCALL, NULL},
    {"_add_writer", EDDYI_PY_FAST(eddyi_py_loop_add_writer), METH_FASTCALL, NULL},
    {"_remove_reader", eddyi_py_loop_remove_reader, METH_O, NULL},
    {"_remove_writer", eddyi_py_loop_remove_writer, METH_O, NULL},
    {"_watched", eddyi_py_loop_watched, METH_O, NULL},
    {"_add_callback", eddyi_py_loop_add_callback, METH_O, NULL},
    {"_add_callback_signalsafe", eddyi_py_loop_add_callback, METH_O, NULL},
    {"_timer_handle_cancelled", loop_nothing, METH_O, NULL},
    {"_check_closed", loop_check_closed, METH_NOARGS, NULL},
    {"_run", eddyi_py_loop_run, METH_NOARGS, NULL},
    {"_run_once", eddyi_py_loop_run_once, METH_NOARGS, NULL},
    {"_close", loop_close, METH_NOARGS, NULL},
    {0}};

static PyType_Slot loop_slots[] = {{Py_tp_new, loop_new},
                                   {Py_tp_dealloc, loop_dealloc},
                                   {Py_tp_traverse, loop_traverse},
                                   {Py_tp_clear, loop_clear},
                                   {Py_tp_methods, loop_methods},
                                   {Py_tp_getset, loop_getset},
                                   {Py_tp_doc, "The parts of eddyloop.Loop that are in C."},
                                   {0}};

PyType_Spec eddyi_py_loop_spec = {.name = "eddyloop._eddyloop.Loop",
                                  .basicsize = sizeof(struct eddyi_py_loop),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                           Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
                                  .slots = loop_slots};
