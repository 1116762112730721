/*
 * Operations on files, for eddyloop.files: each function begins one, and returns an asyncio.Future
 * for its result. The loop never blocks: io_uring or a pool of threads carries the operation out.
 *
 * The memory of an operation is its own until the kernel has let go of it, however the future ends:
 * bytes to write are held by a buffer view, bytes to read are an object that the future gets in the
 * end. A cancelled future leaves its operation alone; file_cancel() is for that.
 */
#include "module.h"

#include "eddy/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum result { AS_NUMBER, AS_NONE, AS_BYTES, AS_DESCRIPTOR, AS_STATUS };

struct eddyi_py_file_operation {
    struct eddyi_py_file_operation *next, **link; /* in loop->file_operations */
    struct eddyi_py_loop *loop;
    eddy_operation *op; /* borrowed; valid until it is done */
    PyObject *future;
    enum result result;
    PyObject *path;  /* for the error's message, or NULL */
    PyObject *bytes; /* AS_BYTES: the memory to read to */
    Py_buffer view;  /* the bytes to write; view.obj is NULL if there are none */
    struct statx status;
};

int eddyi_py_files_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg)
{
    for (const struct eddyi_py_file_operation *o = l->file_operations; o; o = o->next) {
        Py_VISIT(o->future);
        Py_VISIT(o->view.obj);
    }
    return 0;
}

static void operation_free(struct eddyi_py_file_operation *o)
{
    if (o->link) {
        *o->link = o->next;
        if (o->next)
            o->next->link = o->link;
    }
    Py_XDECREF(o->future);
    Py_XDECREF(o->path);
    Py_XDECREF(o->bytes);
    PyBuffer_Release(&o->view);
    PyMem_Free(o);
}

/* Makes an operation with a future, in the list of @loop. Returns NULL with an exception. */
static struct eddyi_py_file_operation *operation_new(PyObject *loop, enum result result)
{
    struct eddyi_py_loop *l = (struct eddyi_py_loop *)loop;
    struct eddyi_py_file_operation *o;

    if (!eddyi_py_loop_check(l))
        return NULL;
    o = PyMem_Calloc(1, sizeof *o);
    if (!o) {
        PyErr_NoMemory();
        return NULL;
    }
    o->loop = l;
    o->result = result;
    o->future = eddyi_py_loop_create_future(loop, NULL);
    if (!o->future) {
        PyMem_Free(o);
        return NULL;
    }
    o->link = &l->file_operations;
    o->next = l->file_operations;
    if (o->next)
        o->next->link = &o->next;
    l->file_operations = o;
    return o;
}

/* Returns the future of an operation whose start has returned @rc; frees the operation if that is
 * an error, which is raised. */
static PyObject *begun(struct eddyi_py_file_operation *o, int rc)
{
    if (rc == 0)
        return Py_NewRef(o->future);
    operation_free(o);
    return eddyi_py_raise(rc);
}

/* Sets *ret to whether the future waits no more: it was cancelled. */
static int is_over(PyObject *future, bool *ret)
{
    PyObject *done = PyObject_CallMethod(future, "done", NULL);

    *ret = done == Py_True;
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Returns (mode, size) of the status. */
static PyObject *status_of(const struct statx *status)
{
    return Py_BuildValue("iK", (int)status->stx_mode, (unsigned long long)status->stx_size);
}

static PyObject *value_of(struct eddyi_py_file_operation *o, int64_t result)
{
    PyObject *bytes;

    switch (o->result) {
    case AS_NONE:
        return Py_NewRef(Py_None);
    case AS_STATUS:
        return status_of(&o->status);
    case AS_BYTES:
        bytes = o->bytes;
        o->bytes = NULL;
        (void)_PyBytes_Resize(&bytes, (Py_ssize_t)result); /* NULL with an exception if it fails */
        return bytes;
    default:
        return PyLong_FromLongLong(result);
    }
}

/* Returns an instance of OSError for @error, an errno. */
static PyObject *error_of(struct eddyi_py_file_operation *o, int error)
{
    return PyObject_CallFunction(PyExc_OSError, "isO", error, strerror(error),
                                 o->path ? o->path : Py_None);
}

static int settle(struct eddyi_py_file_operation *o, int64_t result)
{
    PyObject *value, *set;

    if (result == -ECANCELED) {
        set = PyObject_CallMethod(o->future, "cancel", NULL);
    } else if (result < 0) {
        value = error_of(o, (int)-result);
        set = value ? PyObject_CallMethod(o->future, "set_exception", "(O)", value) : NULL;
        Py_XDECREF(value);
    } else {
        value = value_of(o, result);
        set = value ? PyObject_CallMethod(o->future, "set_result", "(O)", value) : NULL;
        Py_XDECREF(value);
    }
    Py_XDECREF(set);
    return set ? 0 : -1;
}

/* Hands over the result, unless its future was cancelled: a descriptor is closed then. */
static void done(void *arg, int64_t result)
{
    struct eddyi_py_file_operation *o = arg;
    bool over = true;
    int rc = o->loop->closed ? 0 : is_over(o->future, &over);

    if (rc == 0 && !over)
        rc = settle(o, result);
    else if (o->result == AS_DESCRIPTOR && result >= 0)
        close((int)result);
    if (rc < 0)
        eddyi_py_loop_fail(o->loop);
    operation_free(o);
}

/* Parses (loop, …); @format is of the rest. Returns the loop, borrowed, or NULL with TypeError. */
#define PARSE(module, args, format, ...)                                                           \
    PyArg_ParseTuple((args), "O!" format, eddyi_py_state_of(module)->loop_type, &loop, __VA_ARGS__)

/* file_open(loop, path, flags, mode): path is bytes. */
static PyObject *file_open(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop, *name;
    const char *path;
    int flags, mode;

    if (!PARSE(module, args, "yOii", &path, &name, &flags, &mode) ||
        !(o = operation_new(loop, AS_DESCRIPTOR)))
        return NULL;
    o->path = Py_NewRef(name);
    return begun(o, eddy_operation_open(o->loop->eddy, path, flags, (mode_t)mode, done, o, &o->op));
}

/* file_read(loop, fd, size, offset) */
static PyObject *file_read(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop, *bytes;
    Py_ssize_t size;
    long long offset;
    int fd;

    if (!PARSE(module, args, "inL", &fd, &size, &offset) ||
        !(bytes = PyBytes_FromStringAndSize(NULL, size)))
        return NULL;
    o = operation_new(loop, AS_BYTES);
    if (!o) {
        Py_DECREF(bytes);
        return NULL;
    }
    o->bytes = bytes;
    return begun(o, eddy_operation_read(o->loop->eddy, fd, PyBytes_AS_STRING(bytes), (size_t)size,
                                        offset, done, o, &o->op));
}

/* file_write(loop, fd, data, offset) */
static PyObject *file_write(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop;
    Py_buffer view;
    long long offset;
    int fd;

    if (!PARSE(module, args, "iy*L", &fd, &view, &offset))
        return NULL;
    o = operation_new(loop, AS_NUMBER);
    if (!o) {
        PyBuffer_Release(&view);
        return NULL;
    }
    o->view = view;
    return begun(o, eddy_operation_write(o->loop->eddy, fd, view.buf, (size_t)view.len, offset,
                                         done, o, &o->op));
}

/* file_close(loop, fd) */
static PyObject *file_close(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop;
    int fd;

    if (!PARSE(module, args, "i", &fd) || !(o = operation_new(loop, AS_NONE)))
        return NULL;
    return begun(o, eddy_operation_close(o->loop->eddy, fd, done, o, &o->op));
}

/* file_sync(loop, fd, data_only) */
static PyObject *file_sync(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop;
    int fd, data_only;

    if (!PARSE(module, args, "ip", &fd, &data_only) || !(o = operation_new(loop, AS_NONE)))
        return NULL;
    return begun(o, eddy_operation_fsync(o->loop->eddy, fd, data_only, done, o, &o->op));
}

/* file_status(loop, fd): the result is (mode, size). */
static PyObject *file_status(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop;
    int fd;

    if (!PARSE(module, args, "i", &fd) || !(o = operation_new(loop, AS_STATUS)))
        return NULL;
    return begun(
        o, eddy_operation_stat(o->loop->eddy, fd, "", AT_EMPTY_PATH, &o->status, done, o, &o->op));
}

/* file_cancel(loop, future): asks the kernel to end the operation of @future, if it goes on. */
static PyObject *file_cancel(PyObject *module, PyObject *args)
{
    struct eddyi_py_file_operation *o;
    PyObject *loop, *future;

    if (!PARSE(module, args, "O", &future))
        return NULL;
    for (o = ((struct eddyi_py_loop *)loop)->file_operations; o; o = o->next)
        if (o->future == future) {
            eddy_operation_cancel(o->op);
            break;
        }
    Py_RETURN_NONE;
}

PyMethodDef eddyi_py_file_functions[] = {{"file_open", file_open, METH_VARARGS, NULL},
                                         {"file_read", file_read, METH_VARARGS, NULL},
                                         {"file_write", file_write, METH_VARARGS, NULL},
                                         {"file_close", file_close, METH_VARARGS, NULL},
                                         {"file_sync", file_sync, METH_VARARGS, NULL},
                                         {"file_status", file_status, METH_VARARGS, NULL},
                                         {"file_cancel", file_cancel, METH_VARARGS, NULL},
                                         {0}};
