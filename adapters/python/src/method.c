/*
 * The type Method: a method in C in place of one of asyncio's in Python, for the usual cases.
 *
 * Its name, signature and documentation are those of asyncio's function, and it is a coroutine
 * function if that is one.
 */
#include "stream.h"

#include <structmember.h>

/* Returns the one argument of the call, if it is as simple as that; NULL without an exception if
 * not, or if there is none. */
static PyObject *argument(const struct eddyi_py_function *f, PyObject *const *args, Py_ssize_t n,
                          PyObject *keywords)
{
    if (n == 2 && !keywords)
        return args[1];
    if (n == 1 && keywords && PyTuple_GET_SIZE(keywords) == 1 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), f->parameter) == 0)
        return args[1];
    return NULL;
}

/* Returns the result of the function in C, or NULL; with an exception if it has failed. */
static PyObject *call_in_c(struct eddyi_py_method *m, PyObject *const *args, Py_ssize_t n,
                           PyObject *keywords)
{
    const struct eddyi_py_function *f = m->function;
    PyObject *arg;

    if (n < 1 || Py_TYPE(args[0]) != m->class)
        return NULL;
    if (n == 1 && !keywords)
        return !f->parameter || f->optional ? f->call(m, args[0], NULL) : NULL;
    arg = f->parameter ? argument(f, args, n, keywords) : NULL;
    return arg ? f->call(m, args[0], arg) : NULL;
}

static PyObject *method_call(PyObject *self, PyObject *const *args, size_t n, PyObject *keywords)
{
    struct eddyi_py_method *m = (struct eddyi_py_method *)self;
    PyObject *done = call_in_c(m, args, PyVectorcall_NARGS(n), keywords);

    if (done || PyErr_Occurred())
        return done;
    return PyObject_Vectorcall(m->original, args, n, keywords);
}

static PyObject *method_bind(PyObject *self, PyObject *object, PyObject *class)
{
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

static PyObject *method_attribute(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name);

    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear();
    return PyObject_GetAttr(((struct eddyi_py_method *)self)->original, name);
}

static PyObject *method_doc(PyObject *self, void *unused)
{
    return PyObject_GetAttrString(((struct eddyi_py_method *)self)->original, "__doc__");
}

static PyObject *method_module(PyObject *self, void *unused)
{
    return PyObject_GetAttrString(((struct eddyi_py_method *)self)->original, "__module__");
}

static PyObject *method_repr(PyObject *self)
{
    return PyObject_Repr(((struct eddyi_py_method *)self)->original);
}

static int method_clear(PyObject *self)
{
    struct eddyi_py_method *m = (struct eddyi_py_method *)self;

    Py_CLEAR(m->original);
    Py_CLEAR(m->class);
    return 0;
}

static int method_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_method *m = (struct eddyi_py_method *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->original);
    Py_VISIT(m->class);
    return 0;
}

static void method_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    method_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef method_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct eddyi_py_method, call), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(struct eddyi_py_method, original), READONLY, NULL},
    {0}};

static PyGetSetDef method_getset[] = {{"__doc__", method_doc, NULL, NULL, NULL},
                                      {"__module__", method_module, NULL, NULL, NULL},
                                      {0}};

static PyType_Slot method_slots[] = {{Py_tp_dealloc, method_dealloc},
                                     {Py_tp_traverse, method_traverse},
                                     {Py_tp_clear, method_clear},
                                     {Py_tp_call, PyVectorcall_Call},
                                     {Py_tp_descr_get, method_bind},
                                     {Py_tp_getattro, method_attribute},
                                     {Py_tp_repr, method_repr},
                                     {Py_tp_members, method_members},
                                     {Py_tp_getset, method_getset},
                                     {0}};

PyType_Spec eddyi_py_method_spec = {.name = "eddyloop._eddyloop.Method",
                                    .basicsize = sizeof(struct eddyi_py_method),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_HAVE_VECTORCALL |
                                             Py_TPFLAGS_METHOD_DESCRIPTOR |
                                             Py_TPFLAGS_DISALLOW_INSTANTIATION |
                                             Py_TPFLAGS_IMMUTABLETYPE,
                                    .slots = method_slots};

/* Puts @f in place of the method of that name that @class has. */
static int replace(struct eddyi_py_state *s, PyObject *class, const struct eddyi_py_function *f)
{
    PyObject *original = PyObject_GetAttrString(class, f->name);
    struct eddyi_py_method *m =
        original ? (struct eddyi_py_method *)s->method_type->tp_alloc(s->method_type, 0) : NULL;
    int rc = -1;

    if (m) {
        m->call = method_call;
        m->original = Py_NewRef(original);
        m->class = (PyTypeObject *)Py_NewRef(class);
        m->state = s;
        m->function = f;
        rc = PyObject_SetAttrString(class, f->name, (PyObject *)m);
        Py_DECREF(m);
    }
    Py_XDECREF(original);
    return rc;
}

/* Returns the functions for @class, and keeps it where others have to know it. */
static const struct eddyi_py_function *functions_for(struct eddyi_py_state *s, PyTypeObject *class)
{
    if (PyType_IsSubtype(class, s->writer_type))
        return eddyi_py_writer_functions;
    if (PyType_IsSubtype(class, s->reader_type)) {
        Py_XSETREF(s->reader_class, (PyTypeObject *)Py_NewRef(class));
        return eddyi_py_reader_functions;
    }
    Py_XSETREF(s->stream_protocol_class, (PyTypeObject *)Py_NewRef(class));
    return eddyi_py_stream_protocol_functions;
}

PyObject *eddyi_py_stream_methods(PyObject *module, PyObject *class)
{
    struct eddyi_py_state *s = eddyi_py_state_of(module);
    const struct eddyi_py_function *f = functions_for(s, (PyTypeObject *)class);

    for (; f->name; f++)
        if (replace(s, class, f) < 0)
            return NULL;
    Py_RETURN_NONE;
}
