/*
 * The queue of ready handles.
 */
#include "module.h"

enum { FIRST_SIZE = 64 };

static int grow(struct eddyi_py_queue *q)
{
    size_t size = q->size ? 2 * q->size : FIRST_SIZE, n = 0;
    PyObject **slots = PyMem_New(PyObject *, size);

    if (!slots) {
        PyErr_NoMemory();
        return -1;
    }
    for (; n < q->n; n++)
        slots[n] = q->slots[(q->first + n) & (q->size - 1)];
    PyMem_Free(q->slots);
    q->slots = slots;
    q->size = size;
    q->first = 0;
    return 0;
}

int eddyi_py_queue_init(struct eddyi_py_queue *q)
{
    return grow(q);
}

int eddyi_py_queue_push(struct eddyi_py_queue *q, PyObject *object)
{
    if (q->n == q->size && grow(q) < 0)
        return -1;
    q->slots[(q->first + q->n++) & (q->size - 1)] = Py_NewRef(object);
    return 0;
}

PyObject *eddyi_py_queue_pop(struct eddyi_py_queue *q)
{
    PyObject *object = q->slots[q->first];

    q->first = (q->first + 1) & (q->size - 1);
    q->n--;
    return object;
}

/* Dropping an object may run code that pushes another one, which is then dropped as well. */
void eddyi_py_queue_clear(struct eddyi_py_queue *q)
{
    while (q->n > 0)
        Py_DECREF(eddyi_py_queue_pop(q));
    PyMem_Free(q->slots);
    *q = (struct eddyi_py_queue){0};
}

int eddyi_py_queue_traverse(const struct eddyi_py_queue *q, visitproc visit, void *arg)
{
    for (size_t i = 0; i < q->n; i++)
        Py_VISIT(q->slots[(q->first + i) & (q->size - 1)]);
    return 0;
}
