/*
 * The type Coroutine: what a method that asyncio has as `async def` returns, in C.
 *
 * It has the methods of a coroutine (collections.abc.Coroutine), begins when it is first awaited,
 * and warns if it never is. Its __class__ is that of Python's coroutines, by which isinstance() and
 * so inspect.iscoroutine() take it for one.
 */
#include "stream.h"

#include <structmember.h>

static struct eddyi_py_coroutine *of(PyObject *self)
{
    return (struct eddyi_py_coroutine *)self;
}

static void stop_waiting(struct eddyi_py_coroutine *c)
{
    if (c->waits_for_input) {
        struct eddyi_py_reader *r = (struct eddyi_py_reader *)c->self;

        c->waits_for_input = false;
        Py_CLEAR(r->waiter); /* whichever it is: as asyncio's `finally` does */
    }
    Py_CLEAR(c->awaited);
}

static void end(struct eddyi_py_coroutine *c)
{
    stop_waiting(c);
    c->begun = true;
    Py_CLEAR(c->self);
    Py_CLEAR(c->arg);
}

PyObject *eddyi_py_coroutine_new(struct eddyi_py_method *m, PyObject *self, PyObject *arg,
                                 PySendResult (*step)(struct eddyi_py_coroutine *c, PyObject **ret))
{
    struct eddyi_py_coroutine *c = PyObject_GC_New(struct eddyi_py_coroutine,
                                                   m->state->coroutine_type);

    if (!c)
        return NULL;
    c->method = (struct eddyi_py_method *)Py_NewRef(m);
    c->self = Py_NewRef(self);
    c->arg = Py_XNewRef(arg);
    c->step = step;
    c->awaited = NULL;
    c->n = 0;
    c->begun = c->running = c->again = c->delegated = c->waits_for_input = false;
    PyObject_GC_Track(c);
    return (PyObject *)c;
}

PySendResult eddyi_py_coroutine_await(struct eddyi_py_coroutine *c, PyObject *awaitable)
{
    unaryfunc get = awaitable && Py_TYPE(awaitable)->tp_as_async
                        ? Py_TYPE(awaitable)->tp_as_async->am_await
                        : NULL;

    if (get)
        c->awaited = get(awaitable);
    else if (awaitable)
        PyErr_Format(PyExc_TypeError, "object %.100s can't be used in 'await' expression",
                     Py_TYPE(awaitable)->tp_name);
    Py_XDECREF(awaitable);
    return c->awaited ? PYGEN_NEXT : PYGEN_ERROR;
}

PySendResult eddyi_py_coroutine_delegate(struct eddyi_py_coroutine *c)
{
    c->delegated = true;
    c->awaited =
        PyObject_CallFunctionObjArgs(c->method->original, c->self, c->arg /* or the end */, NULL);
    return c->awaited ? PYGEN_NEXT : PYGEN_ERROR;
}

/* Goes on when a wait has ended with @result, or with an exception, or at the beginning. */
static PySendResult go_on(struct eddyi_py_coroutine *c, PySendResult waited, PyObject **ret)
{
    if (waited != PYGEN_ERROR && c->delegated)
        return waited;
    while (waited != PYGEN_ERROR) {
        if (waited == PYGEN_RETURN)
            Py_CLEAR(*ret);
        waited = c->step(c, ret);
        c->again = true;
        if (waited != PYGEN_NEXT)
            return waited;
        waited = PyIter_Send(c->awaited, Py_None, ret);
        if (waited == PYGEN_NEXT)
            return waited;
        stop_waiting(c);
        if (c->delegated)
            return waited;
    }
    return waited;
}

/* Runs until the next wait. A call from within itself fails. */
static PySendResult resume(struct eddyi_py_coroutine *c, PySendResult waited, PyObject **ret)
{
    PySendResult rc = go_on(c, waited, ret);

    c->running = false;
    if (rc == PYGEN_ERROR)
        *ret = NULL; /* a task takes another value for a result */
    if (rc != PYGEN_NEXT) {
        PyObject *type, *value, *traceback;

        PyErr_Fetch(&type, &value, &traceback);
        end(c);
        PyErr_Restore(type, value, traceback);
    }
    return rc;
}

/* Returns whether the coroutine can run now; else raises what a coroutine raises. */
static bool may_run(const struct eddyi_py_coroutine *c)
{
    if (c->self && !c->running)
        return true;
    if (c->running)
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
    else
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return false;
}

static PySendResult coroutine_am_send(PyObject *self, PyObject *value, PyObject **ret)
{
    struct eddyi_py_coroutine *c = of(self);
    PySendResult waited = PYGEN_RETURN;

    *ret = NULL;
    if (!may_run(c))
        return PYGEN_ERROR;
    if (!c->begun && value != Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "can't send non-None value to a just-started coroutine");
        return PYGEN_ERROR;
    }
    c->begun = c->running = true;
    if (c->awaited) {
        waited = PyIter_Send(c->awaited, value, ret);
        if (waited == PYGEN_NEXT) {
            c->running = false;
            return PYGEN_NEXT;
        }
        stop_waiting(c);
    }
    return resume(c, waited, ret);
}

/* Turns the result @rc of a run to that of a method: what is yielded, or StopIteration. */
static PyObject *as_result(PySendResult rc, PyObject *value)
{
    PyObject *stop;

    if (rc != PYGEN_RETURN)
        return rc == PYGEN_NEXT ? value : NULL;
    stop = PyObject_CallOneArg(PyExc_StopIteration, value);
    Py_DECREF(value);
    if (stop)
        PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    return NULL;
}

static PyObject *coroutine_send(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult rc = coroutine_am_send(self, value, &result);

    return as_result(rc, result);
}

static PyObject *coroutine_next(PyObject *self)
{
    return coroutine_send(self, Py_None);
}

/* Sets the exception of throw(type[, value[, traceback]]). */
static void set_thrown(PyObject *const *args, Py_ssize_t n)
{
    PyObject *type = args[0], *value = n > 1 && args[1] != Py_None ? args[1] : NULL;
    PyObject *traceback = n > 2 && args[2] != Py_None ? args[2] : NULL;

    if (PyExceptionInstance_Check(type)) {
        value = type;
        type = (PyObject *)Py_TYPE(value);
        if (!traceback)
            traceback = PyException_GetTraceback(value);
        else
            Py_INCREF(traceback);
    } else if (PyExceptionClass_Check(type)) {
        Py_XINCREF(traceback);
    } else {
        PyErr_SetString(PyExc_TypeError,
                        "exceptions must be classes or instances deriving from BaseException");
        return;
    }
    PyErr_Restore(Py_NewRef(type), Py_XNewRef(value), traceback);
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    PyErr_Restore(type, value, traceback);
}

/* Takes the value of a StopIteration, unless another exception is set. */
static bool take_returned(PyObject **ret)
{
    PyObject *type, *value, *traceback;

    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return false;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    *ret = Py_NewRef(((PyStopIterationObject *)value)->value);
    Py_DECREF(type);
    Py_DECREF(value);
    Py_XDECREF(traceback);
    return true;
}

/* Throws into the iterator that is awaited. Result as of PyIter_Send(). */
static PySendResult throw_into_awaited(struct eddyi_py_coroutine *c, PyObject *const *args,
                                       Py_ssize_t n, PyObject **ret)
{
    PyObject *throw = PyObject_GetAttrString(c->awaited, "throw");

    *ret = NULL;
    if (!throw) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return PYGEN_ERROR;
        PyErr_Clear();
        set_thrown(args, n);
        return PYGEN_ERROR;
    }
    *ret = PyObject_Vectorcall(throw, args, (size_t)n, NULL);
    Py_DECREF(throw);
    if (*ret)
        return PYGEN_NEXT;
    return take_returned(ret) ? PYGEN_RETURN : PYGEN_ERROR;
}

static PyObject *coroutine_throw(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct eddyi_py_coroutine *c = of(self);
    PySendResult waited = PYGEN_ERROR;
    PyObject *result = NULL;

    if (n < 1 || n > 3) {
        PyErr_SetString(PyExc_TypeError, "throw() takes one to three arguments");
        return NULL;
    }
    if (!may_run(c))
        return NULL;
    c->begun = c->running = true;
    if (c->awaited) {
        waited = throw_into_awaited(c, args, n, &result);
        if (waited == PYGEN_NEXT) {
            c->running = false;
            return result;
        }
        stop_waiting(c);
    } else {
        set_thrown(args, n);
    }
    waited = resume(c, waited, &result);
    return as_result(waited, result);
}

/* Closes what is awaited. Returns 0, or -1 with an exception. */
static int close_awaited(struct eddyi_py_coroutine *c)
{
    PyObject *awaited = Py_NewRef(c->awaited);
    PyObject *close = PyObject_GetAttrString(awaited, "close"), *done = NULL;

    if (close)
        done = PyObject_CallNoArgs(close);
    else if (PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    Py_XDECREF(close);
    Py_XDECREF(done);
    Py_DECREF(awaited);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *coroutine_close(PyObject *self, PyObject *unused)
{
    struct eddyi_py_coroutine *c = of(self);
    int rc = 0;

    if (c->running) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return NULL;
    }
    c->running = true;
    if (c->self && c->awaited)
        rc = close_awaited(c);
    c->running = false;
    end(c);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *coroutine_repr(PyObject *self)
{
    PyObject *name = PyObject_GetAttrString(of(self)->method->original, "__qualname__"), *text;

    if (!name)
        return NULL;
    text = PyUnicode_FromFormat("<coroutine object %S at %p>", name, self);
    Py_DECREF(name);
    return text;
}

static PyObject *get_name(PyObject *self, void *name)
{
    return PyObject_GetAttrString(of(self)->method->original, name);
}

static PyObject *get_running(PyObject *self, void *unused)
{
    return PyBool_FromLong(of(self)->running);
}

static PyObject *get_awaited(PyObject *self, void *unused)
{
    PyObject *awaited = of(self)->awaited;

    return Py_NewRef(awaited ? awaited : Py_None);
}

static PyObject *get_suspended(PyObject *self, void *unused)
{
    return PyBool_FromLong(of(self)->awaited && !of(self)->running);
}

static PyObject *get_class(PyObject *self, void *unused)
{
    return Py_NewRef(&PyCoro_Type);
}

/* Warns of a coroutine that was never awaited, and closes one that is dropped while it waits. */
static void coroutine_finalize(PyObject *self)
{
    struct eddyi_py_coroutine *c = of(self);
    PyObject *type, *value, *traceback, *name;

    if (c->begun && !c->awaited)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    if (c->begun) {
        PyObject *done = coroutine_close(self, NULL);

        if (!done)
            PyErr_WriteUnraisable(self);
        Py_XDECREF(done);
    } else {
        name = PyObject_GetAttrString(c->method->original, "__qualname__");
        if (!name || PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                                      "coroutine '%S' was never awaited", name) < 0)
            PyErr_WriteUnraisable(self);
        Py_XDECREF(name);
    }
    PyErr_Restore(type, value, traceback);
}

static int coroutine_clear(PyObject *self)
{
    end(of(self));
    Py_CLEAR(of(self)->method);
    return 0;
}

static int coroutine_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_coroutine *c = of(self);

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->method);
    Py_VISIT(c->self);
    Py_VISIT(c->arg);
    Py_VISIT(c->awaited);
    return 0;
}

static void coroutine_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    if ((!of(self)->begun || of(self)->awaited) && PyObject_CallFinalizerFromDealloc(self) < 0)
        return;
    PyObject_GC_UnTrack(self);
    coroutine_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef coroutine_methods[] = {
    {"send", coroutine_send, METH_O, "Resumes the coroutine with a value."},
    {"throw", EDDYI_PY_FAST(coroutine_throw), METH_FASTCALL,
     "Raises an exception in the coroutine."},
    {"close", coroutine_close, METH_NOARGS, "Ends the coroutine."},
    {0}};

static PyGetSetDef coroutine_getset[] = {
    {"__name__", get_name, NULL, NULL, "__name__"},
    {"__qualname__", get_name, NULL, NULL, "__qualname__"},
    {"__class__", get_class, NULL, NULL, NULL},
    {"cr_running", get_running, NULL, NULL, NULL},
    {"cr_suspended", get_suspended, NULL, NULL, NULL},
    {"cr_await", get_awaited, NULL, NULL, NULL},
    {0}};

static PyType_Slot coroutine_slots[] = {{Py_tp_dealloc, coroutine_dealloc},
                                        {Py_tp_traverse, coroutine_traverse},
                                        {Py_tp_clear, coroutine_clear},
                                        {Py_tp_finalize, coroutine_finalize},
                                        {Py_tp_repr, coroutine_repr},
                                        {Py_am_await, Py_NewRef},
                                        {Py_am_send, coroutine_am_send},
                                        {Py_tp_iter, PyObject_SelfIter},
                                        {Py_tp_iternext, coroutine_next},
                                        {Py_tp_methods, coroutine_methods},
                                        {Py_tp_getset, coroutine_getset},
                                        {0}};

PyType_Spec eddyi_py_coroutine_spec = {.name = "eddyloop._eddyloop.Coroutine",
                                       .basicsize = sizeof(struct eddyi_py_coroutine),
                                       .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                Py_TPFLAGS_DISALLOW_INSTANTIATION |
                                                Py_TPFLAGS_IMMUTABLETYPE,
                                       .slots = coroutine_slots};
