/*
 * Handles and timers: making, running, cancelling, and what Python sees of them.
 *
 * A handle that runs lends its arguments to the callee, which may cancel that very handle; so
 * `running` defers the release. Freed handles are kept for the next call: a call_soon then makes no
 * object that the garbage collector counts. RESERVE of them are for the moments when memory is
 * short: a callback that a future or task cannot schedule is lost, and what waits for it hangs.
 */
#include "handle.h"

#include "eddy/error.h"

#include <structmember.h>

enum { MOST_SPARES = 1024, RESERVE = 16 };

static struct eddyi_py_spares *spares_of(struct eddyi_py_state *s, PyTypeObject *type)
{
    return type == s->timer_type ? &s->spare_timers : &s->spare_handles;
}

/* Returns an untracked object of @type whose own fields are not set. */
static struct eddyi_py_handle *alloc(struct eddyi_py_state *s, PyTypeObject *type)
{
    struct eddyi_py_spares *spares = spares_of(s, type);
    struct eddyi_py_handle *h;

    if (spares->n <= RESERVE) {
        h = (struct eddyi_py_handle *)_PyObject_GC_New(type);
        if (h || spares->n == 0)
            return h;
        PyErr_Clear();
    }
    h = spares->first;
    spares->first = (struct eddyi_py_handle *)h->loop;
    spares->n--;
    Py_INCREF(type);
    _Py_NewReference((PyObject *)h);
    return h;
}

static void release(struct eddyi_py_state *s, struct eddyi_py_handle *h)
{
    PyTypeObject *type = Py_TYPE(h);
    struct eddyi_py_spares *spares = s ? spares_of(s, type) : NULL;

    if (spares && spares->n < MOST_SPARES) {
        h->loop = (struct eddyi_py_loop *)spares->first;
        spares->first = h;
        spares->n++;
    } else {
        PyObject_GC_Del(h);
    }
    Py_DECREF(type);
}

int eddyi_py_spares_fill(struct eddyi_py_state *s)
{
    PyTypeObject *types[] = {s->handle_type, s->timer_type};

    for (int i = 0; i < 2 * RESERVE; i++) {
        struct eddyi_py_handle *h = (struct eddyi_py_handle *)_PyObject_GC_New(types[i % 2]);

        if (!h)
            return -1;
        release(s, h);
    }
    return 0;
}

void eddyi_py_spares_free(struct eddyi_py_spares *spares)
{
    while (spares->first) {
        struct eddyi_py_handle *h = spares->first;

        spares->first = (struct eddyi_py_handle *)h->loop;
        PyObject_GC_Del(h);
    }
    spares->n = 0;
}

static int take_args(struct eddyi_py_handle *h, PyObject *const *args, Py_ssize_t n)
{
    if (n <= EDDYI_PY_INLINE_ARGS) {
        for (Py_ssize_t i = 0; i < n; i++)
            h->args[1 + i] = Py_NewRef(args[i]);
        h->n = (unsigned char)n;
        return 0;
    }
    h->more = PyTuple_New(n);
    if (!h->more)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(h->more, i, Py_NewRef(args[i]));
    return 0;
}

/* Notes, in debug mode, the place where the handle was made: that of the innermost Python frame. */
static int note_source(struct eddyi_py_handle *h)
{
    PyObject *frame = (PyObject *)PyEval_GetFrame();

    if (!frame)
        return 0;
    h->source_traceback = PyObject_CallOneArg(h->loop->state->extract_stack, frame);
    return h->source_traceback ? 0 : -1;
}

static struct eddyi_py_handle *make(struct eddyi_py_loop *l, PyTypeObject *type, PyObject *callback,
                                    PyObject *const *args, Py_ssize_t n, PyObject *context)
{
    struct eddyi_py_handle *h = alloc(l->state, type);

    if (!h)
        return NULL;
    h->loop = (struct eddyi_py_loop *)Py_NewRef(l);
    h->context = context && context != Py_None ? Py_NewRef(context) : PyContext_CopyCurrent();
    h->callback = Py_NewRef(callback);
    h->more = h->source_traceback = h->repr = h->weak_references = NULL;
    h->n = h->running = 0;
    h->cancelled = false;
    if (type == l->state->timer_type) {
        struct eddyi_py_timer *t = (struct eddyi_py_timer *)h;

        t->timer = (eddy_timer){0};
        t->link = NULL;
    }
    PyObject_GC_Track(h);
    if (!h->context || take_args(h, args, n) < 0 || (l->debug && note_source(h) < 0))
        Py_CLEAR(h);
    return h;
}

struct eddyi_py_handle *eddyi_py_handle_new(struct eddyi_py_loop *l, PyObject *callback,
                                            PyObject *const *args, Py_ssize_t n, PyObject *context)
{
    return make(l, l->state->handle_type, callback, args, n, context);
}

struct eddyi_py_timer *eddyi_py_timer_new(struct eddyi_py_loop *l, PyObject *callback,
                                          PyObject *const *args, Py_ssize_t n, PyObject *context)
{
    return (struct eddyi_py_timer *)make(l, l->state->timer_type, callback, args, n, context);
}

static void drop_callback(struct eddyi_py_handle *h)
{
    Py_CLEAR(h->callback);
    while (h->n > 0) {
        h->n--;
        Py_CLEAR(h->args[1 + h->n]);
    }
    Py_CLEAR(h->more);
}

static int handle_clear(PyObject *self)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;

    drop_callback(h);
    Py_CLEAR(h->context);
    Py_CLEAR(h->source_traceback);
    Py_CLEAR(h->repr);
    return 0;
}

static int handle_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(h->loop);
    Py_VISIT(h->context);
    Py_VISIT(h->callback);
    for (int i = 0; i < h->n; i++)
        Py_VISIT(h->args[1 + i]);
    Py_VISIT(h->more);
    Py_VISIT(h->source_traceback);
    Py_VISIT(h->repr);
    return 0;
}

static void handle_dealloc(PyObject *self)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;
    struct eddyi_py_state *s = h->loop ? h->loop->state : NULL;

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, handle_dealloc) if (h->weak_references) PyObject_ClearWeakRefs(self);
    handle_clear(self);
    Py_CLEAR(h->loop);
    release(s, h);
    Py_TRASHCAN_END
}

/* Calls the callback in its context. Returns 0, or -1 with its exception. */
static int invoke(struct eddyi_py_handle *h)
{
    PyObject *context = h->context, *result;
    PyObject *const *args = h->args + 1;
    size_t n = h->n | PY_VECTORCALL_ARGUMENTS_OFFSET;

    if (h->more) {
        args = &PyTuple_GET_ITEM(h->more, 0);
        n = (size_t)PyTuple_GET_SIZE(h->more);
    }
    if (PyContext_Enter(context) < 0)
        return -1;
    h->running++;
    result = PyObject_Vectorcall(h->callback, args, n, NULL);
    h->running--;
    if (PyContext_Exit(context) < 0)
        Py_CLEAR(result);
    if (h->cancelled && h->running == 0)
        drop_callback(h);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

int eddyi_py_handle_report(struct eddyi_py_handle *h)
{
    PyObject *type, *value, *traceback, *result;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    result = PyObject_CallFunctionObjArgs(h->loop->state->callback_failed, h->loop, h, value, NULL);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Runs the callback (Handle._run). Returns 0, or -1 with the exception that shall end the run. */
static int run(struct eddyi_py_handle *h)
{
    if (!h->callback || invoke(h) == 0)
        return 0;
    return eddyi_py_ends_a_run() ? -1 : eddyi_py_handle_report(h);
}

static int run_watched(struct eddyi_py_loop *l, PyObject *handle)
{
    PyObject *result = PyObject_CallFunctionObjArgs(l->state->run_watched, l, handle, NULL);

    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int run_foreign(struct eddyi_py_loop *l, PyObject *handle)
{
    PyObject *cancelled = PyObject_GetAttr(handle, l->state->name_cancelled), *result;
    int skip = cancelled ? PyObject_IsTrue(cancelled) : -1;

    Py_XDECREF(cancelled);
    if (skip != 0)
        return skip < 0 ? -1 : 0;
    if (l->debug)
        return run_watched(l, handle);
    result = PyObject_CallMethodNoArgs(handle, l->state->name_run);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Starts the timer that another thread has made, unless it is due; then returns 1. */
static int start_late(PyObject *handle)
{
    struct eddyi_py_timer *t = (struct eddyi_py_timer *)handle;

    if (t->handle.cancelled || t->when <= eddy_loop_time(t->handle.loop->eddy))
        return 1;
    return eddyi_py_timer_start(t);
}

int eddyi_py_handle_run(struct eddyi_py_loop *l, PyObject *handle)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)handle;

    if (Py_TYPE(handle) == l->state->timer_type) {
        int due = start_late(handle);

        if (due <= 0)
            return due;
    } else if (Py_TYPE(handle) != l->state->handle_type) {
        return run_foreign(l, handle);
    }
    if (h->cancelled)
        return 0;
    return l->debug ? run_watched(l, handle) : run(h);
}

/* Takes @t off the list of its loop. The caller then owns the list's reference. */
static void unlink_timer(struct eddyi_py_timer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->link = NULL;
}

static void timer_due(eddy_timer *timer)
{
    struct eddyi_py_timer *t = EDDYI_PY_CONTAINER(timer, struct eddyi_py_timer, timer);
    struct eddyi_py_loop *l = t->handle.loop;
    int rc = 0;

    unlink_timer(t);
    if (!t->handle.cancelled)
        rc = l->debug ? run_watched(l, (PyObject *)t) : run(&t->handle);
    if (rc < 0)
        eddyi_py_loop_fail(l);
    Py_DECREF(t);
}

int eddyi_py_timer_start(struct eddyi_py_timer *t)
{
    struct eddyi_py_loop *l = t->handle.loop;
    int rc;

    t->timer.run = timer_due;
    rc = eddy_loop_call_at_timer(l->eddy, &t->timer, t->when);
    if (rc < 0) {
        eddyi_py_raise(rc);
        return -1;
    }
    Py_INCREF(t);
    t->next = l->timers;
    t->link = &l->timers;
    if (t->next)
        t->next->link = &t->next;
    l->timers = t;
    return 0;
}

static void stop_timer(struct eddyi_py_timer *t)
{
    eddy_timer_cancel(t->handle.loop->eddy, &t->timer);
    unlink_timer(t);
    Py_DECREF(t);
}

void eddyi_py_timers_clear(struct eddyi_py_loop *l)
{
    while (l->timers)
        stop_timer(l->timers);
}

/* Keeps, in debug mode, the text that tells what the handle was, for the log of slow callbacks. */
static int keep_repr(struct eddyi_py_handle *h)
{
    h->repr = PyObject_Repr((PyObject *)h);
    return h->repr ? 0 : -1;
}

void eddyi_py_handle_cancel(struct eddyi_py_handle *h)
{
    struct eddyi_py_timer *t = (struct eddyi_py_timer *)h;

    if (h->cancelled)
        return;
    h->cancelled = true;
    if (h->loop->debug && keep_repr(h) < 0)
        PyErr_Clear(); /* the text is all that is lost */
    if (h->running == 0)
        drop_callback(h);
    /* In another thread the timer stays, and finds itself cancelled when it is due. */
    if (Py_TYPE(h) == h->loop->state->timer_type && t->link && !eddyi_py_loop_is_elsewhere(h->loop))
        stop_timer(t);
}

static PyObject *handle_cancel(PyObject *self, PyObject *unused)
{
    eddyi_py_handle_cancel((struct eddyi_py_handle *)self);
    Py_RETURN_NONE;
}

static PyObject *handle_cancelled(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(((struct eddyi_py_handle *)self)->cancelled);
}

static PyObject *handle_get_context(PyObject *self, PyObject *unused)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;

    return Py_NewRef(h->context ? h->context : Py_None);
}

static PyObject *handle_run(PyObject *self, PyObject *unused)
{
    if (run((struct eddyi_py_handle *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *handle_repr_info(PyObject *self, PyObject *unused)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;

    return PyObject_CallOneArg(h->loop->state->handle_info, self);
}

static PyObject *handle_repr(PyObject *self)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;
    PyObject *info, *space, *words, *text;

    if (h->repr)
        return Py_NewRef(h->repr);
    info = handle_repr_info(self, NULL);
    space = info ? PyUnicode_FromString(" ") : NULL;
    words = space ? PyUnicode_Join(space, info) : NULL;
    text = words ? PyUnicode_FromFormat("<%U>", words) : NULL;
    Py_XDECREF(info);
    Py_XDECREF(space);
    Py_XDECREF(words);
    return text;
}

static PyObject *get_callback(PyObject *self, void *unused)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;

    return Py_NewRef(h->callback ? h->callback : Py_None);
}

static PyObject *get_args(PyObject *self, void *unused)
{
    struct eddyi_py_handle *h = (struct eddyi_py_handle *)self;
    PyObject *args;

    if (!h->callback)
        Py_RETURN_NONE;
    if (h->more)
        return Py_NewRef(h->more);
    args = PyTuple_New(h->n);
    for (Py_ssize_t i = 0; args && i < h->n; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(h->args[1 + i]));
    return args;
}

static PyObject *get_class(PyObject *self, void *unused)
{
    const struct eddyi_py_state *s = ((struct eddyi_py_handle *)self)->loop->state;

    return Py_NewRef(Py_TYPE(self) == s->timer_type ? s->timer_class : s->handle_class);
}

static PyMemberDef handle_members[] = {
    {"_loop", T_OBJECT, offsetof(struct eddyi_py_handle, loop), READONLY, NULL},
    {"_context", T_OBJECT, offsetof(struct eddyi_py_handle, context), READONLY, NULL},
    {"_cancelled", T_BOOL, offsetof(struct eddyi_py_handle, cancelled), READONLY, NULL},
    {"_source_traceback", T_OBJECT, offsetof(struct eddyi_py_handle, source_traceback), 0, NULL},
    {"_repr", T_OBJECT, offsetof(struct eddyi_py_handle, repr), 0, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct eddyi_py_handle, weak_references), READONLY,
     NULL},
    {0}};

static PyGetSetDef handle_getset[] = {{"_callback", get_callback, NULL, NULL, NULL},
                                      {"_args", get_args, NULL, NULL, NULL},
                                      {"__class__", get_class, NULL, NULL, NULL},
                                      {0}};

static PyMethodDef handle_methods[] = {
    {"cancel", handle_cancel, METH_NOARGS, "Skips the callback when its turn comes."},
    {"cancelled", handle_cancelled, METH_NOARGS, "Returns whether the callback was cancelled."},
    {"get_context", handle_get_context, METH_NOARGS, "Returns the context of the callback."},
    {"_run", handle_run, METH_NOARGS, NULL},
    {"_repr_info", handle_repr_info, METH_NOARGS, NULL},
    {0}};

static PyType_Slot handle_slots[] = {{Py_tp_dealloc, handle_dealloc},
                                     {Py_tp_traverse, handle_traverse},
                                     {Py_tp_clear, handle_clear},
                                     {Py_tp_repr, handle_repr},
                                     {Py_tp_members, handle_members},
                                     {Py_tp_getset, handle_getset},
                                     {Py_tp_methods, handle_methods},
                                     {Py_tp_doc, "A scheduled callback (asyncio.Handle)."},
                                     {0}};

PyType_Spec eddyi_py_handle_spec = {
    .name = "eddyloop._eddyloop.Handle",
    .basicsize = sizeof(struct eddyi_py_handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | /* for TimerHandle */
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = handle_slots};

static PyObject *timer_when(PyObject *self, PyObject *unused)
{
    return PyFloat_FromDouble(((struct eddyi_py_timer *)self)->when);
}

static PyObject *get_scheduled(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct eddyi_py_timer *)self)->link != NULL);
}

static Py_hash_t timer_hash(PyObject *self)
{
    return _Py_HashDouble(self, ((struct eddyi_py_timer *)self)->when);
}

static bool is_timer(PyObject *object, const struct eddyi_py_state *s)
{
    return PyObject_IsInstance(object, s->timer_class) > 0;
}

/* Compares what makes timers equal beside their deadline, as asyncio does. */
static int same_call(PyObject *a, PyObject *b)
{
    static const char *const parts[] = {"_callback", "_args", "_cancelled"};
    int same = 1;

    for (size_t i = 0; same == 1 && i < sizeof parts / sizeof *parts; i++) {
        PyObject *x = PyObject_GetAttrString(a, parts[i]);
        PyObject *y = x ? PyObject_GetAttrString(b, parts[i]) : NULL;

        same = y ? PyObject_RichCompareBool(x, y, Py_EQ) : -1;
        Py_XDECREF(x);
        Py_XDECREF(y);
    }
    return same;
}

static PyObject *timer_compare(PyObject *self, PyObject *other, int op)
{
    const struct eddyi_py_timer *t = (struct eddyi_py_timer *)self;
    PyObject *whens, *when;
    double theirs;
    int same = 0;

    if (!is_timer(other, t->handle.loop->state)) {
        PyErr_Clear();
        Py_RETURN_NOTIMPLEMENTED;
    }
    whens = PyObject_CallMethod(other, "when", NULL);
    when = whens ? PyNumber_Float(whens) : NULL;
    Py_XDECREF(whens);
    if (!when)
        return NULL;
    theirs = PyFloat_AS_DOUBLE(when);
    Py_DECREF(when);
    if (op != Py_LT && op != Py_GT && t->when == theirs && (same = same_call(self, other)) < 0)
        return NULL;
    switch (op) {
    case Py_EQ:
        return PyBool_FromLong(same);
    case Py_NE:
        return PyBool_FromLong(!same);
    case Py_LT:
        return PyBool_FromLong(t->when < theirs);
    case Py_LE:
        return PyBool_FromLong(t->when < theirs || same);
    case Py_GT:
        return PyBool_FromLong(t->when > theirs);
    default:
        return PyBool_FromLong(t->when > theirs || same);
    }
}

static PyMemberDef timer_members[] = {
    {"_when", T_DOUBLE, offsetof(struct eddyi_py_timer, when), READONLY, NULL}, {0}};

static PyGetSetDef timer_getset[] = {{"_scheduled", get_scheduled, NULL, NULL, NULL}, {0}};

static PyMethodDef timer_methods[] = {
    {"when", timer_when, METH_NOARGS, "Returns the deadline, in seconds of loop.time()."}, {0}};

static PyType_Slot timer_slots[] = {
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_traverse, handle_traverse},
    {Py_tp_clear, handle_clear},
    {Py_tp_hash, timer_hash},
    {Py_tp_richcompare, timer_compare},
    {Py_tp_members, timer_members},
    {Py_tp_getset, timer_getset},
    {Py_tp_methods, timer_methods},
    {Py_tp_doc, "A callback scheduled for a time (asyncio.TimerHandle)."},
    {0}};

PyType_Spec eddyi_py_timer_spec = {.name = "eddyloop._eddyloop.TimerHandle",
                                   .basicsize = sizeof(struct eddyi_py_timer),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                            Py_TPFLAGS_DISALLOW_INSTANTIATION |
                                            Py_TPFLAGS_IMMUTABLETYPE,
                                   .slots = timer_slots};
