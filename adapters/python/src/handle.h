/*
 * Handles: scheduled callbacks (asyncio.Handle, asyncio.TimerHandle).
 *
 * They are no subclasses of asyncio's, whose layout of seven Python slots would cost more than the
 * whole call_soon; they have all of its attributes, and isinstance() accepts them (__class__).
 */
#ifndef EDDYI_PY_HANDLE_H
#define EDDYI_PY_HANDLE_H

#include "module.h"

enum { EDDYI_PY_INLINE_ARGS = 3 };

struct eddyi_py_handle {
    PyObject_HEAD struct eddyi_py_loop *loop;
    PyObject *context, *callback; /* callback: NULL once cancelled */
    /* args[0] is the room that PY_VECTORCALL_ARGUMENTS_OFFSET lends to the callee */
    PyObject *args[1 + EDDYI_PY_INLINE_ARGS];
    PyObject *more;             /* a tuple of all arguments, if too many for `args`; or NULL */
    PyObject *source_traceback; /* debug mode only; or NULL */
    PyObject *repr;             /* what a cancelled handle was, debug mode only; or NULL */
    PyObject *weak_references;
    unsigned char n;       /* of the arguments in `args` */
    unsigned char running; /* calls in progress, which borrow the arguments */
    bool cancelled;
};

struct eddyi_py_timer {
    struct eddyi_py_handle handle;
    double when;
    eddy_timer timer;
    struct eddyi_py_timer *next, **link; /* in loop->timers; link: NULL while not scheduled */
};

extern PyType_Spec eddyi_py_handle_spec, eddyi_py_timer_spec;

static inline bool eddyi_py_is_handle(const struct eddyi_py_loop *l, PyObject *object)
{
    return Py_TYPE(object) == l->state->handle_type || Py_TYPE(object) == l->state->timer_type;
}

/*
 * Make a handle of @callback with the @n arguments @args, to run in @context, or in a copy of the
 * current context if it is NULL or None. The caller owns the result. Return NULL with an exception.
 */
struct eddyi_py_handle *eddyi_py_handle_new(struct eddyi_py_loop *l, PyObject *callback,
                                            PyObject *const *args, Py_ssize_t n, PyObject *context);
struct eddyi_py_timer *eddyi_py_timer_new(struct eddyi_py_loop *l, PyObject *callback,
                                          PyObject *const *args, Py_ssize_t n, PyObject *context);

/*
 * Runs @handle, or any object with the methods of asyncio.Handle; a failure of its callback goes to
 * the exception handler. Returns 0, or raises what ends a run: KeyboardInterrupt, SystemExit.
 */
int eddyi_py_handle_run(struct eddyi_py_loop *l, PyObject *handle);

/* Reports the exception that is set as one of @h's callback. Returns 0, or -1 if the exception
 * handler has raised. */
int eddyi_py_handle_report(struct eddyi_py_handle *h);

void eddyi_py_handle_cancel(struct eddyi_py_handle *h);

/* Schedules @t, and takes a reference until it has run or is cancelled. Returns 0, or raises. */
int eddyi_py_timer_start(struct eddyi_py_timer *t);

/* Takes the timers off the loop, and drops them. */
void eddyi_py_timers_clear(struct eddyi_py_loop *l);

/* Makes the handles that are kept for times of little memory. Returns 0, or raises. */
int eddyi_py_spares_fill(struct eddyi_py_state *s);

/* Frees the memory of spare handles. */
void eddyi_py_spares_free(struct eddyi_py_spares *spares);

#endif
