/*
 * A carrier of the user's own, as a layer over another: it lets one byte pass in each call, and can
 * be told to fail in one.
 */
#ifndef EDDY_TEST_ONE_BYTE_CARRIER_H
#define EDDY_TEST_ONE_BYTE_CARRIER_H

#include "harness/test.h"

#include <stdlib.h>

struct one_byte_carrier {
    eddy_carrier base;
    eddy_carrier *lower;         /* owned */
    int reads_left, writes_left; /* how many calls go well before one fails with @error; < 0: all */
    int error;
    int calls_after_close; /* of read and write: there should be none */
    bool closed;
};

static inline struct one_byte_carrier *one_byte_of(eddy_carrier *c)
{
    return (struct one_byte_carrier *)(void *)c;
}

static inline bool one_byte_fails(struct one_byte_carrier *c, int *left)
{
    c->calls_after_close += c->closed;
    return *left >= 0 && (*left)-- == 0;
}

static inline ssize_t one_byte_read(eddy_carrier *base, void *buf, size_t size)
{
    struct one_byte_carrier *c = one_byte_of(base);

    if (one_byte_fails(c, &c->reads_left))
        return c->error;
    return c->lower->ops->read(c->lower, buf, 1);
}

static inline ssize_t one_byte_write(eddy_carrier *base, const struct iovec *iov, int n)
{
    struct one_byte_carrier *c = one_byte_of(base);

    if (one_byte_fails(c, &c->writes_left))
        return c->error;
    while (n > 1 && iov->iov_len == 0) {
        iov++;
        n--;
    }
    return c->lower->ops->write(c->lower, &(struct iovec){iov->iov_base, 1}, 1);
}

static inline int one_byte_wait_readable(eddy_carrier *base, void *buf, size_t size)
{
    eddy_carrier *lower = one_byte_of(base)->lower;

    return lower->ops->wait_readable(lower, NULL, 0);
}

static inline void one_byte_cancel_readable(eddy_carrier *base)
{
    eddy_carrier *lower = one_byte_of(base)->lower;

    lower->ops->cancel_readable(lower);
}

static inline int one_byte_wait_writable(eddy_carrier *base)
{
    eddy_carrier *lower = one_byte_of(base)->lower;

    return lower->ops->wait_writable(lower);
}

static inline int one_byte_write_eof(eddy_carrier *base)
{
    eddy_carrier *lower = one_byte_of(base)->lower;

    return lower->ops->write_eof(lower);
}

static inline void one_byte_close(eddy_carrier *base, bool abort)
{
    struct one_byte_carrier *c = one_byte_of(base);

    c->closed = true;
    c->lower->ops->close(c->lower, abort);
}

static inline void one_byte_free(eddy_carrier *base)
{
    struct one_byte_carrier *c = one_byte_of(base);

    EXPECT_EQ(c->calls_after_close, 0);
    c->lower->ops->free(c->lower);
    free(c);
}

static inline void one_byte_on_readable(eddy_carrier *lower, ssize_t result)
{
    eddy_carrier *c = lower->user;

    c->on_readable(c, result);
}

static inline void one_byte_on_writable(eddy_carrier *lower)
{
    eddy_carrier *c = lower->user;

    c->on_writable(c);
}

static inline void one_byte_on_closed(eddy_carrier *lower, int status)
{
    eddy_carrier *c = lower->user;

    c->on_closed(c, status);
}

static const eddy_carrier_ops one_byte_ops = {
    .name = "one byte at a time",
    .read = one_byte_read,
    .write = one_byte_write,
    .wait_readable = one_byte_wait_readable,
    .cancel_readable = one_byte_cancel_readable,
    .wait_writable = one_byte_wait_writable,
    .write_eof = one_byte_write_eof,
    .close = one_byte_close,
    .free = one_byte_free,
};

/* Over @lower, which it owns from here on. */
static inline eddy_carrier *one_byte_carrier_new(eddy_carrier *lower)
{
    struct one_byte_carrier *c = calloc(1, sizeof *c);

    REQUIRE(c != NULL);
    *c = (struct one_byte_carrier){.base = {.ops = &one_byte_ops, .loop = lower->loop},
                                   .lower = lower,
                                   .reads_left = -1,
                                   .writes_left = -1};
    lower->user = c;
    lower->on_readable = one_byte_on_readable;
    lower->on_writable = one_byte_on_writable;
    lower->on_closed = one_byte_on_closed;
    return &c->base;
}

/* The two ends of a connection in memory, with such a layer on each. */
static inline int one_byte_carriers_new(eddy_carrier **ret_one, eddy_carrier **ret_other)
{
    eddy_carrier *one, *other;

    eddy_try(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other));
    *ret_one = one_byte_carrier_new(one);
    *ret_other = one_byte_carrier_new(other);
    return 0;
}

#endif
