/*
 * Readers and writers: callbacks for the readiness of descriptors.
 *
 * A watch exists as long as its descriptor has a reader or a writer. It remembers the object that
 * the program passed, so that the reader of a socket can still be removed when the socket has been
 * closed, as in asyncio.
 */
#include "handle.h"

#include "eddy/sock.h"

enum direction { READS, WRITES };

struct eddyi_py_watch {
    struct eddyi_py_loop *loop; /* borrowed: the loop owns the watch */
    int fd;
    PyObject *file;       /* what the program calls the descriptor */
    PyObject *handles[2]; /* the reader and the writer; NULL: none */
};

static struct eddyi_py_watch *watch_of(const struct eddyi_py_loop *l, int fd)
{
    return (size_t)fd < l->n_watches ? l->watches[fd] : NULL;
}

/* Makes room for the watch of @fd. */
static int reserve(struct eddyi_py_loop *l, int fd)
{
    size_t n = l->n_watches ? l->n_watches : 64;
    struct eddyi_py_watch **watches;

    if ((size_t)fd < l->n_watches)
        return 0;
    while (n <= (size_t)fd)
        n *= 2;
    watches = PyMem_Realloc(l->watches, n * sizeof *watches);
    if (!watches) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = l->n_watches; i < n; i++)
        watches[i] = NULL;
    l->watches = watches;
    l->n_watches = n;
    return 0;
}

static struct eddyi_py_watch *watch_new(struct eddyi_py_loop *l, int fd, PyObject *file)
{
    struct eddyi_py_watch *w;

    if (reserve(l, fd) < 0)
        return NULL;
    w = PyMem_Calloc(1, sizeof *w);
    if (!w) {
        PyErr_NoMemory();
        return NULL;
    }
    w->loop = l;
    w->fd = fd;
    w->file = Py_NewRef(file);
    l->watches[fd] = w;
    return w;
}

static void watch_free(struct eddyi_py_watch *w)
{
    w->loop->watches[w->fd] = NULL;
    Py_DECREF(w->file);
    PyMem_Free(w);
}

static void run(struct eddyi_py_watch *w, enum direction d)
{
    struct eddyi_py_loop *l = w->loop;
    PyObject *handle = Py_NewRef(w->handles[d]); /* which may remove itself, and the watch */

    if (eddyi_py_handle_run(l, handle) < 0)
        eddyi_py_loop_fail(l);
    Py_DECREF(handle);
}

static void readable(void *arg)
{
    run(arg, READS);
}

static void writable(void *arg)
{
    run(arg, WRITES);
}

/* Returns the descriptor of @file as asyncio's selectors do, or -1 with ValueError. */
static int descriptor_of(const struct eddyi_py_loop *l, PyObject *file)
{
    PyObject *number = PyLong_CheckExact(file)
                           ? Py_NewRef(file)
                           : PyObject_CallOneArg(l->state->file_descriptor, file);
    long fd = number ? PyLong_AsLong(number) : -1;

    Py_XDECREF(number);
    if (fd >= 0 && fd <= INT_MAX)
        return (int)fd;
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %ld", fd);
    return -1;
}

static int watch_in_eddy(struct eddyi_py_watch *w, enum direction d)
{
    if (d == READS)
        return eddy_loop_add_reader(w->loop->eddy, w->fd, readable, w);
    return eddy_loop_add_writer(w->loop->eddy, w->fd, writable, w);
}

static void unwatch_in_eddy(const struct eddyi_py_watch *w, enum direction d)
{
    if (d == READS)
        eddy_loop_remove_reader(w->loop->eddy, w->fd);
    else
        eddy_loop_remove_writer(w->loop->eddy, w->fd);
}

/* Drops the handle of one direction, cancelled, and the watch with its last handle. */
static void forget(struct eddyi_py_watch *w, enum direction d)
{
    PyObject *handle = w->handles[d];

    w->handles[d] = NULL;
    if (!w->handles[READS] && !w->handles[WRITES])
        watch_free(w);
    if (handle)
        eddyi_py_handle_cancel((struct eddyi_py_handle *)handle);
    Py_XDECREF(handle);
}

/* Puts @handle in place of the present one, which is cancelled. */
static int install(struct eddyi_py_watch *w, enum direction d, PyObject *handle)
{
    PyObject *before = w->handles[d];
    int rc;

    w->handles[d] = Py_NewRef(handle);
    rc = watch_in_eddy(w, d);
    if (rc < 0) {
        eddyi_py_raise(rc);
        w->handles[d] = before;
        Py_DECREF(handle);
        if (!w->handles[READS] && !w->handles[WRITES])
            watch_free(w);
        return -1;
    }
    if (before)
        eddyi_py_handle_cancel((struct eddyi_py_handle *)before);
    Py_XDECREF(before);
    return 0;
}

/* _add_reader(fd, callback, *args) and _add_writer: return the handle. */
static PyObject *add(PyObject *self, PyObject *const *args, Py_ssize_t n, enum direction d)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct eddyi_py_handle *h;
    struct eddyi_py_watch *w;
    int fd;

    if (n < 2) {
        PyErr_Format(PyExc_TypeError, "%s() missing a required positional argument: '%s'",
                     d == READS ? "add_reader" : "add_writer", n < 1 ? "fd" : "callback");
        return NULL;
    }
    if (!eddyi_py_loop_check(l) || (fd = descriptor_of(l, args[0])) < 0)
        return NULL;
    h = eddyi_py_handle_new(l, args[1], args + 2, n - 2, NULL);
    if (!h)
        return NULL;
    w = watch_of(l, fd);
    if (!w)
        w = watch_new(l, fd, args[0]);
    if (!w || install(w, d, (PyObject *)h) < 0)
        Py_CLEAR(h);
    return (PyObject *)h;
}

/* Returns the watch of @file, also if @file was closed meanwhile; NULL, perhaps with ValueError. */
static struct eddyi_py_watch *find(const struct eddyi_py_loop *l, PyObject *file)
{
    int fd = descriptor_of(l, file);

    if (fd >= 0)
        return watch_of(l, fd);
    for (size_t i = 0; i < l->n_watches; i++)
        if (l->watches[i] && l->watches[i]->file == file) {
            PyErr_Clear();
            return l->watches[i];
        }
    return NULL;
}

static PyObject *removed(PyObject *self, PyObject *file, enum direction d)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)self;
    struct eddyi_py_watch *w;

    if (l->closed)
        Py_RETURN_FALSE;
    w = find(l, file);
    if (!w && PyErr_Occurred())
        return NULL;
    if (!w || !w->handles[d])
        Py_RETURN_FALSE;
    unwatch_in_eddy(w, d);
    forget(w, d);
    Py_RETURN_TRUE;
}

/* Returns (file, reader, writer) of the descriptor @file, or None: for _loop.py's selector. */
PyObject *eddyi_py_loop_watched(PyObject *self, PyObject *file)
{
    const struct eddyi_py_watch *w = find((struct eddyi_py_loop *)self, file);

    if (!w && PyErr_Occurred())
        return NULL;
    if (!w)
        Py_RETURN_NONE;
    return Py_BuildValue("OOO", w->file, w->handles[READS] ? w->handles[READS] : Py_None,
                         w->handles[WRITES] ? w->handles[WRITES] : Py_None);
}

PyObject *eddyi_py_loop_add_reader(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    return add(self, args, n, READS);
}

PyObject *eddyi_py_loop_add_writer(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    return add(self, args, n, WRITES);
}

PyObject *eddyi_py_loop_remove_reader(PyObject *self, PyObject *fd)
{
    return removed(self, fd, READS);
}

PyObject *eddyi_py_loop_remove_writer(PyObject *self, PyObject *fd)
{
    return removed(self, fd, WRITES);
}

int eddyi_py_watches_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg)
{
    for (size_t i = 0; i < l->n_watches; i++)
        if (l->watches[i]) {
            Py_VISIT(l->watches[i]->file);
            Py_VISIT(l->watches[i]->handles[READS]);
            Py_VISIT(l->watches[i]->handles[WRITES]);
        }
    return 0;
}

void eddyi_py_watches_clear(struct eddyi_py_loop *l)
{
    for (int d = READS; d <= WRITES; d++)
        for (size_t i = 0; i < l->n_watches; i++)
            if (l->watches[i] && l->watches[i]->handles[d]) {
                unwatch_in_eddy(l->watches[i], d);
                forget(l->watches[i], d);
            }
    PyMem_Free(l->watches);
    l->watches = NULL;
    l->n_watches = 0;
}
