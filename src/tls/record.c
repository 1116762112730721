/*
 * Reading and writing through OpenSSL, and the meaning of its failures.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "tls/carrier.h"

#include <openssl/err.h>
#include <string.h>

/*
 * Sizes in bytes: how much one call encrypts at most, the content of a record, the total of small
 * pieces that travel in one record, and the unsent bytes beyond which the other side is not read,
 * so that a peer that provokes answers has to read them.
 */
enum { WRITE_MAX = 262144, RECORD = 16384, GATHER = 4096, KEPT_MAX = 65536 };

const char *eddyi_tls_peer(const struct eddyi_tls_carrier *t)
{
    return t->host ? t->host : t->context->side == EDDY_TLS_SERVER ? "a client" : "a server";
}

int eddyi_tls_broken(const struct eddyi_tls_carrier *t)
{
    return t->exception ? eddy_reraise(t->exception) : eddy_raise(t->error, NULL);
}

/* Raises the failure of the lower carrier. */
static int raise_lower(const struct eddyi_tls_carrier *t, int error)
{
    return t->lower_reason ? eddy_reraise(t->lower_reason)
                           : eddy_raise(error, "TLS with %s", eddyi_tls_peer(t));
}

static int raise_end(const struct eddyi_tls_carrier *t)
{
    if (t->state == EDDYI_TLS_HANDSHAKE)
        return eddy_raise(-ECONNRESET, "TLS with %s: the connection ended during the handshake",
                          eddyi_tls_peer(t));
    return eddy_raise(
        EDDY_ETRUNCATED,
        "TLS with %s: the connection ended without close_notify: the data may be truncated",
        eddyi_tls_peer(t));
}

static int raise_failure(struct eddyi_tls_carrier *t)
{
    unsigned long error = ERR_peek_last_error();

    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
        switch (ERR_GET_REASON(error)) {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return raise_end(t);
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return eddy_raise(
                EDDY_ECERT, "TLS with %s: the certificate is not accepted: %s", eddyi_tls_peer(t),
                t->refusal ? t->refusal
                           : X509_verify_cert_error_string(SSL_get_verify_result(t->ssl)));
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return eddy_raise(EDDY_ECERT, "TLS with %s: it shows no certificate",
                              eddyi_tls_peer(t));
        }
    }
    return eddyi_tls_raise(EDDY_ETLS, "TLS with %s", eddyi_tls_peer(t));
}

static int raise_outcome(struct eddyi_tls_carrier *t, int why)
{
    if (why == SSL_ERROR_SSL)
        return raise_failure(t);
    if (t->read_error < 0)
        return raise_lower(t, t->read_error);
    return t->write_error < 0 ? raise_lower(t, t->write_error) : raise_end(t);
}

int eddyi_tls_outcome(struct eddyi_tls_carrier *t, int result)
{
    int why = SSL_get_error(t->ssl, result);

    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    if (why == SSL_ERROR_ZERO_RETURN && t->state != EDDYI_TLS_HANDSHAKE) {
        t->ended = true;
        return 0;
    }
    t->error = raise_outcome(t, why);
    t->exception = eddy_exception_ref(eddy_error());
    ERR_clear_error();
    /* Sends the alert that tells the other side why, now or never: a broken connection is closed
     * without close_notify. */
    if (eddyi_buffer_length(&t->out) > 0)
        eddyi_tls_flush(t);
    return t->error;
}

ssize_t eddyi_tls_read(struct eddyi_tls_carrier *t, void *buf, size_t size)
{
    size_t total = 0, n;
    int rc = 0;

    if (t->error < 0)
        return eddyi_tls_broken(t);
    if (t->ended)
        return 0;
    if (t->state == EDDYI_TLS_HANDSHAKE)
        return -EAGAIN;
    t->read_blocked_on_write = eddyi_buffer_length(&t->out) > KEPT_MAX;
    if (t->read_blocked_on_write)
        return -EAGAIN;
    /* OpenSSL would allocate its buffer, ask the lower carrier in vain, and free it. */
    if (t->lower_fell_short && !t->reading && !SSL_has_pending(t->ssl))
        return -EAGAIN;
    do {
        ERR_clear_error();
        if (SSL_read_ex(t->ssl, (char *)buf + total, size - total, &n) != 1) {
            rc = eddyi_tls_outcome(t, 0);
            break;
        }
        total += n;
    } while (total < size && SSL_has_pending(t->ssl));
    t->needs_more_input = rc == -EAGAIN;
    return total > 0 ? (ssize_t)total : rc;
}

/* One piece of the bytes to write. */
struct piece {
    const char *data;
    size_t size;
};

/* Takes the next record's content off the front of (@iov, @n, @skip), gathering small pieces in
 * @space. */
static struct piece next_piece(const struct iovec **iov, int *n, size_t *skip, char *space)
{
    struct piece p = {(const char *)(*iov)->iov_base + *skip, (*iov)->iov_len - *skip};
    size_t gathered = 0;

    if (p.size > RECORD) {
        p.size = RECORD;
        *skip += RECORD;
        return p;
    }
    if (*n == 1 || p.size > GATHER) {
        ++*iov, --*n, *skip = 0;
        return p;
    }
    while (*n > 0 && gathered + (*iov)->iov_len - *skip <= GATHER) {
        memcpy(space + gathered, (const char *)(*iov)->iov_base + *skip, (*iov)->iov_len - *skip);
        gathered += (*iov)->iov_len - *skip;
        ++*iov, --*n, *skip = 0;
    }
    return (struct piece){space, gathered};
}

static ssize_t write_pieces(struct eddyi_tls_carrier *t, const struct iovec *iov, int n,
                            char *space)
{
    size_t total = 0, skip = 0, written;

    while (n > 0 && total < WRITE_MAX && eddyi_buffer_length(&t->out) == 0) {
        struct piece p = next_piece(&iov, &n, &skip, space);

        if (p.size == 0)
            continue;
        ERR_clear_error();
        if (SSL_write_ex(t->ssl, p.data, p.size, &written) != 1) {
            int rc = eddyi_tls_outcome(t, 0);

            return total > 0 ? (ssize_t)total : rc == 0 ? -EPIPE : rc;
        }
        total += p.size;
    }
    return total > 0 ? (ssize_t)total : -EAGAIN;
}

/* Writes several pieces. Not inlined, which saves a page of each task's stack: a single piece needs
 * no space. */
__attribute__((noinline)) static ssize_t write_gathered(struct eddyi_tls_carrier *t,
                                                        const struct iovec *iov, int n)
{
    char space[GATHER];

    return write_pieces(t, iov, n, space);
}

/* Writes as a carrier does. A record counts as written once it is encrypted: its unsent bytes are
 * kept. */
ssize_t eddyi_tls_write(struct eddyi_tls_carrier *t, const struct iovec *iov, int n)
{
    if (t->error < 0)
        return eddyi_tls_broken(t);
    if (t->write_error < 0)
        return raise_lower(t, t->write_error);
    if (t->eof_sent)
        return -EPIPE;
    if (t->state == EDDYI_TLS_HANDSHAKE)
        return -EAGAIN;
    return n == 1 ? write_pieces(t, iov, n, NULL) : write_gathered(t, iov, n);
}
