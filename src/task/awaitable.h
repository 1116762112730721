/*
 * What coroutines, Futures and Tasks have in common: their first member says what they are.
 */
#ifndef EDDYI_AWAITABLE_H
#define EDDYI_AWAITABLE_H

#include "eddy/coroutine.h"

/* GONE: it was freed, and its memory is kept a while: see gone.c. */
enum eddyi_kind { EDDYI_COROUTINE = 1, EDDYI_FUTURE, EDDYI_TASK, EDDYI_GONE };

struct eddy_awaitable {
    enum eddyi_kind kind : 8;
    bool
        /* seen already by whoever is going through several, without running anything of the user's
         * meanwhile */
        marked;
    /* the number of the gather that has seen it last, of which there is none 0 */
    uint16_t gathered;
};

/*
 * In debug mode coroutines and tasks that were freed are kept a while, so that their next use is
 * found out. Both are to be given instead of the memory; false: they are not kept.
 */
bool eddyi_keep_coroutine(eddy_coroutine *coro);
bool eddyi_keep_task(eddy_task *t, eddy_loop *loop);
void eddyi_free_kept(eddy_loop *loop);

int eddyi_raise_gone(void);  /* EDDY_EMISUSE */
int eddyi_raise_taken(void); /* the same; for a coroutine that a task has already */

/* Whether @x is GONE; then EDDY_EMISUSE is raised. */
static inline bool eddyi_is_gone(const eddy_awaitable *x)
{
    return __builtin_expect(x->kind == EDDYI_GONE, 0) && eddyi_raise_gone() < 0;
}

/*
 * Closes the coroutines among several awaitables, each once though it may be named twice; and gives
 * up the references to futures if those were handed over as well.
 */
void eddyi_awaitables_drop(eddy_awaitable *const *aws, size_t n, bool futures);

#endif
