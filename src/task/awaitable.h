/*
 * The common part of coroutines, Futures and Tasks: their first member, which tells their kind.
 */
#ifndef EDDYI_AWAITABLE_H
#define EDDYI_AWAITABLE_H

#include "eddy/coroutine.h"

/* GONE: the awaitable was freed, and its memory is kept for a while; see gone.c. */
enum eddyi_kind { EDDYI_COROUTINE = 1, EDDYI_FUTURE, EDDYI_TASK, EDDYI_GONE };

struct eddy_awaitable {
    enum eddyi_kind kind : 8;
    /* set while a function goes through several awaitables, without running user code: this one
     * occurred before */
    bool marked;
    /* the number of the latest gather that has read it; numbers begin at 1 */
    uint16_t gathered;
};

/* Keep a freed coroutine or task of a loop in debug mode for a while, so that its next use is
 * detected. Return false if the object is not kept, and the caller has to free its memory. */
bool eddyi_keep_coroutine(eddy_coroutine *coro);
bool eddyi_keep_task(eddy_task *t, eddy_loop *loop);
void eddyi_free_kept(eddy_loop *loop);

int eddyi_raise_gone(void);  /* raises EDDY_EMISUSE */
int eddyi_raise_taken(void); /* raises EDDY_EMISUSE for a coroutine that a task has already */

/* Returns whether @x is GONE; if it is, raises EDDY_EMISUSE. */
static inline bool eddyi_is_gone(const eddy_awaitable *x)
{
    return __builtin_expect(x->kind == EDDYI_GONE, 0) && eddyi_raise_gone() < 0;
}

/* Closes the coroutines among @aws, each once even if it occurs twice; with @futures, also drops
 * the references to the futures. */
void eddyi_awaitables_drop(eddy_awaitable *const *aws, size_t n, bool futures);

#endif
