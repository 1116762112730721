/*
 * TLS: the context that a stream needs for it (ssl.SSLContext).
 *
 *     eddy_tls_context *tls;
 *
 *     eddy_try(eddy_tls_context_new(EDDY_TLS_CLIENT, &tls));
 *     rc = eddy_open_connection("example.org", 443, &reader, &writer, .tls = tls);
 *     eddy_tls_context_unref(tls);
 *
 * A context holds certificates, keys and rules, and connections share it. Its initial state is that
 * of ssl.create_default_context(): TLS 1.2 or later; a client trusts the system's authorities, and
 * accepts a server only if its certificate is valid, intended for that use, and issued for the
 * requested name. A server does not request a certificate. Compression, renegotiation and early
 * data are off.
 *
 * A session is resumed only where a full handshake would ask for the same proof: a server resumes a
 * session for the context and the name for which it was made, a client for the same server, port
 * and verify mode; neither resumes it after a function below has changed the context, or after the
 * peer's certificate has expired.
 *
 * A stream with TLS behaves as any other stream does, with these additional errors:
 *
 *   EDDY_ECERT       the peer's certificate was not accepted; the message has the reason
 *   EDDY_ETLS        TLS failed otherwise: the peer does not use TLS, no common version, an alert
 *                    from the peer, …
 *   EDDY_ETRUNCATED  the connection ended without close_notify: the data may be truncated
 *   -ECONNABORTED    the handshake exceeded its timeout
 *   -ETIMEDOUT       from wait_closed(): the peer did not send close_notify in time; the connection
 *                    is closed all the same
 *
 * write_eof() works as on other streams: the peer sees the end, and reading goes on.
 *
 * If eddy was built without TLS, every call that can fail raises -EOPNOTSUPP.
 *
 * Set up a context completely before its first use; after that it may be used by any number of
 * connections, loops and threads, and must not be changed.
 */
#ifndef EDDY_TLS_H
#define EDDY_TLS_H

#include "carrier.h"
#include "defs.h"

#include <sys/types.h>

EDDY_BEGIN_DECLS

/* Certificates, keys and rules that connections share (ssl.SSLContext). Opaque. */
typedef struct eddy_tls_context eddy_tls_context;

/* The side of a connection that a context is for. */
typedef enum eddy_tls_side { EDDY_TLS_CLIENT, EDDY_TLS_SERVER } eddy_tls_side;

/*
 * Makes a context for one side of connections (ssl.create_default_context). The caller owns *ret,
 * and drops it with eddy_tls_context_unref(). Returns 0, or raises -ENOMEM or EDDY_ETLS.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_new(eddy_tls_side side, eddy_tls_context **ret);

/*
 * Add a reference to @c and return @c, or drop one. Connections hold references of their own. NULL
 * is allowed.
 */
EDDY_API eddy_tls_context *eddy_tls_context_ref(eddy_tls_context *c);
EDDY_API void eddy_tls_context_unref(eddy_tls_context *c);

/*
 * The context's own certificate, and the authorities it trusts. Files are in PEM format, and are
 * read at once.
 */

/*
 * Writes the password of a key, of at most @size bytes, to @buf. Returns its length, or < 0 if
 * there is none.
 */
typedef int eddy_tls_password_fn(void *arg, char *buf, int size);

/*
 * Loads the context's certificate, followed in the file by the certificates up to the authority,
 * and its private key (SSLContext.load_cert_chain). @keyfile NULL: the key is in @certfile too.
 * @password is called if the key is encrypted; NULL makes an encrypted key an error.
 *
 * Returns 0, or raises -ENOENT, -EACCES, …; EDDY_ETLS if the certificate is missing or malformed,
 * if the key does not belong to it, or if the password is wrong.
 */
EDDY_API EDDY_NODISCARD int
eddy_tls_context_load_cert_chain(eddy_tls_context *c, const char *certfile, const char *keyfile,
                                 eddy_tls_password_fn *password, void *arg);

/*
 * Loads the authorities to trust (SSLContext.load_verify_locations): all those in the file @cafile,
 * those in the directory @capath with names as `openssl rehash` makes them, and all those in the
 * text @pem; each may be NULL. The system's authorities are then no longer trusted, unless
 * eddy_tls_context_load_default_certs() is called. A certificate that is not an authority's is
 * trusted for itself.
 *
 * Returns as eddy_tls_context_load_cert_chain().
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_verify_locations(eddy_tls_context *c,
                                                                   const char *cafile,
                                                                   const char *capath,
                                                                   const char *pem);

/*
 * Loads the system's authorities (SSLContext.load_default_certs). A client without other
 * authorities has them by default. Returns 0 or EDDY_ETLS.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_default_certs(eddy_tls_context *c);

/*
 * Loads certificate revocation lists from a file. After that a certificate is accepted only if
 * there is an up-to-date list of its authority, and the list does not contain it. Returns as
 * eddy_tls_context_load_cert_chain().
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_crls(eddy_tls_context *c, const char *crlfile);

/* The verification of the peer. */

/* The certificate that is required of the peer (ssl.VerifyMode). */
typedef enum eddy_tls_verify {
    EDDY_TLS_VERIFY_NONE, /* any certificate, or none: the peer is not authenticated */
    /* a server: clients may send a certificate, which must then be valid; a client: as REQUIRED */
    EDDY_TLS_VERIFY_OPTIONAL,
    EDDY_TLS_VERIFY_REQUIRED
} eddy_tls_verify;

/*
 * Sets the verify mode (SSLContext.verify_mode). Returns 0, or -EINVAL for NONE while host names
 * are checked: that check must be switched off first, knowingly.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_verify_mode(eddy_tls_context *c,
                                                             eddy_tls_verify mode);

/*
 * Sets whether a client requires the server's certificate to match .server_hostname
 * (SSLContext.check_hostname; on by default). Names are matched with the subjectAltName; a common
 * name does not count. Returns 0, or -EINVAL for a server's context.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_check_hostname(eddy_tls_context *c, bool check);

/*
 * Sets the application protocols, best first: (const char *[]){"h2", "http/1.1", NULL}
 * (SSLContext.set_alpn_protocols). The property "alpn" of a connection is the protocol agreed upon.
 * A server refuses a client with which it has no protocol in common, unless the client offers none.
 * Returns 0, -EINVAL (empty, or longer than 255 bytes) or -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_alpn_protocols(eddy_tls_context *c,
                                                                const char *const *protocols);

/*
 * Sets the ciphers for versions before TLS 1.3, in OpenSSL's notation (SSLContext.set_ciphers).
 * Returns 0 or EDDY_ETLS.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_ciphers(eddy_tls_context *c, const char *ciphers);

/*
 * Sets the oldest acceptable version, 12 or 13 (SSLContext.minimum_version). Returns 0 or raises
 * -EINVAL.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_min_version(eddy_tls_context *c, int version);

/*
 * Calls fn(arg, name, &ret) when a client requests a server by name (SSLContext.sni_callback);
 * @name is NULL if it does not. The callback may set *ret_context to another server context,
 * borrowed, which then replaces this one: its certificate, authorities, verify mode, protocols and
 * versions. A session that was made with another name or context is not resumed. A negative status
 * refuses the client. The callback must not suspend. @fn NULL removes the callback.
 */
typedef int eddy_tls_sni_fn(void *arg, const char *name, eddy_tls_context **ret_context);
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_sni_callback(eddy_tls_context *c,
                                                              eddy_tls_sni_fn *fn, void *arg);

/*
 * Returns OpenSSL's SSL_CTX, for settings that are missing here; NULL if eddy was built without
 * TLS. Borrowed. Its application data belong to eddy.
 */
EDDY_API void *eddy_tls_context_native(eddy_tls_context *c);

/*
 * Makes the context of a single connection out of @ssl, an SSL of OpenSSL's that the program has
 * made, for example as an object of another language. The connection uses @ssl as it is: with its
 * SSL_CTX, callbacks, application data, session, name to expect, and side
 * (SSL_set_connect_state() or SSL_set_accept_state()); only its BIOs are replaced, and removed at
 * the end. No function of this header may change the context. @ssl must belong to the libssl that
 * eddy uses. Takes references to @ssl and its SSL_CTX. The caller owns *ret. Returns 0, or raises
 * -ENOMEM or -EINVAL.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_of_ssl(void *ssl, eddy_tls_context **ret);

/* The arguments of eddy_tls_carrier_new(); .server_hostname is required where names are checked. */
typedef struct eddy_tls_carrier_options {
    const char *server_hostname; /* a client's: the name that the certificate must have */
    double handshake_timeout;    /* seconds; 0: 60 */
    double shutdown_timeout;     /* seconds; 0: 30 */
    const void *ahead;           /* n_ahead bytes that were read from the lower carrier already */
    size_t n_ahead;
} eddy_tls_carrier_options;

/* Receives the status of a handshake: 0, or an error < 0, whose message is in eddy_error(). */
typedef void eddy_tls_done_fn(void *arg, int status);

/*
 * Makes a carrier that speaks TLS over @lower (eddy/carrier.h), and begins the handshake, which
 * needs no task; the side is the context's. Calls done(@arg, status) once, from the loop. After
 * status 0 the carrier can be used, for example by eddy_transport_open(). After an error, and at
 * any time before, it can only be ended, as carriers are: with on_closed set, by ops->close() and
 * then ops->free(). A close during the handshake calls @done with -ECONNABORTED. Takes ownership of
 * @lower on success. The caller owns *ret. Returns 0, or raises -EINVAL, -ENOMEM or EDDY_ETLS.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_carrier_new(eddy_carrier *lower, eddy_tls_context *context,
                                                 const eddy_tls_carrier_options *options,
                                                 eddy_tls_done_fn *done, void *arg,
                                                 eddy_carrier **ret, size_t options_size);
#define eddy_tls_carrier_new(lower, context, options, done, arg, ret)                              \
    eddy_tls_carrier_new(lower, context, options, done, arg, ret, sizeof(eddy_tls_carrier_options))

/*
 * The properties that eddy_writer_get_extra_info() has for a stream with TLS, in addition to those
 * of the connection:
 *
 *   "peercert"         the peer's certificate, in DER
 *   "peercert_text"    the peer's certificate in readable form; this and the following texts
 *                      include the terminating null byte
 *   "cipher"           "TLS_AES_256_GCM_SHA384"
 *   "version"          "TLSv1.3"
 *   "alpn"             the protocol agreed upon
 *   "compression"      always absent
 *   "server_hostname"  the server that the client requested
 *   "session_reused"   int: 1 if a session was resumed
 *   "ssl_object"       SSL *, OpenSSL's, borrowed
 *   "sslcontext"       eddy_tls_context *, borrowed
 */

EDDY_END_DECLS

#endif
