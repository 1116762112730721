/*
 * TLS: what a stream needs in order to speak it (ssl.SSLContext).
 *
 *     eddy_tls_context *tls;
 *
 *     eddy_try(eddy_tls_context_new(EDDY_TLS_CLIENT, &tls));
 *     rc = eddy_open_connection("example.org", 443, &reader, &writer, .tls = tls);
 *     eddy_tls_context_unref(tls);
 *
 * A context holds certificates, keys and rules; connections share it. What it is at first is what
 * ssl.create_default_context() gives: TLS 1.2 or later; a client trusts the system's authorities,
 * and accepts a server only if its certificate is valid, for that use, and for the name that was
 * asked for. A server asks for no certificate. Compression, renegotiation and early data are off.
 *
 * Sessions are resumed where a full handshake would ask for the same proof, and nowhere else: a
 * server resumes a session for the context and the name that it was made for, a client for the
 * server, port and verify mode; neither after a function below has changed the context, nor after
 * the other side's certificate has expired.
 *
 * Over such a stream everything is as over others, with these errors besides:
 *
 *   EDDY_ECERT the other side's certificate was not accepted; the message says why EDDY_ETLS TLS
 *   failed otherwise: no TLS at all, no common version, an alert of the other side, …
 *   EDDY_ETRUNCATED the connection ended without the farewell of TLS: what came may have been cut
 *   off -ECONNABORTED the handshake took longer than its timeout -ETIMEDOUT of wait_closed(): the
 *   other side did not say farewell in time; the connection is closed all the same
 *
 * write_eof() works as elsewhere: the other side sees the end, and reading goes on.
 *
 * Where eddy was built without TLS, whatever can fail gives -EOPNOTSUPP.
 *
 * A context is made ready first and then used, by any number of connections, loops and threads; the
 * functions that change it are for the time before.
 */
#ifndef EDDY_TLS_H
#define EDDY_TLS_H

#include "defs.h"

#include <sys/types.h>

EDDY_BEGIN_DECLS

typedef struct eddy_tls_context eddy_tls_context;

typedef enum eddy_tls_side { EDDY_TLS_CLIENT, EDDY_TLS_SERVER } eddy_tls_side;

/* A new context for one side of connections. 0, or as a raised error -ENOMEM, EDDY_ETLS. */
EDDY_API EDDY_NODISCARD int eddy_tls_context_new(eddy_tls_side side, eddy_tls_context **ret);

/* Connections hold a reference of their own. NULL is allowed. */
EDDY_API eddy_tls_context *eddy_tls_context_ref(eddy_tls_context *c);
EDDY_API void eddy_tls_context_unref(eddy_tls_context *c);

/* Who it is, and whom it trusts. Files are in PEM, and are read at once. */

/* Writes the password of a key, at most @size bytes, to @buf. Its length, or < 0: there is none. */
typedef int eddy_tls_password_fn(void *arg, char *buf, int size);

/*
 * The certificate that it shows, followed in the file by those up to the authority, and its private
 * key; @keyfile NULL: it is in @certfile, too (SSLContext.load_cert_chain). @password is asked if
 * the key is encrypted; NULL: then that is an error.
 *
 * 0, or as a raised error -ENOENT, -EACCES, …; EDDY_ETLS: no certificate, not its key, a wrong
 * password.
 */
EDDY_API EDDY_NODISCARD int
eddy_tls_context_load_cert_chain(eddy_tls_context *c, const char *certfile, const char *keyfile,
                                 eddy_tls_password_fn *password, void *arg);

/*
 * Authorities to be trusted (SSLContext.load_verify_locations): all in a file, those in a directory
 * with names as `openssl rehash` makes them, all in a text; each may be NULL. The system's are not
 * trusted any more then, but for eddy_tls_context_load_default_certs(). A certificate that is no
 * authority's is trusted as itself.
 *
 * 0, or a raised error as above.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_verify_locations(eddy_tls_context *c,
                                                                   const char *cafile,
                                                                   const char *capath,
                                                                   const char *pem);

/* The system's authorities. A client that was told of no others has them anyhow. 0 or EDDY_ETLS. */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_default_certs(eddy_tls_context *c);

/*
 * Lists of revoked certificates, in a file. From then on a certificate is accepted only with a list
 * of its authority that is up to date and does not name it. 0, or a raised error as above.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_load_crls(eddy_tls_context *c, const char *crlfile);

/* How it looks at others. */

typedef enum eddy_tls_verify {
    EDDY_TLS_VERIFY_NONE, /* any certificate, or none: anybody can be on the other side */
    /* a server: clients may show one, and then it must be good. A client: as REQUIRED */
    EDDY_TLS_VERIFY_OPTIONAL,
    EDDY_TLS_VERIFY_REQUIRED
} eddy_tls_verify;

/* SSLContext.verify_mode. NONE is -EINVAL while host names are checked: switch that off first, and
 * know why. */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_verify_mode(eddy_tls_context *c,
                                                             eddy_tls_verify mode);

/*
 * Whether a client's server must have a certificate for the .server_hostname
 * (SSLContext.check_hostname; on). Names are those in its subjectAltName; a common name does not
 * count. 0, or -EINVAL for a server's context.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_check_hostname(eddy_tls_context *c, bool check);

/*
 * Protocols to be spoken inside, the best first: (const char *[]){"h2", "http/1.1", NULL}
 * (SSLContext.set_alpn_protocols). "alpn" of the connection says which was agreed upon. A server
 * that has none in common with a client refuses it, unless the client has no such list. 0, -EINVAL
 * (empty, or longer than 255 bytes), -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_alpn_protocols(eddy_tls_context *c,
                                                                const char *const *protocols);

/* What ciphers may be used below TLS 1.3, in OpenSSL's notation (SSLContext.set_ciphers). 0 or
 * EDDY_ETLS. */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_ciphers(eddy_tls_context *c, const char *ciphers);

/* The oldest version that is good enough, 12 or 13 (SSLContext.minimum_version). 0, or -EINVAL
 * raised. */
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_min_version(eddy_tls_context *c, int version);

/*
 * Has fn(arg, name, &ret) called when a client says which server it wants
 * (SSLContext.sni_callback); @name is NULL if it does not say. It may set *ret_context to another
 * server context, borrowed, which then counts in place of this one: its certificate, authorities,
 * verify mode, protocols and versions. A session that was made with another name or context is not
 * resumed. A negative status refuses the client. It must not suspend. NULL: nobody is called.
 */
typedef int eddy_tls_sni_fn(void *arg, const char *name, eddy_tls_context **ret_context);
EDDY_API EDDY_NODISCARD int eddy_tls_context_set_sni_callback(eddy_tls_context *c,
                                                              eddy_tls_sni_fn *fn, void *arg);

/* OpenSSL's SSL_CTX, for what is not here; borrowed. Its application data are eddy's. NULL: built
 * without TLS. */
EDDY_API void *eddy_tls_context_native(eddy_tls_context *c);

/*
 * What eddy_writer_get_extra_info() knows of a stream that speaks TLS, beside what it knows of the
 * connection:
 *
 *   "peercert"         the other side's certificate, in DER
 *   "peercert_text"    the same for people; text, as those below, with the null byte that ends it
 *   "cipher"           "TLS_AES_256_GCM_SHA384"
 *   "version"          "TLSv1.3"
 *   "alpn"             the protocol agreed upon
 *   "compression"      never anything
 *   "server_hostname"  which server the client wants
 *   "session_reused"   int: 1 if a session was resumed
 *   "ssl_object"       SSL *, OpenSSL's, borrowed
 *   "sslcontext"       eddy_tls_context *, borrowed
 */

EDDY_END_DECLS

#endif
