/*
 * Objects of type bytes that last for one call, as most do: a protocol looks at what it is given.
 *
 * Such an object is used again if no other reference to it exists when the call is over. From
 * about 1 000 bytes on, malloc() has no cache of its own: to free such a block and to get it back
 * took 600 of the 2 750 user instructions of an echo of 1 KiB. The room of each object is a
 * multiple of STEP, so that it serves for all sizes that need as many steps.
 */
#include "module.h"

#include <string.h>

enum { STEP = 256, LEAST = 512, MOST = 16384 };

static size_t room_for(size_t n)
{
    return (n + STEP - 1) / STEP * STEP;
}

static bool is_used_again(size_t n)
{
    return n > LEAST && n <= MOST;
}

static void set_size(PyObject *bytes, size_t n)
{
    Py_SET_SIZE((PyVarObject *)bytes, (Py_ssize_t)n);
    PyBytes_AS_STRING(bytes)[n] = '\0';
}

PyObject *eddyi_py_bytes_new(struct eddyi_py_state *s, size_t n)
{
    struct eddyi_py_spare_bytes *spare = &s->spare_bytes;
    PyObject *bytes;

    if (!is_used_again(n))
        return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
    for (unsigned i = 0; i < spare->n; i++)
        if (room_for((size_t)PyBytes_GET_SIZE(spare->objects[i])) == room_for(n)) {
            bytes = spare->objects[i];
            spare->objects[i] = spare->objects[--spare->n];
            set_size(bytes, n);
            return bytes;
        }
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room_for(n));
    if (bytes)
        set_size(bytes, n);
    return bytes;
}

/* Forgets the hash value of the former bytes. */
static void forget_hash(PyObject *bytes)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    ((PyBytesObject *)bytes)->ob_shash = -1;
#pragma GCC diagnostic pop
}

void eddyi_py_bytes_drop(struct eddyi_py_state *s, PyObject *bytes)
{
    struct eddyi_py_spare_bytes *spare = &s->spare_bytes;

    if (Py_REFCNT(bytes) > 1 || !is_used_again((size_t)PyBytes_GET_SIZE(bytes))) {
        Py_DECREF(bytes);
        return;
    }
    forget_hash(bytes);
    if (spare->n == EDDYI_PY_SPARE_BYTES) { /* the eldest goes */
        Py_DECREF(spare->objects[0]);
        memmove(spare->objects, spare->objects + 1, --spare->n * sizeof *spare->objects);
    }
    spare->objects[spare->n++] = bytes;
}

void eddyi_py_bytes_free_spares(struct eddyi_py_state *s)
{
    while (s->spare_bytes.n > 0)
        Py_DECREF(s->spare_bytes.objects[--s->spare_bytes.n]);
}
