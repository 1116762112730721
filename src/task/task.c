#include "task/task.h"

#include "base/assert.h"
#include "base/libc.h"
#include "base/options.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "fiber/overflow.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/pool.h"
#include "task/stack_use.h"

#include <stdatomic.h>
#include <stdio.h>

/* Numbers for the names Task-1, Task-2, …: one count for the process (rule 50). */
static atomic_uint_fast64_t next_number = 1;

/* Takes a number. An atomic operation costs 5 ns, which a process with one thread need not pay. */
static uint64_t take_number(void)
{
    uint64_t n = atomic_load_explicit(&next_number, memory_order_relaxed);

    if (!__libc_single_threaded)
        return atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
    atomic_store_explicit(&next_number, n + 1, memory_order_relaxed);
    return n;
}

eddy_task *eddy_current_task(void)
{
    return eddyi_task_current();
}

int eddyi_raise_no_task_for(const char *message)
{
    return eddyi_loop_is_behind() ? eddyi_raise_no_loop() : eddy_raise(EDDY_ENOTASK, "%s", message);
}

int eddyi_raise_no_task(void)
{
    return eddyi_raise_no_task_for(
        "it may suspend: call it in a coroutine, run by eddy_run() or a task");
}

static void destroy(eddy_future *f)
{
    eddy_task *t = eddyi_task_of(f);

    EDDYI_ASSERT(!t->coro && !t->wait && eddyi_list_empty(&t->ready.link));
    eddyi_future_fini(f);
    eddyi_vars_fini(&t->vars);
    if (t->error.exception)
        eddyi_error_clear(&t->error);
    if (t->name)
        eddyi_free(t->name);
    eddyi_awaitable_mark_gone(&f->base);
    if (__builtin_expect(!eddyi_loop_any_keeps(), 1)) {
        EDDYI_ASSERT(eddyi_list_empty(&t->link));
        eddyi_task_give(t);
        return;
    }
    eddyi_list_remove(&t->link); /* in debug mode it may be with the tasks that failed */
    if (!eddyi_keep(&f->base, 0))
        eddyi_task_give(t);
}

EDDYI_DIRECT void eddyi_task_free(eddy_task *t)
{
    EDDYI_ASSERT_ALWAYS(t->future.refs == 1);
    destroy(&t->future);
}

static const struct eddyi_future_ops task_ops = {.noun = "Task", .destroy = destroy};

/* Makes the pools that a loop's tasks come from. Returns 0 or -ENOMEM. */
EDDY_COLD static int make_pools(eddy_loop *loop)
{
    int rc = 0;

    if (!loop->tasks.stacks) {
        rc = eddyi_stack_pool_new(0, &loop->tasks.stacks);
        if (rc == 0 && eddyi_stack_use_wanted)
            eddyi_stack_pool_measure(loop->tasks.stacks);
    }
    return rc == 0 ? eddyi_task_pool_new(&loop->tasks.memory) : rc;
}

/* Finds the class of the stack of a new task, of which at least one is free now; or raises the
 * error and returns NULL. */
static inline struct eddyi_stack_class *find_stack(eddy_loop *loop, size_t size)
{
    struct eddyi_stack_class *class;
    int rc = 0;

    if (__builtin_expect(!loop->tasks.memory, 0))
        rc = make_pools(loop);
    if (rc == 0)
        rc = eddyi_stack_find(loop->tasks.stacks, size ? size : loop->tasks.stack_size, &class);
    if (__builtin_expect(rc == 0, 1))
        return class;
    eddy_raise(rc, rc == -EINVAL ? "the stack size of the task is too large"
                                 : "no stack for another task");
    return NULL;
}

static int set_name(eddy_task *t, const char *name)
{
    char *copy = eddyi_strdup(name);

    if (!copy)
        return eddy_raise(-ENOMEM, NULL);
    eddyi_free(t->name);
    t->name = copy;
    return 0;
}

/* Slow path of make(): gives @t, which is not complete, back, and closes its coroutine. */
EDDY_COLD static eddy_task *give_up(eddy_task *t, const eddy_task_options *options)
{
    if (t) {
        eddyi_free(t->name);
        eddyi_loop_release(t->future.loop);
        eddyi_task_give(t);
    }
    eddy_coroutine_close(options->coro);
    return NULL;
}

/* Allocates and fills in the task that @options describe, except for its coroutine and context. */
static inline eddy_task *alloc(eddy_loop *loop, const eddy_task_options *options)
{
    struct eddyi_stack_class *class = find_stack(loop, options->stack_size);
    eddy_task *t = class ? eddyi_task_take(loop->tasks.memory) : NULL;

    if (!t) {
        if (class)
            eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    *t = (eddy_task){
        .future = {.base = {.kind = EDDYI_TASK},
                   .refs = 2, /* the caller's, and the loop's until the task has ended */
                   .loop = eddyi_loop_hold(loop),
                   .hooks = {&t->future.hooks, &t->future.hooks},
                   .ops = &task_ops},
        .ready = {.link = {&t->ready.link, &t->ready.link}, .run = eddyi_task_run},
        .where = options->where,
        .stack_class = class,
        .chunk = t->chunk,
    };
    return t;
}

EDDYI_UNGUARDED static eddy_task *make(eddy_loop *loop, const eddy_task_options *options)
{
    eddy_task *t;

    eddyi_loop_attach_tasks(loop);
    t = alloc(loop, options);
    if (!t || (options->name && set_name(t, options->name) < 0))
        return give_up(t, options);
    eddyi_coroutine_consume(options->coro);
    options->coro->owned = true;
    t->coro = options->coro;
    t->number = take_number();
    eddyi_vars_init(&t->vars, options->context);
    eddyi_list_append(&loop->tasks.all, &t->link);

    /* It begins with the stack that alloc() has found. */
    if (options->eager_start && eddyi_loop_running == loop && !loop->tasks.leaving &&
        eddyi_task_begin(t))
        eddyi_task_start_eagerly(t);
    else
        eddyi_loop_ready(loop, &t->ready);
    return t;
}

/* Returns whether a task can be made; if not, consumes the coroutine and raises the error. */
static inline bool check(const eddy_loop *loop, const eddy_task_options *options)
{
    if (!options->coro) {
        eddy_raise(-ENOMEM, NULL);
        return false;
    }
    if (eddyi_is_gone((const eddy_awaitable *)(const void *)options->coro) ||
        eddyi_coroutine_is_taken(options->coro))
        return false;
    if (eddyi_loop_check(loop) == 0)
        return true;
    eddy_coroutine_close(options->coro);
    return false;
}

eddy_task *(eddy_task_new)(eddy_loop *loop, const eddy_task_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_task_options, options, options_size,
                  (eddy_coroutine_close(options->coro), NULL));
    return check(loop, options) ? make(loop, options) : NULL;
}

static inline eddy_task *create_task(eddy_loop *loop, const eddy_task_options *options)
{
    loop = loop ? loop : eddyi_loop_running;
    if (!check(loop, options))
        return NULL;
    return loop->tasks.factory ? loop->tasks.factory(loop, options, loop->tasks.factory_arg)
                               : make(loop, options);
}

/* Slow path of eddy_loop_create_task_with(): the program knows other options than the library. */
EDDY_COLD __attribute__((noinline)) static eddy_task *
create_task_slow(eddy_loop *loop, const eddy_task_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_task_options, options, options_size,
                  (eddy_coroutine_close(options->coro), NULL));
    return create_task(loop, options);
}

eddy_task *(eddy_loop_create_task_with)(eddy_loop *loop, const eddy_task_options *options,
                                        size_t options_size)
{
    if (__builtin_expect(options_size != sizeof *options, 0))
        return create_task_slow(loop, options, options_size);
    return create_task(loop, options);
}

int(eddy_spawn_with)(const eddy_task_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_task_options, options, options_size,
                  (eddy_coroutine_close(options->coro), -E2BIG));
    eddy_task *t = eddy_loop_create_task_with(NULL, options);

    if (!t)
        return eddyi_error_latest(-ENOMEM);
    if (options->ret_task)
        *options->ret_task = t;
    else
        eddy_unref(t);
    return 0;
}

void eddy_loop_set_task_factory(eddy_loop *loop, eddy_task_factory *factory, void *arg)
{
    loop->tasks.factory = factory;
    loop->tasks.factory_arg = arg;
}

eddy_task_factory *eddy_loop_get_task_factory(const eddy_loop *loop, void **ret_arg)
{
    if (ret_arg)
        *ret_arg = loop->tasks.factory_arg;
    return loop->tasks.factory;
}

eddy_task *eddy_eager_task_factory(eddy_loop *loop, const eddy_task_options *options, void *arg)
{
    eddy_task_options eager = *options;

    (void)arg;
    eager.eager_start = true;
    return eddy_task_new(loop, &eager);
}

int eddy_task_cancelling(const eddy_task *t)
{
    return t->cancelling;
}

int eddy_task_uncancel(eddy_task *t)
{
    if (t->cancelling > 0 && --t->cancelling == 0) {
        t->must_cancel = false;
        t->future.loop->tasks.cancel_round++;
    }
    return t->cancelling;
}

const char *eddy_task_get_name(eddy_task *t)
{
    char buf[32];

    if (!t->name) {
        snprintf(buf, sizeof buf, "Task-%llu", (unsigned long long)t->number);
        t->name = eddyi_strdup(buf);
    }
    return t->name ? t->name : "Task";
}

int eddy_task_set_name(eddy_task *t, const char *name)
{
    return set_name(t, name);
}

const eddy_coroutine *eddy_task_get_coro(const eddy_task *t)
{
    const eddy_coroutine *coro = t->coro;

    while (coro && coro->outer)
        coro = coro->outer;
    return coro;
}

eddy_context *eddy_task_get_context(eddy_task *t)
{
    return eddyi_vars_context(&t->vars);
}

size_t eddy_all_tasks(eddy_loop *loop, eddy_task **ret_tasks, size_t n)
{
    size_t count = 0;

    loop = loop ? loop : eddyi_loop_running;
    if (!loop)
        return 0;
    EDDYI_LIST_EACH(l, &loop->tasks.all) {
        if (count < n && ret_tasks)
            ret_tasks[count] = eddyi_container(l, struct eddy_task, link);
        count++;
    }
    return count;
}
