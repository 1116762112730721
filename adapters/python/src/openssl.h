/*
 * The functions of OpenSSL that tls.c uses: those of the library that Python's own _ssl uses, which
 * need not be the one that eddy is linked with.
 */
#ifndef EDDYI_PY_OPENSSL_H
#define EDDYI_PY_OPENSSL_H

/* Called for each new object of a class that has an index for data of a program. */
typedef void eddyi_py_ex_new(void *object, void *data, void *all_data, int index, long number,
                             void *pointer);

struct eddyi_py_openssl {
    int (*read)(void *ssl, void *buffer, int size);
    int (*write)(void *ssl, const void *buffer, int size);
    int (*has_pending)(const void *ssl);
    int (*error)(const void *ssl, int result);
    void *(*rbio)(const void *ssl);
    void *(*wbio)(const void *ssl);
    void *(*ex_data)(const void *ssl, int index);
    void *(*context)(const void *ssl);
    int (*bio_read)(void *bio, void *buffer, int size);
    int (*bio_write)(void *bio, const void *buffer, int size);
    long (*bio_control)(void *bio, int command, long number, void *pointer);
    unsigned long (*peek_error)(void);
    void (*clear_errors)(void);
    int (*new_index)(int class_index, long number, void *pointer, eddyi_py_ex_new *made,
                     void *duplicated, void *freed);
    int (*free_index)(int class_index, int index);
};

/* Values of OpenSSL's ABI: SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN, BIO_CTRL_PENDING,
 * CRYPTO_EX_INDEX_SSL. */
enum {
    EDDYI_PY_WANTS_READ = 2,
    EDDYI_PY_ZERO_RETURN = 6,
    EDDYI_PY_BIO_PENDING = 10,
    EDDYI_PY_CLASS_SSL = 0
};

#endif
