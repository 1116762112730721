/*
 * The common part of coroutines, Futures and Tasks: their first member, which tells their kind.
 */
#ifndef EDDYI_AWAITABLE_H
#define EDDYI_AWAITABLE_H

#include "base/block.h"
#include "eddy/coroutine.h"
#include "loop/loop.h"

/* One that was freed has its kind plus GONE, as long as its memory is what it was: see gone.c. */
enum eddyi_kind { EDDYI_COROUTINE = 1, EDDYI_FUTURE, EDDYI_TASK, EDDYI_GONE = EDDYI_TASK };

struct eddy_awaitable {
    enum eddyi_kind kind : 8;
    /* set while a function goes through several awaitables, without running user code: this one
     * occurred before */
    bool marked;
    /* the number of the latest gather that has read it; numbers begin at 1 */
    uint16_t gathered;
};

/*
 * Keeps the memory of @x, which is marked and was allocated as eddyi_awaitable_free() describes,
 * for the loop that runs here to free it later. Returns false if that loop keeps nothing.
 */
bool eddyi_keep(eddy_awaitable *x, size_t block_size);

/* Makes room for what @loop is to keep; without memory it keeps nothing. */
void eddyi_begin_keeping(eddy_loop *loop);

/* Frees all that @loop keeps. */
void eddyi_free_kept(eddy_loop *loop);

/* Raise EDDY_EMISUSE for one that was freed, and for one that a task has; with the place where it
 * was made. */
EDDY_COLD int eddyi_raise_gone(const eddy_awaitable *x);
EDDY_COLD int eddyi_raise_taken(const eddy_coroutine *coro);

/* Raises as eddyi_raise_gone(), where there is no status to return: in debug mode the loop's
 * exception handler hears of it. */
EDDY_COLD void eddyi_report_gone(const eddy_awaitable *x);

/* Returns whether @x was freed, and its memory not been given out again. */
static inline bool eddyi_was_freed(const eddy_awaitable *x)
{
    return __builtin_expect((unsigned)x->kind - 1u >= (unsigned)EDDYI_GONE, 0);
}

/* Returns eddyi_was_freed(@x); if it was, raises EDDY_EMISUSE. */
static inline bool eddyi_is_gone(const eddy_awaitable *x)
{
    return eddyi_was_freed(x) && eddyi_raise_gone(x) < 0;
}

/* Marks @x, which is about to be freed. */
static inline void eddyi_awaitable_mark_gone(eddy_awaitable *x)
{
    x->kind = (enum eddyi_kind)(x->kind + EDDYI_GONE);
}

/* Frees the memory of @x, all that is left of it: a block of @block_size bytes, or, if that is 0,
 * memory of eddyi_alloc(). */
static inline void eddyi_awaitable_free(eddy_awaitable *x, size_t block_size)
{
    eddyi_awaitable_mark_gone(x);
    if (eddyi_loop_any_keeps() && eddyi_keep(x, block_size))
        return;
    if (block_size)
        eddyi_block_free(x, block_size);
    else
        eddyi_free(x);
}

/* Closes the coroutines among @aws, each once even if it occurs twice; with @futures, also drops
 * the references to the futures. */
void eddyi_awaitables_drop(eddy_awaitable *const *aws, size_t n, bool futures);

#endif
