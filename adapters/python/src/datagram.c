/*
 * Transports of datagrams: receiving and sending, with addresses as Python's socket module has
 * them.
 *
 * Addresses of IPv4, IPv6 and Unix sockets are converted here, unless a name has to be looked up.
 * All other addresses are left to the methods of the socket object. As in asyncio, one datagram is
 * received in a turn of the loop.
 */
#include "transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A datagram that is kept counts HEADER bytes more than its data since Python 3.13, in which empty
 * ones are sent. */
#if PY_VERSION_HEX >= 0x030d0000
enum { HEADER = 8, SENDS_EMPTY = true };
#else
enum { HEADER = 0, SENDS_EMPTY = false };
#endif

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static PyObject *unix_address(const struct sockaddr_un *a, socklen_t size)
{
    Py_ssize_t n = (Py_ssize_t)size - (Py_ssize_t)offsetof(struct sockaddr_un, sun_path);

    if (n > 0 && a->sun_path[0] == '\0') /* in Linux's abstract namespace */
        return PyBytes_FromStringAndSize(a->sun_path, n);
    return PyUnicode_DecodeFSDefaultAndSize(a->sun_path,
                                            (Py_ssize_t)strnlen(a->sun_path, n > 0 ? n : 0));
}

/* Converts an address that the kernel has stored; @size 0: there is none. */
static PyObject *from_kernel(const union address *a, socklen_t size)
{
    char text[INET6_ADDRSTRLEN];

    if (size == 0)
        Py_RETURN_NONE;
    switch (a->any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof text);
        return Py_BuildValue("(si)", text, ntohs(a->in.sin_port));
    case AF_INET6:
        inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof text);
        return Py_BuildValue("(siII)", text, ntohs(a->in6.sin6_port),
                             (unsigned)ntohl(a->in6.sin6_flowinfo), (unsigned)a->in6.sin6_scope_id);
    default:
        return unix_address(&a->un, size);
    }
}

/* Stores the integer @object if it is one of 0 to @most. */
static bool number(PyObject *object, long most, uint32_t *ret)
{
    long n;

    if (!PyLong_CheckExact(object))
        return false;
    n = PyLong_AsLong(object);
    if (n == -1)
        PyErr_Clear();
    *ret = (uint32_t)n;
    return n >= 0 && n <= most;
}

/* Stores the numeric host and the port that begin the tuple @address. */
static bool host_and_port(int family, PyObject *address, void *ret_host, in_port_t *ret_port)
{
    PyObject *host = PyTuple_GET_ITEM(address, 0);
    uint32_t port;

    if (!PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host) ||
        !number(PyTuple_GET_ITEM(address, 1), 65535, &port))
        return false;
    *ret_port = htons((in_port_t)port);
    return inet_pton(family, (const char *)PyUnicode_DATA(host), ret_host) == 1;
}

static socklen_t to_ipv4(PyObject *address, struct sockaddr_in *ret)
{
    if (!PyTuple_CheckExact(address) || PyTuple_GET_SIZE(address) != 2)
        return 0;
    ret->sin_family = AF_INET;
    return host_and_port(AF_INET, address, &ret->sin_addr, &ret->sin_port) ? sizeof *ret : 0;
}

static socklen_t to_ipv6(PyObject *address, struct sockaddr_in6 *ret)
{
    Py_ssize_t n = PyTuple_CheckExact(address) ? PyTuple_GET_SIZE(address) : 0;
    uint32_t flow = 0, scope = 0;

    if (n < 2 || n > 4 || (n > 2 && !number(PyTuple_GET_ITEM(address, 2), 0xfffff, &flow)) ||
        (n > 3 && !number(PyTuple_GET_ITEM(address, 3), 0x7fffffff, &scope)))
        return 0;
    ret->sin6_family = AF_INET6;
    ret->sin6_flowinfo = htonl(flow);
    ret->sin6_scope_id = scope;
    return host_and_port(AF_INET6, address, &ret->sin6_addr, &ret->sin6_port) ? sizeof *ret : 0;
}

/* Leaves paths of other types, and those that do not fit, to the socket object. */
static socklen_t to_unix(PyObject *address, struct sockaddr_un *ret)
{
    Py_ssize_t size;
    const char *path;

    if (!PyUnicode_CheckExact(address) || !PyUnicode_IS_COMPACT_ASCII(address))
        return 0;
    path = (const char *)PyUnicode_DATA(address);
    size = PyUnicode_GET_LENGTH(address);
    if (size == 0 || (size_t)size >= sizeof ret->sun_path || memchr(path, '\0', (size_t)size))
        return 0;
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, path, (size_t)size + 1);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size + 1);
}

/* Converts an address of the program's. Returns its size; 0: the socket object has to. */
static socklen_t to_kernel(int family, PyObject *address, union address *ret)
{
    memset(ret, 0, sizeof *ret);
    switch (family) {
    case AF_INET:
        return to_ipv4(address, &ret->in);
    case AF_INET6:
        return to_ipv6(address, &ret->in6);
    case AF_UNIX:
        return to_unix(address, &ret->un);
    default:
        return 0;
    }
}

/* Gives the exception that is set to the protocol. Returns 0, or -1 with an exception of its. */
static int error_received(struct eddyi_py_transport *t)
{
    PyObject *type, *value, *traceback, *protocol = Py_NewRef(t->protocol), *done;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    done = PyObject_CallMethodOneArg(protocol, eddyi_py_transport_state(t)->name_error_received,
                                     value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_DECREF(protocol);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Returns, and clears, whether the exception that is set says that the call would block. */
static bool would_block(void)
{
    if (!PyErr_ExceptionMatches(PyExc_BlockingIOError) &&
        !PyErr_ExceptionMatches(PyExc_InterruptedError))
        return false;
    PyErr_Clear();
    return true;
}

/* Deals with the exception of a call of the system's. Returns 0, or -1 with one of the program's.
 */
static int call_failed(struct eddyi_py_transport *t, const char *message)
{
    if (PyErr_ExceptionMatches(PyExc_OSError))
        return error_received(t);
    return eddyi_py_transport_fatal(t, message);
}

/* Receiving. */

static int receive_failed(struct eddyi_py_transport *t)
{
    return would_block() ? 0 : call_failed(t, "Fatal read error on datagram transport");
}

/* Gives the protocol what was received; NULL: the exception that is set. Drops both. */
static int received(struct eddyi_py_transport *t, PyObject *data, PyObject *address)
{
    PyObject *protocol = Py_NewRef(t->protocol), *done = NULL;
    int rc = -1;

    if (data && address) {
        done = PyObject_CallMethodObjArgs(
            protocol, eddyi_py_transport_state(t)->name_datagram_received, data, address, NULL);
        rc = done ? 0 : -1;
    } else {
        rc = receive_failed(t);
    }
    Py_DECREF(protocol);
    Py_XDECREF(data);
    Py_XDECREF(address);
    Py_XDECREF(done);
    return rc;
}

static int receive_by_socket(struct eddyi_py_transport *t)
{
    PyObject *size = PyLong_FromLong(EDDYI_PY_MOST_READ);
    PyObject *both = NULL, *data = NULL, *address = NULL;

    if (size)
        both = PyObject_CallMethodOneArg(t->sock, t->loop->state->name_recvfrom, size);
    Py_XDECREF(size);
    if (both && PyArg_ParseTuple(both, "OO", &data, &address)) {
        Py_INCREF(data);
        Py_INCREF(address);
    }
    Py_XDECREF(both);
    return received(t, data, address);
}

int eddyi_py_datagrams_read(struct eddyi_py_transport *t)
{
    char *buffer = eddyi_py_shared_buffer(t->loop->state);
    union address from = {.any.sa_family = AF_UNSPEC};
    socklen_t size;
    ssize_t n;

    if (!t->sock)
        return 0;
    if (!t->family)
        return receive_by_socket(t);
    if (!buffer)
        return receive_failed(t);
    do {
        size = sizeof from;
        n = recvfrom(t->fd, buffer, EDDYI_PY_MOST_READ, 0, &from.any, &size);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return receive_failed(t);
    }
    return received(t, PyBytes_FromStringAndSize(buffer, n), from_kernel(&from, size));
}

/* Sending. */

/* Sends by the socket object, which knows all kinds of addresses. Returns as send_one(). */
static int send_by_socket(struct eddyi_py_transport *t, PyObject *data, PyObject *address)
{
    PyObject *done =
        PyObject_CallMethodObjArgs(t->sock, t->loop->state->name_sendto, data, address, NULL);

    Py_XDECREF(done);
    if (done)
        return 0;
    return would_block() ? 1 : -1;
}

static ssize_t send_bytes(int fd, const Py_buffer *view, const union address *to, socklen_t size)
{
    ssize_t n;

    do {
        n = sendto(fd, view->buf, (size_t)view->len, 0, size ? &to->any : NULL, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Sends one datagram. Returns 0; 1 if it has to wait, or -1 with an exception. */
static int send_one(struct eddyi_py_transport *t, PyObject *data, PyObject *address)
{
    union address to;
    socklen_t size = t->connected ? 0 : to_kernel(t->family, address, &to);
    Py_buffer view;
    ssize_t n;

    if (!t->connected && !size)
        return send_by_socket(t, data, address);
    if (size && PySys_Audit("socket.sendto", "OO", t->sock, address) < 0)
        return -1;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return -1;
    n = send_bytes(t->fd, &view, &to, size);
    if (n < 0 && errno != EAGAIN)
        PyErr_SetFromErrno(PyExc_OSError);
    PyBuffer_Release(&view);
    if (n >= 0)
        return 0;
    return PyErr_Occurred() ? -1 : 1;
}

static int send_failed(struct eddyi_py_transport *t)
{
    return call_failed(t, "Fatal write error on datagram transport");
}

/* Keeps a datagram until the kernel takes it; the program may change @data. */
static int keep(struct eddyi_py_transport *t, PyObject *data, PyObject *address)
{
    PyObject *bytes = PyBytes_FromObject(data), *both;
    int rc;

    if (!t->wire || t->wire->ending) { /* it is closing, and waits for nothing any more */
        Py_XDECREF(bytes);
        return bytes ? 0 : -1;
    }
    both = bytes ? PyTuple_Pack(2, bytes, address) : NULL;
    rc = both ? eddyi_py_queue_push(&t->out, both) : -1;
    if (rc == 0)
        t->n_out += (size_t)PyBytes_GET_SIZE(bytes) + HEADER;
    Py_XDECREF(bytes);
    Py_XDECREF(both);
    if (rc < 0 || eddyi_py_wire_update(t) < 0)
        return -1;
    return eddyi_py_transport_maybe_pause(t);
}

static int written_in_vain(struct eddyi_py_transport *t)
{
    PyObject *done = eddyi_py_call((PyObject *)t, "_written_in_vain");

    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Finds the address to send to, given that of the call. Returns 1 if it is that of the transport,
 * else 0, or -1 with ValueError. */
static int choose_address(struct eddyi_py_transport *t, PyObject **address)
{
    int own = t->address ? PyObject_IsTrue(t->address) : 0, same;

    if (own <= 0)
        return own;
    same = *address == Py_None ? 1 : PyObject_RichCompareBool(*address, t->address, Py_EQ);
    if (same == 0)
        PyErr_Format(PyExc_ValueError, "Invalid address: must be None or %S", t->address);
    *address = t->address;
    return same > 0 ? 1 : -1;
}

static int send_data(struct eddyi_py_transport *t, PyObject *data, PyObject *address)
{
    int own, rc = 1;

    if (!(PyBytes_Check(data) || PyByteArray_Check(data) || PyMemoryView_Check(data))) {
        PyErr_Format(PyExc_TypeError, "data argument must be a bytes-like object, not '%s'",
                     Py_TYPE(data)->tp_name);
        return -1;
    }
    if (!SENDS_EMPTY && PyObject_Size(data) == 0)
        return 0;
    own = choose_address(t, &address);
    if (own < 0)
        return -1;
    if (!t->sock || (own && t->conn_lost > 0))
        return written_in_vain(t);
    if (t->out.n == 0)
        rc = send_one(t, data, address);
    if (rc < 0)
        return send_failed(t);
    return rc > 0 ? keep(t, data, address) : 0;
}

/* sendto(data, addr=None) */
PyObject *eddyi_py_datagrams_sendto(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"data", "addr", NULL};
    PyObject *data, *address = Py_None;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:sendto", names, &data, &address))
        return NULL;
    Py_INCREF(self);
    rc = send_data((struct eddyi_py_transport *)self, data, address);
    Py_DECREF(self);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Takes @both, which was sent or has failed, off the queue, unless that was cleared meanwhile. */
static void drop_first(struct eddyi_py_transport *t, PyObject *both)
{
    const struct eddyi_py_queue *q = &t->out;

    if (q->n == 0 || q->slots[q->first] != both)
        return;
    t->n_out -= (size_t)PyBytes_GET_SIZE(PyTuple_GET_ITEM(both, 0)) + HEADER;
    Py_DECREF(eddyi_py_queue_pop(&t->out));
}

int eddyi_py_datagrams_write_ready(struct eddyi_py_transport *t)
{
    t->writes_again = false;
    while (t->out.n > 0 && t->sock) {
        PyObject *both = Py_NewRef(t->out.slots[t->out.first]);
        int rc = send_one(t, PyTuple_GET_ITEM(both, 0), PyTuple_GET_ITEM(both, 1));

        if (rc <= 0)
            drop_first(t, both);
        Py_DECREF(both);
        if (rc < 0) {
            t->writes_again = true;
            return send_failed(t);
        }
        if (rc > 0)
            break;
    }
    return eddyi_py_transport_room_made(t);
}
