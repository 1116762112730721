/*
 * Generators inside: a function on a stack of its own, resumed by whoever wants its next value.
 *
 *   CREATED --resume--> RUNNING --yield--> SUSPENDED --resume--> RUNNING …
 *                               --return-> ENDED
 *
 * It runs as part of whoever resumed it: in the same task, or in none. A task that is suspended
 * while the generator runs is suspended on the generator's stack, so as long as it runs the task's
 * fiber is the generator's.
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
    bool kept;                     /* by somebody who will free it, and nobody else does */
    bool freed;                    /* while it was kept, or RUNNING */
    int result;                    /* of the body; once ENDED */
    void *handed_out;              /* the latest value yielded */
    void *sent;                    /* for the present yield */
    const eddy_exception *thrown;  /* owned; into the present yield, NULL: nothing */
    const eddy_exception *error;   /* owned; how the body ended, while that has not been told */
    struct eddyi_generator *outer; /* the one that is suspended while this one runs; NULL: none */
    struct eddyi_stack *stack;     /* from the first resumption to the end */
    struct eddyi_fiber fiber;      /* while it is not running */
    struct eddyi_fiber caller;     /* while it is: who resumed it */
    /* The caller's context variables, which the body shares; it returns to a context of its own
     * only if it entered one. */
    struct eddyi_var_scope *caller_vars;
    /* asynchronous ones: with the loop, from the first resumption to the end */
    struct eddyi_list link;
    /* of those, borrowed, while it may be resumed there only; NULL: anywhere */
    eddy_loop *loop;
    _Alignas(16) char args[];
};

/* Each kind's own type is this and nothing more; NULL without memory. */
struct eddyi_generator *eddyi_generator_new(const char *name, int (*fn)(void *args),
                                            const void *args, size_t size);

/*
 * Resumes it with a value, or with an exception to be thrown (borrowed; NULL: none). 1 with
 * *ret_value (may be NULL), 0 at its end, or its error, raised.
 */
int eddyi_generator_resume(struct eddyi_generator *g, void *value, const eddy_exception *thrown,
                           void **ret_value);

/* eddy_generator_close(). */
int eddyi_generator_close(struct eddyi_generator *g);

/* Frees it; a body that is suspended is not resumed any more. */
void eddyi_generator_free(struct eddyi_generator *g);

/* The generator that runs here, innermost; NULL: none. */
struct eddyi_generator *eddyi_generator_here(void);

#endif
