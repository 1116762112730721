/*
 * For tests of the backend contract: a backend of the sort that the environment chooses, operations
 * that count their completions.
 */
#ifndef EDDY_TEST_RIG_H
#define EDDY_TEST_RIG_H

#include "harness/test.h"

#include "backend/backend.h"
#include "base/sys.h"
#include "io/sockets.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define MILLISECONDS INT64_C(1000000)
#define SECONDS INT64_C(1000000000)

struct rig_op {
    struct eddyi_op op;
    int completions;
    int refused;                    /* why submit() did not take it; then it does not complete */
    void (*then)(struct rig_op *o); /* called by the completion; may be NULL */
    struct eddyi_backend *backend;  /* for then() */
    void *arg;
};

static inline struct eddyi_backend *rig_open_as(eddy_backend which)
{
    char reason[160];
    struct eddyi_backend *b = NULL;
    int rc = eddyi_backend_open(which, &b, reason, sizeof reason);

    if (rc < 0)
        FAIL("no backend: %s (%s)", reason, strerror(-rc));
    REQUIRE(rc == 0);
    return b;
}

static inline struct eddyi_backend *rig_open(void)
{
    return rig_open_as(EDDY_BACKEND_DEFAULT);
}

static inline void rig_close(struct eddyi_backend *b)
{
    b->ops->close(b);
}

static inline bool rig_is_uring(const struct eddyi_backend *b)
{
    return strcmp(b->ops->name, "io_uring") == 0;
}

static void rig_completed(struct eddyi_op *op)
{
    struct rig_op *o = eddyi_container(op, struct rig_op, op);

    o->completions++;
    if (o->then)
        o->then(o);
}

static inline struct rig_op rig_poll(int fd, unsigned events)
{
    return (struct rig_op){
        .op = {.kind = EDDYI_OP_POLL, .fd = fd, .events = events, .complete = rig_completed}};
}

static inline struct rig_op rig_recv(int fd, void *buf, size_t size)
{
    return (struct rig_op){
        .op = {.kind = EDDYI_OP_RECV, .fd = fd, .io = {buf, size}, .complete = rig_completed}};
}

static inline struct rig_op rig_send(int fd, const void *buf, size_t size)
{
    return (struct rig_op){.op = {.kind = EDDYI_OP_SEND,
                                  .fd = fd,
                                  .io = {(void *)(uintptr_t)buf, size},
                                  .complete = rig_completed}};
}

static inline struct rig_op rig_accept(int fd)
{
    return (struct rig_op){
        .op = {
            .kind = EDDYI_OP_ACCEPT, .fd = fd, .accept = {NULL, NULL}, .complete = rig_completed}};
}

static inline struct rig_op rig_connect(int fd, const struct sockaddr_in *addr)
{
    return (struct rig_op){.op = {.kind = EDDYI_OP_CONNECT,
                                  .fd = fd,
                                  .connect = {(const struct sockaddr *)addr, sizeof *addr},
                                  .complete = rig_completed}};
}

static inline int rig_submit(struct eddyi_backend *b, struct rig_op *o)
{
    o->backend = b;
    o->refused = b->ops->submit(b, &o->op);
    return o->refused;
}

static inline void rig_cancel(struct eddyi_backend *b, struct rig_op *o)
{
    if (o->refused == 0)
        b->ops->cancel(b, &o->op);
}

/*
 * Waits until the operation has completed; the test's timer watches over that. Its result, or why
 * it was not taken. Where waiting fails (torture) it is cancelled, because it must not outlive its
 * memory.
 */
static inline int64_t rig_finish(struct eddyi_backend *b, struct rig_op *o)
{
    while (o->refused == 0 && o->completions == 0) {
        if (b->ops->wait(b, -1) < 0)
            rig_cancel(b, o);
    }
    return o->refused < 0 ? o->refused : o->op.result;
}

/* A wait that has to end by itself. Under torture nothing has to. */
static inline int rig_wait_forever(struct eddyi_backend *b)
{
    return b->ops->wait(b, test_tortured() ? 0 : -1);
}

/* Submits it and waits. */
static inline int64_t rig_run(struct eddyi_backend *b, struct rig_op *o)
{
    rig_submit(b, o);
    return rig_finish(b, o);
}

/* Lets the backend tell the kernel what it has been told, and see what is there. */
static inline void rig_settle(struct eddyi_backend *b)
{
    for (int i = 0; i < 3; i++)
        b->ops->wait(b, 0);
}

#endif
