/*
 * Scheduling callbacks: call_soon, call_soon_threadsafe, call_later, call_at.
 */
#include "handle.h"

#include "eddy/loop.h"

enum { MOST_LEADING = 2 };

/* A method (leading…, *args, context=None), as Python's signatures have it. */
struct signature {
    const char *name;
    const char *leading[MOST_LEADING];
    int n_leading;
};

/* Its arguments in one call; all are borrowed. */
struct call {
    PyObject *leading[MOST_LEADING];
    PyObject *const *args;
    Py_ssize_t n;
    PyObject *context; /* NULL or None: a copy of the current one */
};

/* Returns where the keyword argument @name belongs; NULL with TypeError if nowhere. */
static PyObject **place_of(const struct signature *s, struct call *c, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "context") == 0)
        return &c->context;
    for (int i = 0; i < s->n_leading; i++)
        if (PyUnicode_CompareWithASCIIString(name, s->leading[i]) == 0) {
            if (!c->leading[i])
                return &c->leading[i];
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", s->name,
                         name);
            return NULL;
        }
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", s->name, name);
    return NULL;
}

static int parse_keywords(const struct signature *s, PyObject *const *values, PyObject *keywords,
                          struct call *c)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); i++) {
        PyObject **place = place_of(s, c, PyTuple_GET_ITEM(keywords, i));

        if (!place)
            return -1;
        *place = values[i];
    }
    return 0;
}

static int parse(const struct signature *s, PyObject *const *args, Py_ssize_t n, PyObject *keywords,
                 struct call *c)
{
    Py_ssize_t leading = n < s->n_leading ? n : s->n_leading;

    *c = (struct call){.args = args + leading, .n = n - leading};
    for (Py_ssize_t i = 0; i < leading; i++)
        c->leading[i] = args[i];
    if (keywords && parse_keywords(s, args + n, keywords, c) < 0)
        return -1;
    for (int i = 0; i < s->n_leading; i++)
        if (!c->leading[i]) {
            PyErr_Format(PyExc_TypeError, "%s() missing 1 required positional argument: '%s'",
                         s->name, s->leading[i]);
            return -1;
        }
    return 0;
}

/* Makes, in debug mode, the checks of asyncio: coroutines and the like are no callbacks. */
static bool is_callback(struct eddyi_py_loop *l, PyObject *callback, const char *method)
{
    PyObject *checked =
        PyObject_CallMethod((PyObject *)l, "_check_callback", "Os", callback, method);

    Py_XDECREF(checked);
    return checked != NULL;
}

static PyObject *soon(struct eddyi_py_loop *l, const struct signature *s, const struct call *c)
{
    struct eddyi_py_handle *h;

    if (l->debug && !is_callback(l, c->leading[0], s->name))
        return NULL;
    h = eddyi_py_handle_new(l, c->leading[0], c->args, c->n, c->context);
    if (h && eddyi_py_loop_ready(l, (PyObject *)h) < 0)
        Py_CLEAR(h);
    return (PyObject *)h;
}

PyObject *eddyi_py_loop_call_soon(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                  PyObject *keywords)
{
    static const struct signature signature = {"call_soon", {"callback"}, 1};
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct call c;

    if (parse(&signature, args, n, keywords, &c) < 0 || !eddyi_py_loop_check(l) ||
        !eddyi_py_loop_check_thread(l))
        return NULL;
    return soon(l, &signature, &c);
}

PyObject *eddyi_py_loop_call_soon_threadsafe(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                             PyObject *keywords)
{
    static const struct signature signature = {"call_soon_threadsafe", {"callback"}, 1};
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct call c;

    if (parse(&signature, args, n, keywords, &c) < 0 || !eddyi_py_loop_check(l))
        return NULL;
    return soon(l, &signature, &c);
}

/* Schedules a timer for @when. A timer that another thread makes is started in the loop's own. */
static PyObject *at(struct eddyi_py_loop *l, const struct call *c, double when)
{
    struct eddyi_py_timer *t = eddyi_py_timer_new(l, c->leading[1], c->args, c->n, c->context);
    int rc;

    if (!t)
        return NULL;
    t->when = when;
    if (eddyi_py_loop_is_elsewhere(l))
        rc = eddyi_py_loop_ready(l, (PyObject *)t);
    else
        rc = eddyi_py_timer_start(t);
    if (rc < 0)
        Py_CLEAR(t);
    return (PyObject *)t;
}

/* Checks what both kinds of timers check, and converts the time to *ret. */
static int timed(struct eddyi_py_loop *l, const struct call *c, const char *none, double *ret)
{
    if (c->leading[0] == Py_None) {
        PyErr_SetString(PyExc_TypeError, none);
        return -1;
    }
    if (!eddyi_py_loop_check(l) || !eddyi_py_loop_check_thread(l))
        return -1;
    if (l->debug && !is_callback(l, c->leading[1], "call_at"))
        return -1;
    *ret = PyFloat_AsDouble(c->leading[0]);
    return *ret == -1 && PyErr_Occurred() ? -1 : 0;
}

PyObject *eddyi_py_loop_call_later(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                   PyObject *keywords)
{
    static const struct signature signature = {"call_later", {"delay", "callback"}, 2};
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct call c;
    double delay;

    if (parse(&signature, args, n, keywords, &c) < 0 ||
        timed(l, &c, "delay must not be None", &delay) < 0)
        return NULL;
    return at(l, &c, eddy_loop_time(l->eddy) + delay);
}

PyObject *eddyi_py_loop_call_at(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                PyObject *keywords)
{
    static const struct signature signature = {"call_at", {"when", "callback"}, 2};
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct call c;
    double when;

    if (parse(&signature, args, n, keywords, &c) < 0 ||
        timed(l, &c, "when cannot be None", &when) < 0)
        return NULL;
    return at(l, &c, when);
}

/* Schedules a handle that asyncio's own code has made (BaseEventLoop._add_callback). */
PyObject *eddyi_py_loop_add_callback(PyObject *self, PyObject *handle)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;

    if (!l->closed && eddyi_py_loop_ready(l, handle) < 0)
        return NULL;
    Py_RETURN_NONE;
}
