/* The contexts of both sides, each with a certificate of its own, and what they have agreed
 * upon. */
#ifndef INTEROP_TLS_H
#define INTEROP_TLS_H

#include <eddy.h>

/* A context with the files ca.pem, and server.pem and server.key or client.pem and client.key, of
 * the folder @dir. */
int tls_open(eddy_tls_side side, const char *dir, eddy_tls_context **ret);

/* A line: the version, the protocol inside, and whether the other side is a client that has shown
 * who it is. */
int tls_describe(const eddy_writer *writer, char *ret, size_t size);

#endif
