/*
 * Coroutine objects: a function and its arguments, to be run once.
 */
#ifndef EDDYI_COROUTINE_H
#define EDDYI_COROUTINE_H

#include "base/block.h"
#include "base/list.h"
#include "base/thread.h"
#include "loop/loop.h"
#include "task/awaitable.h"

#include <string.h>

/* A coroutine object. With up to 48 bytes of arguments it is one block of base/block.h. */
struct eddy_coroutine {
    struct eddy_awaitable base;
    uint32_t size : 29;    /* bytes of this allocation */
    uint32_t settled : 1;  /* a copy on the stack of its task: see eddyi_coroutine_settle() */
    uint32_t homeless : 1; /* made while no loop ran in its thread */
    uint32_t owned : 1;    /* by the task that was made of it, or by a wait_for */
    /* in the list of coroutines that were made and not consumed: of the loop that ran then, or the
     * homeless ones */
    struct eddyi_list link;
    const char *name;   /* name of the function; static */
    const char *where;  /* "file.c:12" where it was made; NULL: see @caller */
    const void *caller; /* the instruction that called its constructor */
    int (*fn)(void *arg);
    /* called if it is freed without having run: releases the objects that @arg owns; NULL: none */
    void (*drop)(void *arg);
    void *arg;             /* the user's argument, or @args below */
    eddy_coroutine *outer; /* the coroutine that awaits it in the same task; valid while it runs */
    _Alignas(16) char args[]; /* the arguments of eddy_async */
};

/* The place for the pointer of eddy_return() when no task runs in this thread, in a job of an
 * executor; NULL: no such job runs. */
extern EDDYI_THREAD_LOCAL void **eddyi_return_here;

void eddyi_coroutine_consume_slow(eddy_coroutine *coro);

/* Removes @coro from its list: from now on it has an owner. */
static inline void eddyi_coroutine_consume(eddy_coroutine *coro)
{
    if (coro->homeless)
        eddyi_coroutine_consume_slow(coro);
    else
        eddyi_list_remove(&coro->link);
}

/* Returns whether a task runs @coro, or will run it; if so, raises EDDY_EMISUSE, since a second
 * owner would free it twice. */
static inline bool eddyi_coroutine_is_taken(const eddy_coroutine *coro)
{
    return __builtin_expect(coro->owned || coro->outer, 0) && eddyi_raise_taken(coro) < 0;
}

/* Runs a consumed coroutine in the current task. */
static inline int eddyi_coroutine_run(eddy_coroutine *coro)
{
    EDDYI_ASSERT(eddyi_list_empty(&coro->link) && "one that runs was consumed");
    coro->drop = NULL;
    return coro->fn(coro->arg);
}

/* Frees a consumed coroutine. */
static inline void eddyi_coroutine_free(eddy_coroutine *coro)
{
    EDDYI_ASSERT(eddyi_list_empty(&coro->link) && "one that is freed was consumed");
    if (coro->drop)
        coro->drop(coro->arg);
    if (!coro->settled)
        eddyi_awaitable_free(&coro->base, coro->size);
}

/*
 * Moves a consumed coroutine to @place, EDDYI_BLOCK_SIZE bytes on the stack of the task that runs
 * it, and frees the block: a parked task has room in its page. Returns the coroutine; one that is
 * larger than a block stays where it is.
 */
static inline eddy_coroutine *eddyi_coroutine_settle(eddy_coroutine *made, void *place)
{
    eddy_coroutine *coro = place;

    if (__builtin_expect(made->size > EDDYI_BLOCK_SIZE, 0))
        return made;
    *coro = *made;
    if (made->size > sizeof *made)
        memcpy(coro->args, made->args, EDDYI_BLOCK_SIZE - sizeof *made);
    eddyi_list_init(&coro->link);
    if (made->arg == made->args)
        coro->arg = coro->args;
    coro->settled = true;
    eddyi_awaitable_free(&made->base, made->size);
    return coro;
}

/* Returns @where, else a text about @caller in @buf; NULL if neither is known. */
const char *eddyi_place(const char *where, const void *caller, char *buf, size_t size);

/* Reports each coroutine of @list as never awaited, to @loop (may be NULL), and frees it. */
void eddyi_coroutines_report(struct eddyi_list *list, eddy_loop *loop);

#endif
