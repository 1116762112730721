/*
 * The shared declarations of the Python module _eddyloop: what it keeps per interpreter, and its
 * objects.
 *
 *   asyncio's Python --call_soon, call_later, add_reader--> Loop --> eddy's loop
 *   eddy's loop --items, timers, readiness--> Handle --> the program's callback
 *
 * All of it runs with the GIL held, except eddy's blocking waits, which the wait hooks of run.c
 * enclose. Every Python object that C holds is in a list of its Loop, where the garbage collector
 * finds it, so an unclosed loop can be collected. No Python code runs on the stack of one of eddy's
 * tasks: the module makes none.
 */
#ifndef EDDYI_PY_MODULE_H
#define EDDYI_PY_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "eddy/binding.h"
#include "eddy/loop.h"
#include "openssl.h"

#include <stdbool.h>

/* A function with the arguments of METH_FASTCALL or METH_METHOD, as a PyMethodDef has it. */
#define EDDYI_PY_FAST(fn) ((PyCFunction)(void (*)(void))(fn))

#define EDDYI_PY_CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct eddyi_py_handle;
struct eddyi_py_timer;
struct eddyi_py_watch;
struct eddyi_py_wire;
struct eddyi_py_file_operation;

/* The freed handles that are kept for the next call_soon, and the number of them. */
struct eddyi_py_spares {
    struct eddyi_py_handle *first; /* linked by their `loop` */
    unsigned n;
};

enum { EDDYI_PY_SPARE_BYTES = 4 };

/* Objects of type bytes to be used again; see bytes.c. */
struct eddyi_py_spare_bytes {
    PyObject *objects[EDDYI_PY_SPARE_BYTES]; /* the eldest first; each is referenced only here */
    unsigned n;
};

/* The module's state in one interpreter. */
struct eddyi_py_state {
    PyTypeObject *loop_type, *handle_type, *timer_type, *transport_type;
    PyTypeObject *read_pipe_type, *datagrams_type, *tls_type, *tls_transport_type;
    PyTypeObject *reader_type, *writer_type, *stream_protocol_type, *method_type, *coroutine_type;
    PyTypeObject *reader_class, *stream_protocol_class; /* eddyloop's; NULL: not made yet */
    PyObject *incomplete_read_error, *limit_overrun_error;
    PyObject *handle_class, *timer_class; /* asyncio.Handle, asyncio.TimerHandle */
    PyObject *future_class;               /* asyncio.Future */
    PyObject *tasks;                      /* the module asyncio.tasks */
    PyObject *extract_stack;              /* asyncio.format_helpers.extract_stack */
    /* functions of eddyloop._support: rarely needed parts that read better in Python */
    PyObject *callback_failed, *run_watched, *handle_info, *file_descriptor;
    PyObject *current_loop, *line_too_long;
    PyObject *name_task, *name_loop, *name_run, *name_cancelled, *name_task_factory;
    PyObject *loop_keyword; /* ("loop",) */
    PyObject *name_data_received, *name_get_buffer, *name_buffer_updated, *name_fatal_error;
    PyObject *name_on_eof, *name_maybe_pause, *name_maybe_resume, *name_on_drained, *name_on_room;
    PyObject *name_do_read, *name_read_ready, *name_write_ready, *name_datagram_received;
    PyObject *name_error_received, *name_sendto, *name_recvfrom;
    PyObject *name_pause_reading, *name_resume_reading, *name_is_cancelled, *name_set_result;
    PyObject *name_feed_data, *name_write, *name_writelines, *name_is_closing;
    PyObject *wrapped_state;      /* asyncio's SSLProtocolState.WRAPPED */
    PyObject *asyncios_tls_write; /* _SSLProtocolTransport.write */
    PyTypeObject *ssl_type;       /* _ssl._SSLSocket, of which C knows the layout; NULL: not */
    struct eddyi_py_openssl openssl;
    char *read_buffer; /* for one call at a time; NULL before the first */
    struct eddyi_py_spares spare_handles, spare_timers;
    struct eddyi_py_spare_bytes spare_bytes;
};

/* Return the state of the module, and the module that has made @type or a base of it (borrowed). */
struct eddyi_py_state *eddyi_py_state_of(PyObject *module);
PyObject *eddyi_py_module_of(PyTypeObject *type);

/*
 * Calls the method @name of @object, which rarely happens. The name is interned: Python's cache of
 * attributes would remember each new string. The caller owns the result; NULL with an exception.
 */
PyObject *eddyi_py_call(PyObject *object, const char *name);

/*
 * Bytes for one call: bytes.c. The former returns an object of @n bytes, which the caller fills and
 * owns; NULL with an exception. The latter takes the caller's reference to an object of the
 * former's, which is used again if that was the last one.
 */
PyObject *eddyi_py_bytes_new(struct eddyi_py_state *s, size_t n);
void eddyi_py_bytes_drop(struct eddyi_py_state *s, PyObject *bytes);
void eddyi_py_bytes_free_spares(struct eddyi_py_state *s);

/* A queue of objects, first in, first out: a ring whose size is a power of two. */
struct eddyi_py_queue {
    PyObject **slots;
    size_t size, first, n;
};

/* Makes room for the first objects, which an empty queue need not have. Returns 0, or raises
 * MemoryError. */
int eddyi_py_queue_init(struct eddyi_py_queue *q);
/* Appends @object, to which the queue takes a reference. Returns 0, or raises MemoryError. */
int eddyi_py_queue_push(struct eddyi_py_queue *q, PyObject *object);
/* Takes the first object out; the caller owns the result. The queue must not be empty. */
PyObject *eddyi_py_queue_pop(struct eddyi_py_queue *q);
void eddyi_py_queue_clear(struct eddyi_py_queue *q);
int eddyi_py_queue_traverse(const struct eddyi_py_queue *q, visitproc visit, void *arg);

/*
 * The base in C of eddyloop.Loop. The fields that asyncio's Python knows as attributes (_closed,
 * _debug, _stopping, _thread_id) live here, so that both halves see one truth.
 */
struct eddyi_py_loop {
    PyObject_HEAD PyObject
        *module;                  /* keeps `state` even if the garbage collector clears the type */
    struct eddyi_py_state *state; /* borrowed from the module */
    eddy_loop *eddy;              /* NULL in a half-made object only */

    /*
     * asyncio's _ready: handles in the order of their call_soon, whichever thread made it. `drain`
     * runs those that a turn finds. Its item is queued when `drain_queued`; other threads may read
     * and set that, since they hold the GIL.
     */
    struct eddyi_py_queue ready;
    eddy_item drain;
    bool drain_queued, draining;

    struct eddyi_py_timer *timers;   /* scheduled, in no order; each is referenced */
    struct eddyi_py_watch **watches; /* indexed by the descriptor; NULL where there is none */
    size_t n_watches;
    struct eddyi_py_wire *wires; /* of transports that are not closed; see transport.h */
    struct eddyi_py_file_operation *file_operations; /* in progress, in no order */

    /* Gathered writes (gather.c): transports that have some; the number of the turn, which counts
     * turns with writes only; when the first was gathered. */
    struct eddyi_py_queue gathering;
    eddy_item turn_end;
    uint64_t turn;
    int64_t gathers_since;

    bool closed, debug, stopping;
    bool has_thread; /* a run is being set up, lasts, or is being cleaned up */
    unsigned long thread;
    bool running;          /* within eddy_loop_run_forever() */
    PyThreadState *waiter; /* during a blocking wait: the thread's state, without the GIL */
    PyObject *error;       /* leaves the run with this exception; NULL: none yet */
};

extern PyType_Spec eddyi_py_loop_spec, eddyi_py_transport_spec;

/* Raises asyncio's exception for the status @rc (< 0) of eddy. Returns NULL. */
PyObject *eddyi_py_raise(int rc);

/* Return whether the loop is open and, in debug mode, whether this is its thread; else raise
 * RuntimeError. */
bool eddyi_py_loop_check(struct eddyi_py_loop *l);
bool eddyi_py_loop_check_thread(struct eddyi_py_loop *l);

/* Returns whether the loop runs in another thread than this one. */
bool eddyi_py_loop_is_elsewhere(const struct eddyi_py_loop *l);

/*
 * Appends @handle to the ready queue, and makes the loop run it, from any thread. Takes a reference
 * of its own. Returns 0, or raises MemoryError.
 */
int eddyi_py_loop_ready(struct eddyi_py_loop *l, PyObject *handle);

/* Returns whether the exception that is set ends a run: KeyboardInterrupt, SystemExit. */
static inline bool eddyi_py_ends_a_run(void)
{
    return PyErr_ExceptionMatches(PyExc_SystemExit) ||
           PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
}

/* Leaves @context, whatever exception is set, which stays. */
void eddyi_py_context_leave(PyObject *context);

/* Ends the run with the exception that is set, which its caller receives. */
void eddyi_py_loop_fail(struct eddyi_py_loop *l);

/* Gathered writes: gather.c. The latter sends what is left when a run has ended. */
void eddyi_py_gather_init(struct eddyi_py_loop *l);
void eddyi_py_gather_end_run(struct eddyi_py_loop *l);
void eddyi_py_gather_look_at_clock(struct eddyi_py_loop *l);

/* Sends gathered writes that have waited for long; to be called after each callback. */
static inline void eddyi_py_gather_check(struct eddyi_py_loop *l)
{
    if (l->gathering.n > 0)
        eddyi_py_gather_look_at_clock(l);
}

/* The run: run.c. */
void eddyi_py_run_init(struct eddyi_py_loop *l);
PyObject *eddyi_py_loop_run(PyObject *self, PyObject *unused);
PyObject *eddyi_py_loop_run_once(PyObject *self, PyObject *unused);

/* Scheduling: call.c. */
PyObject *eddyi_py_loop_call_soon(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                  PyObject *keywords);
PyObject *eddyi_py_loop_call_soon_threadsafe(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                             PyObject *keywords);
PyObject *eddyi_py_loop_call_later(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                   PyObject *keywords);
PyObject *eddyi_py_loop_call_at(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                PyObject *keywords);
PyObject *eddyi_py_loop_add_callback(PyObject *self, PyObject *handle);

/* Futures and tasks: task.c. */
PyObject *eddyi_py_loop_create_future(PyObject *self, PyObject *unused);
PyObject *eddyi_py_loop_create_task(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                    PyObject *keywords);

/* Readers and writers: watch.c. */
PyObject *eddyi_py_loop_add_reader(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *eddyi_py_loop_add_writer(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *eddyi_py_loop_remove_reader(PyObject *self, PyObject *fd);
PyObject *eddyi_py_loop_remove_writer(PyObject *self, PyObject *fd);
PyObject *eddyi_py_loop_watched(PyObject *self, PyObject *fd);
int eddyi_py_watches_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg);
void eddyi_py_watches_clear(struct eddyi_py_loop *l);

/* Operations on files: file.c. */
extern PyMethodDef eddyi_py_file_functions[];
int eddyi_py_files_traverse(const struct eddyi_py_loop *l, visitproc visit, void *arg);

#endif
