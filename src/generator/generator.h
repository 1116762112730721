/*
 * A generator is a function on a stack of its own, resumed for each of its values.
 *
 *   CREATED --resume--> RUNNING --yield--> SUSPENDED --resume--> RUNNING …
 *                               --return-> ENDED
 *
 * A generator runs as part of the code that resumed it: in the same task, or in none. A task that
 * is suspended while its generator runs is suspended on the generator's stack; therefore the task's
 * fiber is the generator's as long as the generator runs.
 */
#ifndef EDDYI_GENERATOR_H
#define EDDYI_GENERATOR_H

#include "base/list.h"
#include "eddy/error.h"
#include "eddy/generator.h"
#include "fiber/fiber.h"

enum eddyi_generator_state {
    EDDYI_GEN_CREATED,
    EDDYI_GEN_RUNNING,
    EDDYI_GEN_SUSPENDED,
    EDDYI_GEN_ENDED
};

struct eddyi_generator {
    const char *name;
    int (*fn)(void *args);
    enum eddyi_generator_state state;
    bool kept;                    /* its present user will free it; no other code does */
    bool freed;                   /* a call of free came while the generator was kept or RUNNING */
    int result;                   /* the body's result; valid once ENDED */
    void *handed_out;             /* the latest value yielded */
    void *sent;                   /* the value for the present yield */
    const eddy_exception *thrown; /* owned; the exception to raise in the present yield, or NULL */
    const eddy_exception *error;  /* owned; the body's error, until it has been raised once */
    struct eddyi_generator
        *outer;                /* the generator that is suspended while this one runs, or NULL */
    struct eddyi_stack *stack; /* from the first resumption to the end */
    struct eddyi_fiber fiber;  /* valid while the generator is not running */
    struct eddyi_fiber caller; /* valid while it runs: the resuming code */
    /* The caller's context variables, which the body shares. The body returns to a context of its
     * own only if it has entered one. */
    struct eddyi_var_scope *caller_vars;
    /* asynchronous generators: in the loop's list, from the first resumption to the end */
    struct eddyi_list link;
    /* borrowed; the only loop in which an asynchronous generator may be resumed, or NULL: any */
    eddy_loop *loop;
    _Alignas(16) char args[];
};

/* Creates a generator. Both public types are this struct. Raises -ENOMEM and returns NULL. */
struct eddyi_generator *eddyi_generator_new(const char *name, int (*fn)(void *args),
                                            const void *args, size_t size);

/*
 * Resumes @g with @value, or with the exception @thrown (borrowed, or NULL). Returns 1 and sets
 * *ret_value (NULL is allowed), returns 0 at the end, or raises the body's error.
 */
int eddyi_generator_resume(struct eddyi_generator *g, void *value, const eddy_exception *thrown,
                           void **ret_value);

/* Implements eddy_generator_close() and eddy_aclose(). */
int eddyi_generator_close(struct eddyi_generator *g);

/* Frees @g. A suspended body is closed first. */
void eddyi_generator_free(struct eddyi_generator *g);

#endif
