/*
 * The module _eddyloop: its state, which each interpreter has its own of, and its types.
 */
#include "handle.h"
#include "stream.h"
#include "tls.h"
#include "transport.h"

#include "eddy/version.h"

static struct PyModuleDef definition;

struct eddyi_py_state *eddyi_py_state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

PyObject *eddyi_py_module_of(PyTypeObject *type)
{
    return PyType_GetModuleByDef(type, &definition);
}

/* Imports @name of @module to *ret. Returns 0 or -1 with an exception. */
static int import(const char *module, const char *name, PyObject **ret)
{
    PyObject *m = PyImport_ImportModule(module);

    *ret = m && name ? PyObject_GetAttrString(m, name) : Py_XNewRef(m);
    Py_XDECREF(m);
    return *ret ? 0 : -1;
}

static int import_all(struct eddyi_py_state *s)
{
    const struct {
        const char *module, *name;
        PyObject **ret;
    } wanted[] = {{"asyncio", "Handle", &s->handle_class},
                  {"asyncio", "TimerHandle", &s->timer_class},
                  {"asyncio", "Future", &s->future_class},
                  {"asyncio.tasks", NULL, &s->tasks},
                  {"asyncio.format_helpers", "extract_stack", &s->extract_stack},
                  {"eddyloop._support", "callback_failed", &s->callback_failed},
                  {"eddyloop._support", "run_watched", &s->run_watched},
                  {"eddyloop._support", "handle_info", &s->handle_info},
                  {"eddyloop._support", "file_descriptor", &s->file_descriptor},
                  {"eddyloop._support", "current_loop", &s->current_loop},
                  {"eddyloop._support", "line_too_long", &s->line_too_long},
                  {"asyncio", "IncompleteReadError", &s->incomplete_read_error},
                  {"asyncio", "LimitOverrunError", &s->limit_overrun_error}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (import(wanted[i].module, wanted[i].name, wanted[i].ret) < 0)
            return -1;
    return 0;
}

static int intern_names(struct eddyi_py_state *s)
{
    const struct {
        const char *name;
        PyObject **ret;
    } wanted[] = {{"Task", &s->name_task},
                  {"loop", &s->name_loop},
                  {"_run", &s->name_run},
                  {"_cancelled", &s->name_cancelled},
                  {"_task_factory", &s->name_task_factory},
                  {"data_received", &s->name_data_received},
                  {"get_buffer", &s->name_get_buffer},
                  {"buffer_updated", &s->name_buffer_updated},
                  {"_fatal_error", &s->name_fatal_error},
                  {"_read_ready__on_eof", &s->name_on_eof},
                  {"_maybe_pause_protocol", &s->name_maybe_pause},
                  {"_maybe_resume_protocol", &s->name_maybe_resume},
                  {"_on_drained", &s->name_on_drained},
                  {"_on_room", &s->name_on_room},
                  {"_do_read", &s->name_do_read},
                  {"pause_reading", &s->name_pause_reading},
                  {"resume_reading", &s->name_resume_reading},
                  {"cancelled", &s->name_is_cancelled},
                  {"set_result", &s->name_set_result},
                  {"feed_data", &s->name_feed_data},
                  {"write", &s->name_write},
                  {"writelines", &s->name_writelines},
                  {"is_closing", &s->name_is_closing},
                  {"_read_ready", &s->name_read_ready},
                  {"_write_ready", &s->name_write_ready},
                  {"datagram_received", &s->name_datagram_received},
                  {"error_received", &s->name_error_received},
                  {"sendto", &s->name_sendto},
                  {"recvfrom", &s->name_recvfrom}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!(*wanted[i].ret = PyUnicode_InternFromString(wanted[i].name)))
            return -1;
    s->loop_keyword = PyTuple_Pack(1, s->name_loop);
    return s->loop_keyword ? 0 : -1;
}

/* Makes a type of @spec, and adds it to the module. */
static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base, PyTypeObject **ret)
{
    *ret = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    return *ret ? PyModule_AddType(module, *ret) : -1;
}

/* Makes the types of transports, whose structs begin with that of asyncio's @base. */
static int add_types_of_transports(PyObject *module, struct eddyi_py_state *s, PyTypeObject *base,
                                   PyTypeObject *read_base)
{
    if (base->tp_basicsize != offsetof(struct eddyi_py_transport, kind) ||
        read_base->tp_basicsize > base->tp_basicsize) {
        PyErr_SetString(PyExc_ImportError, "asyncio's transports have an unexpected layout");
        return -1;
    }
    if (add_type(module, &eddyi_py_transport_spec, base, &s->transport_type) < 0 ||
        add_type(module, &eddyi_py_read_pipe_spec, read_base, &s->read_pipe_type) < 0 ||
        add_type(module, &eddyi_py_datagrams_spec, base, &s->datagrams_type) < 0)
        return -1;
    return add_type(module, &eddyi_py_tls_transport_spec, base, &s->tls_transport_type);
}

static int add_transports(PyObject *module, struct eddyi_py_state *s)
{
    PyObject *base, *read_base = NULL;
    int rc = -1;

    if (import("asyncio.transports", "_FlowControlMixin", &base) == 0 &&
        import("asyncio.transports", "ReadTransport", &read_base) == 0)
        rc = add_types_of_transports(module, s, (PyTypeObject *)base, (PyTypeObject *)read_base);
    Py_XDECREF(base);
    Py_XDECREF(read_base);
    return rc;
}

/* Prepares what TLS needs of asyncio. */
static int add_tls(PyObject *module, struct eddyi_py_state *s)
{
    static PyMethodDef functions[] = {{"_open_openssl", eddyi_py_open_openssl, METH_VARARGS, NULL},
                                      {0}};
    PyObject *states, *transport;

    if (PyModule_AddFunctions(module, functions) < 0 ||
        import("asyncio.sslproto", "SSLProtocolState", &states) < 0)
        return -1;
    s->wrapped_state = PyObject_GetAttrString(states, "WRAPPED");
    Py_DECREF(states);
    if (!s->wrapped_state || import("asyncio.sslproto", "_SSLProtocolTransport", &transport) < 0)
        return -1;
    s->asyncios_tls_write = PyObject_GetAttrString(transport, "write");
    Py_DECREF(transport);
    return s->asyncios_tls_write ? add_type(module, &eddyi_py_tls_spec, NULL, &s->tls_type) : -1;
}

/* Makes the types of streams. */
static int add_streams(PyObject *module, struct eddyi_py_state *s)
{
    static PyMethodDef functions[] = {{"_stream_methods", eddyi_py_stream_methods, METH_O, NULL},
                                      {0}};
    const struct {
        PyType_Spec *spec;
        PyTypeObject **ret;
    } types[] = {{&eddyi_py_method_spec, &s->method_type},
                 {&eddyi_py_coroutine_spec, &s->coroutine_type},
                 {&eddyi_py_reader_spec, &s->reader_type},
                 {&eddyi_py_writer_spec, &s->writer_type},
                 {&eddyi_py_stream_protocol_spec, &s->stream_protocol_type}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (add_type(module, types[i].spec, NULL, types[i].ret) < 0)
            return -1;
    return PyModule_AddFunctions(module, functions);
}

static int execute(PyObject *module)
{
    struct eddyi_py_state *s = eddyi_py_state_of(module);

    if (import_all(s) < 0 || intern_names(s) < 0 ||
        add_type(module, &eddyi_py_loop_spec, NULL, &s->loop_type) < 0 ||
        add_transports(module, s) < 0 || add_tls(module, s) < 0 || add_streams(module, s) < 0 ||
        add_type(module, &eddyi_py_handle_spec, NULL, &s->handle_type) < 0 ||
        add_type(module, &eddyi_py_timer_spec, s->handle_type, &s->timer_type) < 0 ||
        eddyi_py_spares_fill(s) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "eddy_version", eddy_version());
}

/* Calls the macro @each for every object of the state. */
#define EACH_OBJECT(s, each)                                                                       \
    do {                                                                                           \
        each((s)->loop_type);                                                                      \
        each((s)->handle_type);                                                                    \
        each((s)->timer_type);                                                                     \
        each((s)->transport_type);                                                                 \
        each((s)->handle_class);                                                                   \
        each((s)->timer_class);                                                                    \
        each((s)->future_class);                                                                   \
        each((s)->tasks);                                                                          \
        each((s)->extract_stack);                                                                  \
        each((s)->callback_failed);                                                                \
        each((s)->run_watched);                                                                    \
        each((s)->handle_info);                                                                    \
        each((s)->file_descriptor);                                                                \
        each((s)->name_task);                                                                      \
        each((s)->name_loop);                                                                      \
        each((s)->name_run);                                                                       \
        each((s)->name_cancelled);                                                                 \
        each((s)->name_task_factory);                                                              \
        each((s)->loop_keyword);                                                                   \
        each((s)->name_data_received);                                                             \
        each((s)->name_get_buffer);                                                                \
        each((s)->name_buffer_updated);                                                            \
        each((s)->name_fatal_error);                                                               \
        each((s)->name_on_eof);                                                                    \
        each((s)->name_maybe_pause);                                                               \
        each((s)->name_maybe_resume);                                                              \
        each((s)->name_on_drained);                                                                \
        each((s)->name_on_room);                                                                   \
        each((s)->name_do_read);                                                                   \
        each((s)->name_read_ready);                                                                \
        each((s)->name_write_ready);                                                               \
        each((s)->name_datagram_received);                                                         \
        each((s)->name_error_received);                                                            \
        each((s)->name_sendto);                                                                    \
        each((s)->name_recvfrom);                                                                  \
        each((s)->read_pipe_type);                                                                 \
        each((s)->datagrams_type);                                                                 \
        each((s)->tls_type);                                                                       \
        each((s)->tls_transport_type);                                                             \
        each((s)->ssl_type);                                                                       \
        each((s)->wrapped_state);                                                                  \
        each((s)->asyncios_tls_write);                                                             \
        each((s)->reader_type);                                                                    \
        each((s)->writer_type);                                                                    \
        each((s)->stream_protocol_type);                                                           \
        each((s)->method_type);                                                                    \
        each((s)->coroutine_type);                                                                 \
        each((s)->reader_class);                                                                   \
        each((s)->stream_protocol_class);                                                          \
        each((s)->incomplete_read_error);                                                          \
        each((s)->limit_overrun_error);                                                            \
        each((s)->current_loop);                                                                   \
        each((s)->line_too_long);                                                                  \
        each((s)->name_pause_reading);                                                             \
        each((s)->name_resume_reading);                                                            \
        each((s)->name_is_cancelled);                                                              \
        each((s)->name_set_result);                                                                \
        each((s)->name_feed_data);                                                                 \
        each((s)->name_write);                                                                     \
        each((s)->name_writelines);                                                                \
        each((s)->name_is_closing);                                                                \
    } while (0)

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct eddyi_py_state *s = eddyi_py_state_of(module);

    EACH_OBJECT(s, Py_VISIT);
    return 0;
}

static int clear(PyObject *module)
{
    struct eddyi_py_state *s = eddyi_py_state_of(module);

    eddyi_py_spares_free(&s->spare_handles);
    eddyi_py_spares_free(&s->spare_timers);
    eddyi_py_bytes_free_spares(s);
    EACH_OBJECT(s, Py_CLEAR);
    PyMem_Free(s->read_buffer);
    s->read_buffer = NULL;
    return 0;
}

static void destroy(void *module)
{
    clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_MOD_PER_INTERPRETER_GIL_SUPPORTED
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},
#endif
    {0}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        .m_name = "eddyloop._eddyloop",
                                        .m_doc = "The parts of eddyloop that are in C.",
                                        .m_size = sizeof(struct eddyi_py_state),
                                        .m_methods = eddyi_py_file_functions,
                                        .m_slots = slots,
                                        .m_traverse = traverse,
                                        .m_clear = clear,
                                        .m_free = destroy};

PyMODINIT_FUNC PyInit__eddyloop(void);

PyMODINIT_FUNC PyInit__eddyloop(void)
{
    return PyModuleDef_Init(&definition);
}
