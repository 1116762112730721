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

/* With up to 48 bytes of arguments it is one block of base/block.h. */
struct eddy_coroutine {
    struct eddy_awaitable base;
    uint32_t size : 30;    /* bytes of this allocation */
    uint32_t homeless : 1; /* made while no loop ran in its thread */
    uint32_t owned : 1;    /* by the task that was made of it */
    struct eddyi_list
        /* among those made and not consumed: of the loop that ran then, or the homeless */
        link;
    const char *name;   /* of the function; static */
    const char *where;  /* "file.c:12" where it was made, or NULL: then @caller */
    const void *caller; /* the instruction that called its constructor */
    int (*fn)(void *arg);
    /* if it is freed without having run: gives back what @arg owns; NULL: nothing */
    void (*drop)(void *arg);
    void *arg;                /* the caller's, or @args below */
    eddy_coroutine *outer;    /* the one that awaits it in the same task; while it runs */
    _Alignas(16) char args[]; /* the arguments of eddy_async */
};

/* Where eddy_return() leaves the pointer if no task runs in this thread; NULL: nowhere. For jobs of
 * executors. */
extern EDDYI_THREAD_LOCAL void **eddyi_return_here;

void eddyi_coroutine_consume_slow(eddy_coroutine *coro);

/* Takes it off its list: from now on somebody owns it. */
static inline void eddyi_coroutine_consume(eddy_coroutine *coro)
{
    if (coro->homeless)
        eddyi_coroutine_consume_slow(coro);
    else
        eddyi_list_remove(&coro->link);
}

/* Raises EDDY_EMISUSE if a task runs @coro, or will; for that would free it twice. */
static inline bool eddyi_coroutine_is_taken(const eddy_coroutine *coro)
{
    return __builtin_expect(coro->owned || coro->outer, 0) && eddyi_raise_taken() < 0;
}

/* Runs one that was consumed, in the current task. */
static inline int eddyi_coroutine_run(eddy_coroutine *coro)
{
    EDDYI_ASSERT(eddyi_list_empty(&coro->link) && "one that runs was consumed");
    coro->drop = NULL;
    return coro->fn(coro->arg);
}

/* Frees one that was consumed. */
static inline void eddyi_coroutine_free(eddy_coroutine *coro)
{
    EDDYI_ASSERT(eddyi_list_empty(&coro->link) && "one that is freed was consumed");
    if (coro->drop)
        coro->drop(coro->arg);
    if (eddyi_loop_any_debugged() && eddyi_keep_coroutine(coro))
        return;
    eddyi_block_free(coro, coro->size);
}

/* Reports and frees each coroutine of the list as never awaited. @loop (may be NULL) is told. */
void eddyi_coroutines_report(struct eddyi_list *list, eddy_loop *loop);

#endif
