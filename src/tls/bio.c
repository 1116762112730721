/*
 * The BIO between OpenSSL and the lower carrier.
 */
#include "base/exception.h"
#include "tls/carrier.h"

#include <openssl/bio.h>

/* Keeps the exception of an error that is more than a number, such as that of another TLS carrier
 * below. */
static void keep_reason(struct eddyi_tls_carrier *t, int error)
{
    if (error <= EDDY_EINVALIDSTATE && !t->lower_reason)
        t->lower_reason = eddy_exception_ref(eddyi_error_of(error));
}

static ssize_t lower_read(struct eddyi_tls_carrier *t, void *buf, size_t size)
{
    size_t n = eddyi_buffer_length(&t->ahead);
    ssize_t result;

    t->lower_fell_short = false;
    if (n > 0) {
        n = eddyi_buffer_take(&t->ahead, buf, size);
        if (eddyi_buffer_length(&t->ahead) == 0)
            eddyi_buffer_trim(&t->ahead, 0);
        return (ssize_t)n;
    }
    if (t->lower_ended || t->read_error < 0)
        return t->read_error;
    /* The lower carrier is not read while its on_readable is due. */
    if (t->reading)
        return -EAGAIN;
    result = t->lower->ops->read(t->lower, buf, size);
    t->lower_ended = result == 0;
    t->lower_fell_short = result > 0 && (size_t)result < size;
    if (result < 0 && result != -EAGAIN) {
        t->read_error = (int)result;
        keep_reason(t, (int)result);
    }
    return result;
}

int eddyi_tls_hear_first(struct eddyi_tls_carrier *t)
{
    char space[1024];
    ssize_t n;

    if (eddyi_buffer_length(&t->ahead) > 0)
        return 0;
    n = lower_read(t, space, sizeof space);
    if (n > 0)
        return eddyi_buffer_append(&t->ahead, space, (size_t)n);
    return n == -EAGAIN ? -EAGAIN : 0; /* OpenSSL gets the error when it reads */
}

static int bio_read(BIO *b, char *buf, int size)
{
    ssize_t n = lower_read(BIO_get_data(b), buf, (size_t)size);

    BIO_clear_retry_flags(b);
    if (n == -EAGAIN)
        BIO_set_retry_read(b);
    return n < 0 ? -1 : (int)n;
}

static void write_failed(struct eddyi_tls_carrier *t, int error)
{
    t->write_error = error;
    keep_reason(t, error);
    eddyi_buffer_consume(&t->out, eddyi_buffer_length(&t->out));
}

static void wait_writable(struct eddyi_tls_carrier *t)
{
    int rc = t->writing ? 0 : t->lower->ops->wait_writable(t->lower);

    if (rc < 0)
        write_failed(t, rc);
    else
        t->writing = true;
}

static int bio_write(BIO *b, const char *data, int size)
{
    struct eddyi_tls_carrier *t = BIO_get_data(b);
    ssize_t n = 0;

    BIO_clear_retry_flags(b);
    if (t->write_error == 0 && eddyi_buffer_length(&t->out) == 0) {
        n = t->lower->ops->write(t->lower, &(struct iovec){(void *)(uintptr_t)data, (size_t)size},
                                 1);
        if (n == -EAGAIN)
            n = 0;
    }
    if (n >= 0 && n < size && t->write_error == 0) {
        if (eddyi_buffer_append(&t->out, data + n, (size_t)(size - n)) < 0)
            n = -ENOMEM;
        else
            wait_writable(t);
    }
    if (n < 0)
        write_failed(t, (int)n);
    return t->write_error < 0 ? -1 : size;
}

static long bio_ctrl(BIO *b, int command, long number, void *ptr)
{
    struct eddyi_tls_carrier *t = BIO_get_data(b);

    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return t->lower_ended && eddyi_buffer_length(&t->ahead) == 0;
    default:
        return 0;
    }
}

static BIO_METHOD *method;

__attribute__((destructor)) static void free_method(void)
{
    BIO_meth_free(method);
    method = NULL;
}

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "eddy carrier");

    if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        method = m;
    else
        BIO_meth_free(m);
}

BIO *eddyi_tls_bio_new(struct eddyi_tls_carrier *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *b;

    pthread_once(&once, make_method);
    b = method ? BIO_new(method) : NULL;
    if (!b)
        return NULL;
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    return b;
}

void eddyi_tls_flush(struct eddyi_tls_carrier *t)
{
    ssize_t n = 0;

    while (n >= 0 && eddyi_buffer_length(&t->out) > 0) {
        struct iovec all = {eddyi_buffer_bytes(&t->out), eddyi_buffer_length(&t->out)};

        n = t->lower->ops->write(t->lower, &all, 1);
        if (n > 0)
            eddyi_buffer_consume(&t->out, (size_t)n);
    }
    if (n == -EAGAIN)
        wait_writable(t);
    else if (n < 0)
        write_failed(t, (int)n);
    else
        eddyi_buffer_trim(&t->out, 0);
}

int eddyi_tls_wait_lower(struct eddyi_tls_carrier *t)
{
    int rc = t->reading ? 0 : t->lower->ops->wait_readable(t->lower, NULL, 0);

    if (rc == 0)
        t->reading = true;
    return rc;
}
