/*
 * TLS: the part in C of asyncio.sslproto, for each record.
 *
 * The handshake, closing and all errors are asyncio's code on a real ssl.SSLObject. While nothing
 * of that kind goes on, the functions here move the bytes: they use OpenSSL's SSL that is inside of
 * the SSLObject, and its two BIOs, which are in memory. Whenever something unusual happens, they
 * leave the objects as they are and call asyncio's code, which finds out and acts.
 *
 * Where an SSLObject has the address of its SSL is known for the versions of Python that eddyloop
 * supports, and is checked when eddyloop is imported: OpenSSL itself tells the address of an SSL
 * that is made, so no other version can lead to a wild pointer. Where the check fails, asyncio's
 * code does it all.
 */
#ifndef EDDYI_PY_TLS_H
#define EDDYI_PY_TLS_H

#include "module.h"

/* The base in C of eddyloop's SSLProtocol; the attributes that asyncio's code keeps there are
 * fields. */
struct eddyi_py_tls {
    PyObject_HEAD struct eddyi_py_state *module; /* borrowed from the type's module */
    PyObject *state, *app_protocol, *transport, *backlog;
    PyObject *sslobj;        /* keeps `ssl` alive; NULL: not bound */
    void *ssl, *rbio, *wbio; /* borrowed from sslobj */
    bool wrapped;            /* the state is WRAPPED */
    bool app_reading_paused, app_writing_paused, ssl_writing_paused;
    bool app_protocol_is_buffer;
};

/* The base in C of eddyloop's SSLTransport. */
struct eddyi_py_tls_transport {
    PyObject_HEAD PyObject *slots[5]; /* those of asyncio's _FlowControlMixin */
    PyObject *protocol;               /* _ssl_protocol */
};

extern PyType_Spec eddyi_py_tls_spec, eddyi_py_tls_transport_spec;

/*
 * _open_openssl(path, make): finds the functions that the module _ssl at @path uses, and checks
 * what is known about its objects on those that make() returns, a new _SSLSocket and its context.
 * Returns whether all is well.
 */
PyObject *eddyi_py_open_openssl(PyObject *module, PyObject *args);

/* Returns @protocol if it is a TLS protocol that is bound to an SSL, else NULL. */
struct eddyi_py_tls *eddyi_py_tls_of(const struct eddyi_py_state *s, PyObject *protocol);

/* Takes @n bytes that have come from the peer. */
void eddyi_py_tls_feed(struct eddyi_py_tls *p, const char *bytes, size_t n);

/*
 * Handles what was fed, by means of the @size bytes at @buffer. Returns 0, or -1 with an exception.
 */
int eddyi_py_tls_input(struct eddyi_py_tls *p, char *buffer, size_t size);

#endif
