/*
 * The functions of OpenSSL that tls.c uses: those of the library that Python's own _ssl uses, which
 * need not be the one that eddy is linked with.
 */
#ifndef EDDYI_PY_OPENSSL_H
#define EDDYI_PY_OPENSSL_H

struct eddyi_py_openssl {
    int (*read)(void *ssl, void *buffer, int size);
    int (*write)(void *ssl, const void *buffer, int size);
    int (*error)(const void *ssl, int result);
    void *(*rbio)(const void *ssl);
    void *(*wbio)(const void *ssl);
    void *(*ex_data)(const void *ssl, int index);
    void *(*context)(const void *ssl);
    int (*bio_read)(void *bio, void *buffer, int size);
    int (*bio_write)(void *bio, const void *buffer, int size);
    long (*bio_control)(void *bio, int command, long number, void *pointer);
    void (*clear_errors)(void);
};

/* Values of OpenSSL's ABI: SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN, BIO_CTRL_PENDING. */
enum { EDDYI_PY_WANTS_READ = 2, EDDYI_PY_ZERO_RETURN = 6, EDDYI_PY_BIO_PENDING = 10 };

#endif
