/*
 * Streams: the parts in C of StreamReader, StreamWriter and StreamReaderProtocol.
 *
 *     transport --data_received--> protocol --feed--> reader --read(), readline(), …--> program
 *
 * eddyloop/_streams.py makes subclasses of asyncio's classes, with the types here as first base:
 * they keep the attributes of asyncio's, so asyncio's own code works on their instances. Methods
 * that run for each read or write are replaced by objects of the type Method. One calls its
 * function in C, unless that has nothing for the case at hand, or the object is of a subclass, or
 * its loop is in debug mode: then asyncio's own function is called.
 */
#ifndef EDDYI_PY_STREAM_H
#define EDDYI_PY_STREAM_H

#include "module.h"

struct eddyi_py_coroutine;

/* A method in place of asyncio's. */
struct eddyi_py_method {
    PyObject_HEAD vectorcallfunc call;
    PyObject *original;           /* asyncio's function, whose attributes are those of the method */
    PyTypeObject *class;          /* the class whose method this is */
    struct eddyi_py_state *state; /* borrowed from the module */
    const struct eddyi_py_function *function;
};

/* A function that can be a Method; an argument is NULL if it is not given. */
struct eddyi_py_function {
    const char *name;
    /* Returns NULL without an exception to have asyncio's function called. */
    PyObject *(*call)(struct eddyi_py_method *m, PyObject *self, PyObject *arg);
    const char *parameter; /* its name; NULL: there is none */
    bool optional;
};

/* The base in C of eddyloop's StreamReader. The bytes are in `chunk` or in `buffer`. */
struct eddyi_py_reader {
    PyObject_HEAD PyObject *loop, *limit_given, *waiter, *exception, *transport;
    PyObject *chunk;  /* bytes that came as one object; NULL: none */
    Py_ssize_t first; /* so many bytes of `chunk` have been read */
    PyObject *buffer; /* asyncio's _buffer, a bytearray unless the program has set another one;
                         NULL: empty */
    Py_ssize_t limit;
    bool exposed; /* the program has seen `buffer`, which stays where the bytes are */
    bool eof, paused;
};

/* The base in C of eddyloop's StreamWriter. */
struct eddyi_py_writer {
    PyObject_HEAD PyObject *transport, *protocol, *reader, *loop;
};

/* The base in C of eddyloop's StreamReaderProtocol. */
struct eddyi_py_stream_protocol {
    PyObject_HEAD PyObject *reader; /* a weak reference, or None */
    bool paused, connection_lost;
};

/*
 * The counterpart of a coroutine: a call that may wait. `step` runs at first and after each wait.
 * It returns PYGEN_NEXT to wait for `awaited`, PYGEN_RETURN with a result, or PYGEN_ERROR with an
 * exception.
 */
struct eddyi_py_coroutine {
    PyObject_HEAD struct eddyi_py_method *method;
    PyObject *self, *arg; /* NULL once it has ended; arg: NULL if not given */
    PySendResult (*step)(struct eddyi_py_coroutine *c, PyObject **ret);
    PyObject *awaited; /* an iterator; NULL: it does not wait */
    Py_ssize_t n;      /* for `step` */
    bool begun, running;
    bool again;           /* `step` has run before */
    bool delegated;       /* `awaited` is the coroutine of asyncio's function, which does it all */
    bool waits_for_input; /* as the waiter of the reader `self` */
};

extern PyType_Spec eddyi_py_method_spec, eddyi_py_coroutine_spec;
extern PyType_Spec eddyi_py_reader_spec, eddyi_py_writer_spec, eddyi_py_stream_protocol_spec;
extern const struct eddyi_py_function eddyi_py_reader_functions[], eddyi_py_writer_functions[];
extern const struct eddyi_py_function eddyi_py_stream_protocol_functions[];

/* _stream_methods(class): puts a Method in place of each method of asyncio's for which there is a
 * function in C. */
PyObject *eddyi_py_stream_methods(PyObject *module, PyObject *class);

/* Makes the coroutine of a call of @m. Returns NULL with an exception. */
PyObject *eddyi_py_coroutine_new(struct eddyi_py_method *m, PyObject *self, PyObject *arg,
                                 PySendResult (*step)(struct eddyi_py_coroutine *c,
                                                      PyObject **ret));

/* For a step: waits for what @awaitable gives. Takes ownership of @awaitable, an exception is set
 * if it is NULL. */
PySendResult eddyi_py_coroutine_await(struct eddyi_py_coroutine *c, PyObject *awaitable);

/* For a step that has changed nothing so far: leaves everything to asyncio's function. */
PySendResult eddyi_py_coroutine_delegate(struct eddyi_py_coroutine *c);

/* Returns whether debug mode is on for @loop, a loop of any kind; -1 with an exception. */
int eddyi_py_is_debugged(const struct eddyi_py_state *s, PyObject *loop);

#endif
