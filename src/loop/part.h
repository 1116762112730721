/*
 * The parts of a loop that belong to other layers, made at their first use and closed with the
 * loop, the latest first. So a part that needs another until its end requests that one before it is
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

/* The stages of shutting down: each part follows those that may still need it (rule 192). */
enum eddyi_shutdown_stage { EDDYI_GENERATORS_END, EDDYI_CONNECTIONS_END, EDDYI_EXECUTORS_END };

struct eddyi_part_kind {
    size_t size; /* of a struct that begins with the part */
    /* initializes the other members, which are zero; NULL: they stay zero */
    void (*init)(struct eddyi_loop_part *p);
    void (*close)(struct eddyi_loop_part *p); /* frees the part; the backend still works */
    /*
     * NULL, or called when the run is over: tasks will be cancelled, and peers are awaited for at
     * most loop->patience
     */
    void (*run_over)(struct eddyi_loop_part *p);
    /*
     * NULL, or makes the coroutine that a runner runs before it closes the loop, for work that
     * needs a running loop. May return NULL: there is no such work.
     */
    eddy_coroutine *(*shutdown)(struct eddyi_loop_part *p);
    enum eddyi_shutdown_stage stage;
};

/* Returns the loop's part of that kind, or NULL if it has none so far. Borrowed. */
void *eddyi_loop_part_find(eddy_loop *loop, const struct eddyi_part_kind *kind);

/*
 * Returns the loop's part of that kind, and makes it if there is none. Borrowed. Returns NULL when
 * memory is short.
 */
EDDYI_DIRECT void *eddyi_loop_part(eddy_loop *loop, const struct eddyi_part_kind *kind);

#endif
