/*
 * How programs read from a StreamReader: read(), readexactly(), readuntil(), readline(), iteration.
 *
 * Each is a coroutine whose step looks at the bytes that are there, and waits for more if they are
 * too few. What is rare is left to asyncio's code: reading to the end, several separators, an
 * exception that is set, debug mode.
 */
#include "reader.h"

#include <string.h>

static struct eddyi_py_reader *reader_of(const struct eddyi_py_coroutine *c)
{
    return (struct eddyi_py_reader *)c->self;
}

/* Returns whether asyncio's code is to be used. An exception counts at first only. */
static bool is_rare(const struct eddyi_py_coroutine *c)
{
    const struct eddyi_py_reader *r = reader_of(c);
    bool fails = !c->again && r->exception && r->exception != Py_None;

    return fails || !eddyi_py_reader_is_plain(r);
}

static PyObject *make(struct eddyi_py_method *m, PyObject *self, PyObject *arg,
                      PySendResult (*step)(struct eddyi_py_coroutine *c, PyObject **ret))
{
    PyObject *loop = ((struct eddyi_py_reader *)self)->loop;

    if (eddyi_py_is_debugged(m->state, loop) != 0)
        return NULL;
    return eddyi_py_coroutine_new(m, self, arg, step);
}

/* Waits for input. The method has the name @name. */
static PySendResult wait_for_input(struct eddyi_py_coroutine *c, const char *name)
{
    struct eddyi_py_reader *r = reader_of(c);
    struct eddyi_py_state *s = c->method->state;

    if (r->waiter && r->waiter != Py_None) {
        PyErr_Format(PyExc_RuntimeError,
                     "%s() called while another coroutine is already waiting for incoming data",
                     name);
        return PYGEN_ERROR;
    }
    if (r->paused && eddyi_py_reader_resume(s, r) < 0)
        return PYGEN_ERROR;
    if (r->loop && PyObject_TypeCheck(r->loop, s->loop_type))
        r->waiter = eddyi_py_loop_create_future(r->loop, NULL);
    else
        r->waiter = r->loop ? PyObject_CallMethod(r->loop, "create_future", NULL) : NULL;
    c->waits_for_input = true;
    return eddyi_py_coroutine_await(c, Py_XNewRef(r->waiter));
}

/* Ends with the first @n bytes. */
static PySendResult taken(struct eddyi_py_coroutine *c, Py_ssize_t n, PyObject **ret)
{
    struct eddyi_py_reader *r = reader_of(c);

    *ret = eddyi_py_reader_take(r, n);
    if (*ret && r->paused && eddyi_py_reader_length(r) <= r->limit &&
        eddyi_py_reader_resume(c->method->state, r) < 0)
        Py_CLEAR(*ret);
    return *ret ? PYGEN_RETURN : PYGEN_ERROR;
}

/* Ends with IncompleteReadError; @expected is NULL or the number of bytes that were wanted. */
static PySendResult incomplete(struct eddyi_py_coroutine *c, PyObject *expected)
{
    struct eddyi_py_reader *r = reader_of(c);
    PyObject *class = c->method->state->incomplete_read_error;
    PyObject *partial = eddyi_py_reader_take(r, eddyi_py_reader_length(r)), *e = NULL;

    if (partial)
        e = PyObject_CallFunctionObjArgs(class, partial, expected ? expected : Py_None, NULL);
    Py_XDECREF(partial);
    if (e)
        PyErr_SetObject(class, e);
    Py_XDECREF(e);
    return PYGEN_ERROR;
}

/* A step of read(n), n > 0. */
static PySendResult read_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    struct eddyi_py_reader *r = reader_of(c);
    Py_ssize_t length;

    if (is_rare(c))
        return eddyi_py_coroutine_delegate(c);
    c->n = PyLong_AsSsize_t(c->arg);
    length = eddyi_py_reader_length(r);
    if (!c->again && length == 0 && !r->eof)
        return wait_for_input(c, "read");
    return taken(c, length < c->n ? length : c->n, ret);
}

/* Returns whether @n is an int > 0 that is not too large. */
static bool is_size(PyObject *n)
{
    int overflow;
    long long value;

    if (!n || !PyLong_CheckExact(n))
        return false;
    value = PyLong_AsLongLongAndOverflow(n, &overflow);
    return value > 0 && !overflow && value <= PY_SSIZE_T_MAX;
}

PyObject *eddyi_py_reader_read(struct eddyi_py_method *m, PyObject *self, PyObject *n)
{
    return is_size(n) ? make(m, self, n, read_step) : NULL;
}

/* A step of readexactly(n), n > 0. */
static PySendResult exact_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    struct eddyi_py_reader *r = reader_of(c);

    if (is_rare(c))
        return eddyi_py_coroutine_delegate(c);
    c->n = PyLong_AsSsize_t(c->arg);
    if (eddyi_py_reader_length(r) >= c->n)
        return taken(c, c->n, ret);
    return r->eof ? incomplete(c, c->arg) : wait_for_input(c, "readexactly");
}

PyObject *eddyi_py_reader_readexactly(struct eddyi_py_method *m, PyObject *self, PyObject *n)
{
    return is_size(n) ? make(m, self, n, exact_step) : NULL;
}

/* Raises LimitOverrunError. */
static PySendResult overrun(struct eddyi_py_coroutine *c, const char *message, Py_ssize_t consumed)
{
    PyObject *class = c->method->state->limit_overrun_error;
    PyObject *e = PyObject_CallFunction(class, "sn", message, consumed);

    if (e)
        PyErr_SetObject(class, e);
    Py_XDECREF(e);
    return PYGEN_ERROR;
}

/*
 * Looks for @sep of @n_sep bytes, but not again in the first c->n bytes. Ends with what is before
 * and it, or an error, or waits.
 */
static PySendResult search(struct eddyi_py_coroutine *c, const char *sep, Py_ssize_t n_sep,
                           PyObject **ret)
{
    struct eddyi_py_reader *r = reader_of(c);
    Py_ssize_t length = eddyi_py_reader_length(r), at;
    const char *bytes = eddyi_py_reader_bytes(r), *found;

    if (length - c->n >= n_sep) {
        found = memmem(bytes + c->n, (size_t)(length - c->n), sep, (size_t)n_sep);
        if (found) {
            at = found - bytes;
            if (at <= r->limit)
                return taken(c, at + n_sep, ret);
            return overrun(c, "Separator is found, but chunk is longer than limit", at);
        }
        c->n = length + 1 - n_sep;
        if (c->n > r->limit)
            return overrun(c, "Separator is not found, and chunk exceed the limit", c->n);
    }
    return r->eof ? incomplete(c, NULL) : wait_for_input(c, "readuntil");
}

/* A step of readuntil(separator) of one separator. */
static PySendResult until_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    if (is_rare(c))
        return eddyi_py_coroutine_delegate(c);
    if (!c->arg)
        return search(c, "\n", 1, ret);
    return search(c, PyBytes_AS_STRING(c->arg), PyBytes_GET_SIZE(c->arg), ret);
}

PyObject *eddyi_py_reader_readuntil(struct eddyi_py_method *m, PyObject *self, PyObject *sep)
{
    bool usual = !sep || (PyBytes_CheckExact(sep) && PyBytes_GET_SIZE(sep) > 0);

    return usual ? make(m, self, sep, until_step) : NULL;
}

/* Takes the exception that is set. */
static PyObject *take_exception(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* Ends readline() after an error of the search: the last line may have no newline, too long a one
 * is dropped. */
static PySendResult no_line(struct eddyi_py_coroutine *c, PyObject **ret)
{
    const struct eddyi_py_state *s = c->method->state;
    PyObject *e;

    if (PyErr_ExceptionMatches(s->incomplete_read_error)) {
        e = take_exception();
        *ret = PyObject_GetAttrString(e, "partial");
    } else if (PyErr_ExceptionMatches(s->limit_overrun_error)) {
        e = take_exception();
        *ret = PyObject_CallFunctionObjArgs(s->line_too_long, c->self, e, NULL); /* raises */
    } else {
        return PYGEN_ERROR;
    }
    Py_DECREF(e);
    return *ret ? PYGEN_RETURN : PYGEN_ERROR;
}

/* A step of readline(). */
static PySendResult line_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    PySendResult rc;

    if (is_rare(c))
        return eddyi_py_coroutine_delegate(c);
    rc = search(c, "\n", 1, ret);
    return rc == PYGEN_ERROR ? no_line(c, ret) : rc;
}

PyObject *eddyi_py_reader_readline(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    return make(m, self, NULL, line_step);
}

/* A step of __anext__(): an empty line is the end. */
static PySendResult next_step(struct eddyi_py_coroutine *c, PyObject **ret)
{
    PySendResult rc = line_step(c, ret);

    if (rc != PYGEN_RETURN || PyBytes_GET_SIZE(*ret) > 0)
        return rc;
    Py_CLEAR(*ret);
    PyErr_SetNone(PyExc_StopAsyncIteration);
    return PYGEN_ERROR;
}

PyObject *eddyi_py_reader_anext(struct eddyi_py_method *m, PyObject *self, PyObject *unused)
{
    return make(m, self, NULL, next_step);
}
