/*
 * The common declarations of the two halves of StreamReader: reader.c puts the bytes in, reading.c
 * takes them out.
 */
#ifndef EDDYI_PY_READER_H
#define EDDYI_PY_READER_H

#include "stream.h"

/* Returns whether the functions here can use @r: its _buffer has the type that asyncio's has. */
static inline bool eddyi_py_reader_is_plain(const struct eddyi_py_reader *r)
{
    return !r->buffer || PyByteArray_CheckExact(r->buffer);
}

/* Return the bytes to be read, and their number. */
const char *eddyi_py_reader_bytes(const struct eddyi_py_reader *r);
Py_ssize_t eddyi_py_reader_length(const struct eddyi_py_reader *r);

/* Drops the first @n bytes. Returns 0, or -1 with an exception. */
int eddyi_py_reader_drop(struct eddyi_py_reader *r, Py_ssize_t n);

/* Takes the first @n bytes out. The caller owns the result; NULL with an exception. */
PyObject *eddyi_py_reader_take(struct eddyi_py_reader *r, Py_ssize_t n);

/* Has the transport go on after a pause. Returns 0, or -1 with an exception. */
int eddyi_py_reader_resume(struct eddyi_py_state *s, struct eddyi_py_reader *r);

/* The methods that wait; each makes a coroutine. */
PyObject *eddyi_py_reader_read(struct eddyi_py_method *m, PyObject *self, PyObject *arg);
PyObject *eddyi_py_reader_readexactly(struct eddyi_py_method *m, PyObject *self, PyObject *arg);
PyObject *eddyi_py_reader_readuntil(struct eddyi_py_method *m, PyObject *self, PyObject *arg);
PyObject *eddyi_py_reader_readline(struct eddyi_py_method *m, PyObject *self, PyObject *arg);
PyObject *eddyi_py_reader_anext(struct eddyi_py_method *m, PyObject *self, PyObject *arg);

#endif
