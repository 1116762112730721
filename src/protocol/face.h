/*
 * What transports of connections, datagrams and subprocesses have in common: references, and calls
 * of the user's functions in a context of their own.
 */
#ifndef EDDYI_PROTOCOL_FACE_H
#define EDDYI_PROTOCOL_FACE_H

#include "contextvars/contextvars.h"

struct eddyi_face {
    unsigned refs;
    bool connected; /* one of those is the face's own, until connection_lost() has returned */
    unsigned calls; /* of the user's functions that run now: it is not freed before they return */
    struct eddyi_var_scope vars; /* in which they run */
    void (*free)(struct eddyi_face *f);
};

/* Makes a face in a copy of @context; NULL: of the current one. */
static inline void eddyi_face_init(struct eddyi_face *f, eddy_context *context,
                                   void (*free)(struct eddyi_face *f))
{
    *f = (struct eddyi_face){.refs = 1, .connected = true, .free = free};
    eddyi_vars_init(&f->vars, context);
}

static inline void eddyi_face_free_if_unused(struct eddyi_face *f)
{
    if (f->refs > 0 || f->calls > 0)
        return;
    eddyi_vars_fini(&f->vars);
    f->free(f);
}

/* Drops a reference. The face's own is dropped by eddyi_face_end() only: an unref too many does no
 * harm before. */
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

/* Begins calls of the user's functions; returns what eddyi_face_leave() needs. */
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

#endif
