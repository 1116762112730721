/*
 * Futures and tasks: asyncio's own, made without a detour through Python.
 */
#include "module.h"

PyObject *eddyi_py_loop_create_future(PyObject *self, PyObject *unused)
{
    const struct eddyi_py_state *s = ((struct eddyi_py_loop *)self)->state;
    PyObject *args[] = {NULL, self};

    return PyObject_Vectorcall(s->future_class, args + 1, 0 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                               s->loop_keyword);
}

/* Returns the keywords of the call with "loop" added. */
static PyObject *with_loop(const struct eddyi_py_state *s, PyObject *keywords)
{
    return keywords ? PySequence_Concat(s->loop_keyword, keywords) : Py_NewRef(s->loop_keyword);
}

/* Makes Task(coro, loop=self, **keywords); args[1 …] are the values of @keywords. */
static PyObject *make_task(PyObject *self, PyObject *coro, PyObject *const *values,
                           PyObject *keywords)
{
    enum { MOST = 8 };
    const struct eddyi_py_state *s = ((struct eddyi_py_loop *)self)->state;
    PyObject *args[3 + MOST] = {NULL, coro, self}, *names, *class, *task = NULL;
    Py_ssize_t n = keywords ? PyTuple_GET_SIZE(keywords) : 0;

    if (n > MOST) {
        PyErr_SetString(PyExc_TypeError, "create_task() got too many keyword arguments");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        args[3 + i] = values[i];
    names = with_loop(s, keywords);
    /* looked up each time, as asyncio does: programs replace asyncio.tasks.Task */
    class = names ? PyObject_GetAttr(s->tasks, s->name_task) : NULL;
    if (class)
        task = PyObject_Vectorcall(class, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    Py_XDECREF(names);
    Py_XDECREF(class);
    return task;
}

/* Calls the method of asyncio, which knows the rules of task factories. */
static PyObject *call_base(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *keywords)
{
    PyObject *super = PyObject_CallFunctionObjArgs(
        (PyObject *)&PySuper_Type, ((struct eddyi_py_loop *)self)->state->loop_type, self, NULL);
    PyObject *method = super ? PyObject_GetAttrString(super, "create_task") : NULL;
    PyObject *task = method ? PyObject_Vectorcall(method, args, (size_t)n, keywords) : NULL;

    Py_XDECREF(super);
    Py_XDECREF(method);
    return task;
}

PyObject *eddyi_py_loop_create_task(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                    PyObject *keywords)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    PyObject *factory = PyObject_GetAttr(self, l->state->name_task_factory);

    if (!factory)
        return NULL;
    Py_DECREF(factory);
    if (factory != Py_None || n != 1 || l->closed)
        return call_base(self, args, n, keywords);
    return make_task(self, args[0], args + 1, keywords);
}
