/*
 * Asynchronous generators run in a task, and their loop keeps a list of them, to close them in the
 * end.
 */
#include "base/exception.h"
#include "base/log.h"
#include "base/sys.h"
#include "generator/generator.h"
#include "loop/loop.h"
#include "task/task.h"

#include <stdio.h>

/* The asynchronous generators of one loop that have begun and not ended. */
struct asyncgens {
    struct eddyi_loop_part part;
    struct eddyi_list all;
};

static struct eddyi_generator *inner_of(const eddy_async_generator *g)
{
    return (struct eddyi_generator *)(void *)g;
}

/* Removes the first generator from the list and returns it, or NULL. */
static struct eddyi_generator *take_first(struct asyncgens *gens)
{
    struct eddyi_list *l = eddyi_list_pop(&gens->all);
    struct eddyi_generator *g = l ? eddyi_container(l, struct eddyi_generator, link) : NULL;

    if (g)
        g->loop = NULL;
    return g;
}

static void close_part(struct eddyi_loop_part *part)
{
    struct asyncgens *gens = eddyi_container(part, struct asyncgens, part);

    while (take_first(gens))
        continue;
    eddyi_free(gens);
}

static eddy_coroutine *shut_down(struct eddyi_loop_part *part)
{
    struct asyncgens *gens = eddyi_container(part, struct asyncgens, part);

    return eddyi_list_empty(&gens->all) ? NULL : eddy_loop_shutdown_asyncgens(part->loop);
}

static void init_part(struct eddyi_loop_part *part)
{
    eddyi_list_init(&eddyi_container(part, struct asyncgens, part)->all);
}

static struct asyncgens *asyncgens_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {.size = sizeof(struct asyncgens),
                                                .init = init_part,
                                                .close = close_part,
                                                .shutdown = shut_down};

    return eddyi_loop_part(loop, &kind);
}

eddy_async_generator *eddy_async_generator_new(const char *name, int (*fn)(void *args),
                                               const void *args, size_t size)
{
    return (eddy_async_generator *)(void *)eddyi_generator_new(name, fn, args, size);
}

/* Raises EDDY_EOTHERLOOP and returns true if @g has begun in another loop than @loop. */
static bool is_of_other_loop(const struct eddyi_generator *g, const eddy_loop *loop)
{
    return g->loop && g->loop != loop &&
           eddy_raise(EDDY_EOTHERLOOP,
                      "the asynchronous generator '%s' has begun in another event loop",
                      g->name) < 0;
}

/* Checks that a task of the generator's loop resumes @g, and adds @g to the loop's list the first
 * time. */
static int prepare(struct eddyi_generator *g)
{
    eddy_task *t = eddyi_task_current();
    struct asyncgens *gens;

    if (!t)
        return eddyi_raise_no_task();
    if (is_of_other_loop(g, t->future.loop))
        return EDDY_EOTHERLOOP;
    if (g->state != EDDYI_GEN_CREATED || !eddyi_list_empty(&g->link))
        return 0;
    gens = asyncgens_of(t->future.loop);
    if (!gens)
        return eddy_raise(-ENOMEM, NULL);
    eddyi_list_append(&gens->all, &g->link);
    g->loop = t->future.loop;
    return 0;
}

static int resume(eddy_async_generator *public, void *value, const eddy_exception *thrown,
                  void **ret_value)
{
    struct eddyi_generator *g = inner_of(public);
    int rc = g ? prepare(g) : eddy_raise(-ENOMEM, NULL);

    return rc < 0 ? rc : eddyi_generator_resume(g, value, thrown, ret_value);
}

int(eddy_anext)(eddy_async_generator *g, void **ret_value)
{
    return resume(g, NULL, NULL, ret_value);
}

int(eddy_asend)(eddy_async_generator *g, void *value, void **ret_value)
{
    return resume(g, value, NULL, ret_value);
}

int(eddy_athrow)(eddy_async_generator *g, void **ret_value, int code, const char *fmt, ...)
{
    eddy_exception *e;
    va_list args;
    int rc;

    if (code >= 0)
        return eddy_raise(EDDY_EMISUSE, "the code of an exception is negative");
    va_start(args, fmt);
    e = eddyi_exception_vnew(code, fmt, args);
    va_end(args);
    if (!e)
        return eddy_raise(-ENOMEM, NULL);
    rc = resume(g, NULL, e, ret_value);
    eddy_exception_unref(e);
    return rc;
}

int eddy_aclose(eddy_async_generator *g)
{
    eddy_task *t = g ? eddyi_task_current() : NULL;

    if (!g)
        return eddy_raise(-ENOMEM, NULL);
    if (!t)
        return eddyi_raise_no_task();
    return is_of_other_loop(inner_of(g), t->future.loop) ? EDDY_EOTHERLOOP
                                                         : eddyi_generator_close(inner_of(g));
}

void eddy_async_generator_free(eddy_async_generator *g)
{
    if (!g)
        return;
    if (inner_of(g)->loop && eddyi_loop_elsewhere(inner_of(g)->loop))
        eddyi_log(EDDY_LOG_WARNING,
                  "the asynchronous generator '%s' is freed in a thread that does not run its "
                  "loop; it stays as it is",
                  inner_of(g)->name);
    else
        eddyi_generator_free(inner_of(g));
}

static void report(eddy_loop *loop)
{
    eddy_exception_context context = {
        .message = "an error occurred during closing of asynchronous generator",
        .exception = eddy_error(),
    };

    eddy_loop_call_exception_handler(loop, &context);
}

static eddy_async(shutdown_asyncgens, (eddy_loop *, loop))
{
    struct asyncgens *gens = asyncgens_of(loop);
    struct eddyi_generator *g;

    if (!gens)
        return eddy_raise(-ENOMEM, NULL);
    while ((g = take_first(gens)) != NULL)
        if (eddyi_generator_close(g) < 0)
            report(loop);
    return 0;
}

eddy_coroutine *eddy_loop_shutdown_asyncgens(eddy_loop *loop)
{
    return shutdown_asyncgens(loop);
}
