/*
 * What other layers keep with a loop: their parts of it, made at their first use and closed with
 * it, the latest first. So a part that needs another until its end asks for that one before it is
 * made.
 */
#ifndef EDDYI_PART_H
#define EDDYI_PART_H

#include "base/direct.h"
#include "base/list.h"
#include "eddy/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct eddyi_loop_part {
    struct eddyi_list link; /* in loop->parts */
    eddy_loop *loop;
    const struct eddyi_part_kind *kind;
};

/* Shutting down goes by stages: each part after those that may still need it (rule 192). */
enum eddyi_shutdown_stage { EDDYI_GENERATORS_END, EDDYI_CONNECTIONS_END, EDDYI_EXECUTORS_END };

struct eddyi_part_kind {
    size_t size; /* of a struct that begins with the part */
    /* the rest of it, which is zero so far; NULL: it may stay so */
    void (*init)(struct eddyi_loop_part *p);
    void (*close)(struct eddyi_loop_part *p); /* frees it; the backend still works */
    /* NULL, or hears that the run is over: tasks will be cancelled, and peers are waited for no
     * longer than loop->patience. */
    void (*run_over)(struct eddyi_loop_part *p);
    /*
     * NULL, or makes the coroutine that a runner runs before it closes the loop, to bring to an end
     * what needs a running loop for that. It may give NULL: nothing to do.
     */
    eddy_coroutine *(*shutdown)(struct eddyi_loop_part *p);
    enum eddyi_shutdown_stage stage;
};

/* The loop's part of that kind, or NULL: it has none as yet. */
void *eddyi_loop_part_find(eddy_loop *loop, const struct eddyi_part_kind *kind);

/* The same, but it is made now if there is none. NULL when memory is short. */
EDDYI_DIRECT void *eddyi_loop_part(eddy_loop *loop, const struct eddyi_part_kind *kind);

#endif
