/* TLS for each record; see tls.h. */
#include "tls.h"

#include "transport.h"

#include <dlfcn.h>
#include <structmember.h>

/* How CPython 3.11 to 3.14 begin the objects of _ssl: _SSLSocket, and SSLContext. */
struct ssl_socket {
    PyObject_HEAD PyObject *socket;
    void *ssl;
};

struct ssl_context {
    PyObject_HEAD void *context;
};

static bool find_functions(struct eddyi_py_openssl *f, void *library)
{
    const struct {
        const char *name;
        void *ret;
    } wanted[] = {{"SSL_read", &f->read},
                  {"SSL_write", &f->write},
                  {"SSL_get_error", &f->error},
                  {"SSL_get_rbio", &f->rbio},
                  {"SSL_get_wbio", &f->wbio},
                  {"SSL_get_ex_data", &f->ex_data},
                  {"SSL_get_SSL_CTX", &f->context},
                  {"BIO_read", &f->bio_read},
                  {"BIO_write", &f->bio_write},
                  {"BIO_ctrl", &f->bio_control},
                  {"SSL_has_pending", &f->has_pending},
                  {"ERR_peek_error", &f->peek_error},
                  {"ERR_clear_error", &f->clear_errors},
                  {"CRYPTO_get_ex_new_index", &f->new_index},
                  {"CRYPTO_free_ex_index", &f->free_index}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *found = dlsym(library, wanted[i].name);

        if (!found)
            return false;
        memcpy(wanted[i].ret, &found, sizeof found);
    }
    return true;
}

/* Returns the SSL in @object; NULL if @object is no _ssl._SSLSocket whose layout is known. */
static void *ssl_in(const struct eddyi_py_state *s, PyObject *object)
{
    void *ssl;

    if (Py_TYPE(object) != s->ssl_type)
        return NULL;
    ssl = ((struct ssl_socket *)object)->ssl;
    return ssl && s->openssl.ex_data(ssl, 0) == object ? ssl : NULL;
}

/* The latest SSL that this thread has made during the check. */
static _Thread_local void *latest_ssl;

static void note_ssl(void *ssl, void *data, void *all_data, int index, long number, void *pointer)
{
    latest_ssl = ssl;
}

/* Calls make(), and stores the SSL that OpenSSL has made meanwhile. Returns what make() returns. */
static PyObject *make_watched(struct eddyi_py_openssl *f, PyObject *make, void **ret_ssl)
{
    int index = f->new_index(EDDYI_PY_CLASS_SSL, 0, NULL, note_ssl, NULL, NULL);
    PyObject *made;

    latest_ssl = NULL;
    made = PyObject_CallNoArgs(make);
    *ret_ssl = index < 0 ? NULL : latest_ssl;
    if (index >= 0)
        f->free_index(EDDYI_PY_CLASS_SSL, index);
    return made;
}

static bool has_words(PyObject *object, size_t size)
{
    return (size_t)Py_TYPE(object)->tp_basicsize >= size;
}

/* Returns whether @object and @context have @ssl and its SSL_CTX where C expects them. Only words
 * within the objects are read, and compared, before OpenSSL is given the address. */
static bool is_known(const struct eddyi_py_openssl *f, PyObject *object, PyObject *context,
                     void *ssl)
{
    return ssl && has_words(object, sizeof(struct ssl_socket)) &&
           has_words(context, sizeof(struct ssl_context)) &&
           ((struct ssl_socket *)object)->ssl == ssl && f->ex_data(ssl, 0) == object &&
           f->context(ssl) == ((struct ssl_context *)context)->context;
}

PyObject *eddyi_py_open_openssl(PyObject *module, PyObject *args)
{
    struct eddyi_py_state *s = eddyi_py_state_of(module);
    PyObject *make, *made, *object, *context;
    const char *path;
    void *library, *ssl;

    if (!PyArg_ParseTuple(args, "sO:_open_openssl", &path, &make))
        return NULL;
    Py_CLEAR(s->ssl_type);
    /* NOLOAD: the very module that is loaded. It stays, as its library does. */
    library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (!library || !find_functions(&s->openssl, library))
        Py_RETURN_FALSE;
    made = make_watched(&s->openssl, make, &ssl);
    if (made && !PyTuple_Check(made))
        PyErr_SetString(PyExc_TypeError, "make() must return a socket and its context");
    if (PyErr_Occurred() || !PyArg_ParseTuple(made, "OO", &object, &context)) {
        Py_XDECREF(made);
        return NULL;
    }
    if (is_known(&s->openssl, object, context, ssl))
        s->ssl_type = (PyTypeObject *)Py_NewRef(Py_TYPE(object));
    Py_DECREF(made);
    return PyBool_FromLong(s->ssl_type != NULL);
}

struct eddyi_py_tls *eddyi_py_tls_of(const struct eddyi_py_state *s, PyObject *protocol)
{
    struct eddyi_py_tls *p = (struct eddyi_py_tls *)protocol;

    return protocol && PyObject_TypeCheck(protocol, s->tls_type) && p->ssl ? p : NULL;
}

void eddyi_py_tls_feed(struct eddyi_py_tls *p, const char *bytes, size_t n)
{
    if (n > 0) /* a BIO in memory takes all, unless memory is short: then the stream breaks */
        (void)p->module->openssl.bio_write(p->rbio, bytes, (int)n);
}

/* Has asyncio's code do whatever is to be done now. */
static int leave_to_asyncio(struct eddyi_py_tls *p)
{
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)p, p->module->name_do_read);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Has asyncio's code act on bytes that are in the BIO, in any state of the protocol. */
static int dispatch(struct eddyi_py_tls *p)
{
    PyObject *done = PyObject_CallMethod((PyObject *)p, "buffer_updated", "i", 0);

    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Gives an exception of the program's protocol to _fatal_error(). */
static int fatal(struct eddyi_py_tls *p)
{
    PyObject *type, *value, *traceback, *done;

    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    done = PyObject_CallMethod((PyObject *)p, "_fatal_error", "Os", value,
                               "Fatal error on SSL protocol");
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static bool may_read(const struct eddyi_py_tls *p)
{
    return p->wrapped && !p->app_reading_paused && !p->app_protocol_is_buffer && p->app_protocol &&
           p->app_protocol != Py_None;
}

/* Empties the thread's queue of errors, which the next call would be judged by. To look whether it
 * is empty takes a tenth of the time. */
static void clear_errors(const struct eddyi_py_openssl *f)
{
    if (f->peek_error() != 0)
        f->clear_errors();
}

/* Returns whether bytes have come that OpenSSL did not look at: without any, a read would fail. */
static bool has_input(const struct eddyi_py_tls *p)
{
    const struct eddyi_py_openssl *f = &p->module->openssl;

    return f->bio_control(p->rbio, EDDYI_PY_BIO_PENDING, 0, NULL) > 0 || f->has_pending(p->ssl);
}

/* Decrypts up to @size bytes. Returns their number, and stores the error of the last call, 0 if
 * there may be more; a call that could only fail for want of input is not made. */
static size_t decrypt(struct eddyi_py_tls *p, char *buffer, size_t size, int *ret_error)
{
    const struct eddyi_py_openssl *f = &p->module->openssl;
    size_t total = 0;
    int n = 1;

    clear_errors(f);
    while (total < size && n > 0) {
        n = f->read(p->ssl, buffer + total, (int)(size - total));
        total += n > 0 ? (size_t)n : 0;
        if (n > 0 && !has_input(p)) {
            *ret_error = EDDYI_PY_WANTS_READ;
            return total;
        }
    }
    *ret_error = n > 0 ? 0 : f->error(p->ssl, n);
    return total;
}

static int deliver(struct eddyi_py_tls *p, const char *bytes, size_t n)
{
    PyObject *data = eddyi_py_bytes_new(p->module, n);
    PyObject *protocol, *done;

    if (!data)
        return fatal(p);
    memcpy(PyBytes_AS_STRING(data), bytes, n);
    protocol = Py_NewRef(p->app_protocol);
    done = PyObject_CallMethodOneArg(protocol, p->module->name_data_received, data);
    eddyi_py_bytes_drop(p->module, data);
    Py_DECREF(protocol);
    Py_XDECREF(done);
    return done ? 0 : fatal(p);
}

static bool has_output(const struct eddyi_py_tls *p)
{
    return p->module->openssl.bio_control(p->wbio, EDDYI_PY_BIO_PENDING, 0, NULL) > 0 ||
           (p->backlog && PyObject_Size(p->backlog) != 0);
}

/*
 * After an error OpenSSL's queue of errors stays as it is, and asyncio's code makes the call again,
 * which fails with that error. As in asyncio, bytes before a broken record are lost; those before
 * the end of the stream are not.
 */
int eddyi_py_tls_input(struct eddyi_py_tls *p, char *buffer, size_t size)
{
    int error = 0;

    while (error == 0 && may_read(p)) {
        size_t n = decrypt(p, buffer, size, &error);
        bool usual = error == 0 || error == EDDYI_PY_WANTS_READ || error == EDDYI_PY_ZERO_RETURN;

        if (!usual)
            return leave_to_asyncio(p);
        if (n > 0 && deliver(p, buffer, n) < 0)
            return -1;
        if (error == EDDYI_PY_ZERO_RETURN || (error != 0 && has_output(p)))
            return leave_to_asyncio(p);
    }
    return error == EDDYI_PY_WANTS_READ ? 0 : dispatch(p);
}

/* Encrypts @n bytes. Returns the number of bytes that OpenSSL took. */
static size_t encrypt(struct eddyi_py_tls *p, const char *bytes, size_t n)
{
    const struct eddyi_py_openssl *f = &p->module->openssl;
    size_t total = 0;

    clear_errors(f);
    while (total < n) {
        size_t left = n - total;
        int written = f->write(p->ssl, bytes + total, left < INT_MAX ? (int)left : INT_MAX);

        if (written <= 0)
            break;
        total += (size_t)written;
    }
    return total;
}

/* Sends what was encrypted. */
static int send_output(struct eddyi_py_tls *p)
{
    const struct eddyi_py_openssl *f = &p->module->openssl;
    long n = f->bio_control(p->wbio, EDDYI_PY_BIO_PENDING, 0, NULL);
    PyObject *bytes = n > 0 ? eddyi_py_bytes_new(p->module, (size_t)n) : NULL;
    PyObject *transport;
    int rc = -1;

    if (n <= 0)
        return 0;
    if (!bytes)
        return -1;
    transport = Py_NewRef(p->transport);
    if (f->bio_read(p->wbio, PyBytes_AS_STRING(bytes), (int)n) == n)
        rc = eddyi_py_transport_send((struct eddyi_py_transport *)transport, bytes);
    else
        PyErr_SetString(PyExc_RuntimeError, "the BIO has less than it says");
    Py_DECREF(transport);
    eddyi_py_bytes_drop(p->module, bytes);
    return rc;
}

static bool may_write(const struct eddyi_py_tls *p, PyObject *data)
{
    return p && p->wrapped && !p->ssl_writing_paused && !p->app_writing_paused && p->transport &&
           PyObject_TypeCheck(p->transport, p->module->transport_type) && p->backlog &&
           PyObject_Size(p->backlog) == 0 &&
           (PyBytes_Check(data) || PyByteArray_Check(data) || PyMemoryView_Check(data));
}

static PyObject *write_by_asyncio(struct eddyi_py_state *s, PyObject *self, PyObject *data)
{
    return PyObject_CallFunctionObjArgs(s->asyncios_tls_write, self, data, NULL);
}

/* Leaves what OpenSSL did not take to asyncio's code, which makes the call again. */
static PyObject *write_rest(struct eddyi_py_state *s, PyObject *self, const Py_buffer *view,
                            size_t taken)
{
    PyObject *rest, *done;

    rest = PyBytes_FromStringAndSize((char *)view->buf + taken, view->len - (Py_ssize_t)taken);
    done = rest ? write_by_asyncio(s, self, rest) : NULL;
    Py_XDECREF(rest);
    return done;
}

/* write(data) */
static PyObject *tls_write(PyObject *self, PyTypeObject *class, PyObject *const *args, Py_ssize_t n,
                           PyObject *keywords)
{
    struct eddyi_py_state *s = PyType_GetModuleState(class);
    PyObject *protocol = ((struct eddyi_py_tls_transport *)self)->protocol, *done = NULL;
    struct eddyi_py_tls *p = eddyi_py_tls_of(s, protocol);
    Py_buffer view;
    size_t taken;

    if (n + (keywords ? PyTuple_GET_SIZE(keywords) : 0) != 1 ||
        (n == 0 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "data") != 0)) {
        PyErr_SetString(PyExc_TypeError, "write() takes exactly one argument: 'data'");
        return NULL;
    }
    if (!may_write(p, args[0]))
        return write_by_asyncio(s, self, args[0]);
    if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    Py_INCREF(p);
    taken = encrypt(p, view.buf, (size_t)view.len);
    if (taken < (size_t)view.len)
        done = write_rest(s, self, &view, taken);
    else if (send_output(p) == 0)
        done = Py_NewRef(Py_None);
    PyBuffer_Release(&view);
    Py_DECREF(p);
    return done;
}

/* _bind(sslobj): uses the SSL in @sslobj, an _ssl._SSLSocket. Returns whether that is possible. */
static PyObject *tls_bind(PyObject *self, PyTypeObject *class, PyObject *const *args, Py_ssize_t n,
                          PyObject *keywords)
{
    struct eddyi_py_tls *p = (struct eddyi_py_tls *)self;
    void *ssl;

    p->module = PyType_GetModuleState(class);
    if (n != 1 || !p->module->ssl_type || p->ssl)
        Py_RETURN_FALSE;
    ssl = ssl_in(p->module, args[0]);
    if (!ssl)
        Py_RETURN_FALSE;
    p->sslobj = Py_NewRef(args[0]);
    p->rbio = p->module->openssl.rbio(ssl);
    p->wbio = p->module->openssl.wbio(ssl);
    p->ssl = p->rbio && p->wbio ? ssl : NULL;
    return PyBool_FromLong(p->ssl != NULL);
}

static PyObject *get_state(PyObject *self, void *unused)
{
    PyObject *state = ((struct eddyi_py_tls *)self)->state;

    return Py_NewRef(state ? state : Py_None);
}

static int set_state(PyObject *self, PyObject *value, void *unused)
{
    struct eddyi_py_tls *p = (struct eddyi_py_tls *)self;

    Py_XINCREF(value);
    Py_XSETREF(p->state, value);
    p->wrapped = p->ssl && value == p->module->wrapped_state;
    return 0;
}

static int tls_clear(PyObject *self)
{
    struct eddyi_py_tls *p = (struct eddyi_py_tls *)self;

    p->ssl = NULL;
    p->wrapped = false;
    Py_CLEAR(p->state);
    Py_CLEAR(p->app_protocol);
    Py_CLEAR(p->transport);
    Py_CLEAR(p->backlog);
    Py_CLEAR(p->sslobj);
    return 0;
}

static int tls_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_tls *p = (struct eddyi_py_tls *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(p->state);
    Py_VISIT(p->app_protocol);
    Py_VISIT(p->transport);
    Py_VISIT(p->backlog);
    Py_VISIT(p->sslobj);
    return 0;
}

static void tls_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    tls_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef tls_methods[] = {
    {"_bind", EDDYI_PY_FAST(tls_bind), METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL}, {0}};

#define FIELD(name, type, field)                                                                   \
    {                                                                                              \
        name, type, offsetof(struct eddyi_py_tls, field), 0, NULL                                  \
    }

static PyMemberDef tls_members[] = {
    FIELD("_app_protocol", T_OBJECT, app_protocol),
    FIELD("_transport", T_OBJECT, transport),
    FIELD("_write_backlog", T_OBJECT, backlog),
    FIELD("_app_reading_paused", T_BOOL, app_reading_paused),
    FIELD("_app_writing_paused", T_BOOL, app_writing_paused),
    FIELD("_ssl_writing_paused", T_BOOL, ssl_writing_paused),
    FIELD("_app_protocol_is_buffer", T_BOOL, app_protocol_is_buffer),
    {0}};

static PyGetSetDef tls_getset[] = {{"_state", get_state, set_state, NULL, NULL}, {0}};

static PyType_Slot tls_slots[] = {{Py_tp_dealloc, tls_dealloc},
                                  {Py_tp_traverse, tls_traverse},
                                  {Py_tp_clear, tls_clear},
                                  {Py_tp_methods, tls_methods},
                                  {Py_tp_members, tls_members},
                                  {Py_tp_getset, tls_getset},
                                  {Py_tp_doc, "The parts of a TLS protocol that are in C."},
                                  {0}};

PyType_Spec eddyi_py_tls_spec = {.name = "eddyloop._eddyloop.TLS",
                                 .basicsize = sizeof(struct eddyi_py_tls),
                                 .flags =
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
                                 .slots = tls_slots};

static int tls_transport_clear(PyObject *self)
{
    struct eddyi_py_tls_transport *t = (struct eddyi_py_tls_transport *)self;

    for (size_t i = 0; i < sizeof t->slots / sizeof *t->slots; i++)
        Py_CLEAR(t->slots[i]);
    Py_CLEAR(t->protocol);
    return 0;
}

static int tls_transport_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct eddyi_py_tls_transport *t = (struct eddyi_py_tls_transport *)self;

    Py_VISIT(Py_TYPE(self));
    for (size_t i = 0; i < sizeof t->slots / sizeof *t->slots; i++)
        Py_VISIT(t->slots[i]);
    Py_VISIT(t->protocol);
    return 0;
}

static void tls_transport_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    tls_transport_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef tls_transport_methods[] = {
    {"write", EDDYI_PY_FAST(tls_write), METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
     "Writes some data to the transport; does not block."},
    {0}};

static PyMemberDef tls_transport_members[] = {
    {"_ssl_protocol", T_OBJECT, offsetof(struct eddyi_py_tls_transport, protocol), 0, NULL}, {0}};

static PyType_Slot tls_transport_slots[] = {
    {Py_tp_dealloc, tls_transport_dealloc},
    {Py_tp_traverse, tls_transport_traverse},
    {Py_tp_clear, tls_transport_clear},
    {Py_tp_methods, tls_transport_methods},
    {Py_tp_members, tls_transport_members},
    {Py_tp_doc, "The parts of a TLS transport that are in C."},
    {0}};

PyType_Spec eddyi_py_tls_transport_spec = {.name = "eddyloop._eddyloop.TLSTransport",
                                           .basicsize = sizeof(struct eddyi_py_tls_transport),
                                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                    Py_TPFLAGS_BASETYPE,
                                           .slots = tls_transport_slots};
