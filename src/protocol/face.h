/*
 * The common part of the transports of connections, datagrams and subprocesses: references, calls
 * of user functions in a context of their own, and the beginning. That is made in a task, which
 * waits until the connection is made, or, if nothing else has to be waited for, anywhere on the
 * loop's thread.
 */
#ifndef EDDYI_PROTOCOL_FACE_H
#define EDDYI_PROTOCOL_FACE_H

#include "contextvars/contextvars.h"
#include "eddy/loop.h"

/* The first member of a transport, whose memory it frees. */
struct eddyi_face {
    eddy_loop *loop; /* held */
    unsigned refs;
    bool connected; /* one reference is the face's own, until connection_lost() has returned */
    /* user functions that run now; the face is freed only after they have returned */
    unsigned calls;
    struct eddyi_var_scope vars;        /* the context in which they run */
    void (*fini)(struct eddyi_face *f); /* releases the rest of the transport; NULL: nothing */
};

/* Initializes @f with one reference of its own and a copy of the current context. */
void eddyi_face_init(struct eddyi_face *f, eddy_loop *loop, void (*fini)(struct eddyi_face *f));

void eddyi_face_free_if_unused(struct eddyi_face *f);

/* Drops a reference. Only eddyi_face_end() drops the face's own reference: before that, an unref
 * too many does no harm. */
static inline void eddyi_face_unref(struct eddyi_face *f)
{
    if (f->refs == 0 || (f->refs == 1 && f->connected))
        return;
    f->refs--;
    eddyi_face_free_if_unused(f);
}

/* Drops the face's own reference. */
static inline void eddyi_face_end(struct eddyi_face *f)
{
    f->connected = false;
    eddyi_face_unref(f);
}

/* Begins a call of user functions; returns the argument for eddyi_face_leave(). */
static inline struct eddyi_var_scope *eddyi_face_enter(struct eddyi_face *f)
{
    struct eddyi_var_scope *outside = eddyi_vars_current;

    f->calls++;
    eddyi_vars_current = &f->vars;
    return outside;
}

static inline void eddyi_face_leave(struct eddyi_face *f, struct eddyi_var_scope *outside)
{
    eddyi_vars_current = outside;
    f->calls--;
    eddyi_face_free_if_unused(f);
}

/*
 * Checks that a connection may be made here on @loop; with @waits, only in a task. Returns 0, or
 * raises EDDY_ENOTASK, EDDY_EOTHERLOOP, an error of eddyi_loop_check(), or -EINVAL if @has_factory
 * is false.
 */
int eddyi_face_check(eddy_loop *loop, bool has_factory, bool waits);

/* Waits until the queued items, connection_made() and the beginning of reading, have run. Without a
 * task it returns at once. Returns 0, or raises -ECANCELED. */
EDDY_AWAITS int eddyi_face_wait(void);

#endif
