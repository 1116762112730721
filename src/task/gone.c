/*
 * Awaitables that were freed, so that their next use is found out.
 *
 * An awaitable that goes is marked: its kind is GONE from then on, until its memory is given out
 * again. In debug mode, and in the tests' library, a loop keeps the last 200 of each kind aside, so
 * that a second await does not meet another task in the same memory; AddressSanitizer reports all
 * that is read or written there meanwhile, but for the mark.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "fiber/mark.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/pool.h"
#include "task/task.h"

#include <stdio.h>

enum { KEPT_MAX = 200 };

/* The origin of an awaitable, for messages. */
struct origin {
    const char *noun;   /* "coroutine", "Task" */
    const char *name;   /* of a coroutine; NULL: none */
    const char *where;  /* "file.c:12" where it was made; NULL: not known */
    const void *caller; /* then, the instruction that made it; NULL: not known */
};

struct one {
    eddy_awaitable *x; /* NULL: the place is free */
    size_t block_size; /* as eddyi_awaitable_free() was told */
    size_t size;       /* of what is poisoned */
    struct origin origin;
};

/* The latest of each kind: rings. */
struct eddyi_kept {
    struct ring {
        struct one all[KEPT_MAX];
        size_t next;
    } rings[EDDYI_GONE];
};

static enum eddyi_kind kind_before(const eddy_awaitable *x)
{
    return (enum eddyi_kind)(x->kind - EDDYI_GONE);
}

static size_t size_of(const eddy_awaitable *x)
{
    switch (kind_before(x)) {
    case EDDYI_COROUTINE:
        return ((const eddy_coroutine *)(const void *)x)->size;
    case EDDYI_TASK:
        return sizeof(struct eddy_task);
    default:
        return sizeof(struct eddy_future);
    }
}

static void free_one(struct one *one)
{
    enum eddyi_kind kind = kind_before(one->x);

    eddyi_mark_not_gone((char *)one->x, one->size);
    if (kind == EDDYI_TASK)
        eddyi_task_give((eddy_task *)(void *)one->x);
    else if (one->block_size)
        eddyi_block_free(one->x, one->block_size);
    else
        eddyi_free(one->x);
    one->x = NULL;
}

/* As long as the memory is what it was. */
static struct origin origin_of(const eddy_awaitable *x)
{
    const eddy_coroutine *coro = (const void *)x;
    const eddy_future *f = (const void *)x;

    switch (kind_before(x)) {
    case EDDYI_COROUTINE:
        return (struct origin){"coroutine", coro->name, coro->where, coro->caller};
    case EDDYI_TASK:
        return (struct origin){"Task", NULL, ((const eddy_task *)(const void *)f)->where, NULL};
    default:
        return (struct origin){f->ops->noun, NULL, NULL, eddyi_future_caller(f)};
    }
}

/* Returns whether @loop, which runs here, is to keep @x. A task's memory is its loop's. */
static bool may_keep(const eddy_loop *loop, const eddy_awaitable *x)
{
    if (!loop || !eddyi_loop_keeps(loop) || loop->closed || !loop->tasks.hooks)
        return false;
    return kind_before(x) == EDDYI_COROUTINE ||
           ((const eddy_future *)(const void *)x)->loop == loop;
}

void eddyi_begin_keeping(eddy_loop *loop)
{
    if (!loop->tasks.kept)
        loop->tasks.kept = eddyi_zalloc(sizeof *loop->tasks.kept);
}

bool eddyi_keep(eddy_awaitable *x, size_t block_size)
{
    eddy_loop *loop = eddyi_loop_running;
    struct ring *ring;
    struct one *one;

    if (!may_keep(loop, x))
        return false;
    eddyi_begin_keeping(loop); /* debug mode may have begun late */
    if (!loop->tasks.kept)
        return false;
    ring = &loop->tasks.kept->rings[kind_before(x) - 1];
    one = &ring->all[ring->next++ % KEPT_MAX];
    if (one->x)
        free_one(one);
    *one = (struct one){x, block_size, size_of(x), origin_of(x)};
    eddyi_mark_gone((char *)x + sizeof *x, one->size - sizeof *x); /* the mark stays readable */
    return true;
}

void eddyi_free_kept(eddy_loop *loop)
{
    for (size_t kind = 0; loop->tasks.kept && kind < EDDYI_GONE; kind++)
        for (size_t i = 0; i < KEPT_MAX; i++)
            if (loop->tasks.kept->rings[kind].all[i].x)
                free_one(&loop->tasks.kept->rings[kind].all[i]);
    eddyi_free(loop->tasks.kept);
    loop->tasks.kept = NULL;
}

/* Returns the entry of @x in the rings of the loop that runs here, or NULL. */
static const struct one *find(const eddy_awaitable *x)
{
    const struct eddyi_kept *kept = eddyi_loop_running ? eddyi_loop_running->tasks.kept : NULL;
    const struct one *all = kept ? kept->rings[kind_before(x) - 1].all : NULL;

    for (size_t i = 0; all && i < KEPT_MAX; i++)
        if (all[i].x == x)
            return &all[i];
    return NULL;
}

static int raise_with(const char *what, const struct origin *o)
{
    char buf[200];
    const char *place = eddyi_place(o->where, o->caller, buf, sizeof buf);

    return eddy_raise(EDDY_EMISUSE, "%s%s%s (%s%s%s%s)", what, place ? "; made at " : "",
                      place ? place : "", o->noun, o->name ? " '" : "", o->name ? o->name : "",
                      o->name ? "'" : "");
}

int eddyi_raise_gone(const eddy_awaitable *x)
{
    const struct one *one;
    struct origin origin;

    if (x->kind <= EDDYI_GONE || x->kind > EDDYI_GONE + EDDYI_TASK)
        return eddy_raise(EDDY_EMISUSE, "awaited twice, or no awaitable: its memory is free");
    one = find(x);
    origin = one ? one->origin : origin_of(x);
    return raise_with("awaited twice", &origin);
}

void eddyi_report_gone(const eddy_awaitable *x)
{
    eddyi_raise_gone(x);
    if (eddyi_loop_running && eddyi_loop_keeps(eddyi_loop_running))
        eddy_loop_call_exception_handler(
            eddyi_loop_running,
            &(eddy_exception_context){.message = "a reference was dropped twice",
                                      .exception = eddy_error()});
}

int eddyi_raise_taken(const eddy_coroutine *coro)
{
    struct origin origin = {"coroutine", coro->name, coro->where, coro->caller};

    return raise_with("given to a task already, or being awaited", &origin);
}
