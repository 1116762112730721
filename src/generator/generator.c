#include "generator/generator.h"

#include "base/assert.h"
#include "base/exception.h"
#include "base/sys.h"
#include "base/thread.h"
#include "fiber/stack.h"
#include "task/task.h"

#include <pthread.h>
#include <string.h>

/* The innermost generator that runs in this thread outside of any task. */
static EDDYI_THREAD_LOCAL struct eddyi_generator *running_outside;

/*
 * The stacks of generators are shared by all threads: a generator needs no loop, and one thread may
 * end it after another has begun it. The pool exists while at least one thread lives that has taken
 * a stack.
 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct eddyi_stack_pool *stacks; /* like n_threads, guarded by the mutex */
static size_t n_threads;
static EDDYI_THREAD_LOCAL bool counted;

static void lock(void)
{
    pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static void watch_forks(void)
{
    pthread_atfork(lock, unlock, unlock);
}

static void leave_stacks(void)
{
    lock();
    counted = false;
    if (--n_threads == 0) {
        eddyi_stack_pool_close(stacks);
        stacks = NULL;
    }
    unlock();
}

/* Counts this thread among the users of the pool, once. The mutex is locked. */
static void count_thread(void)
{
    if (counted)
        return;
    counted = true;
    n_threads++;
    eddyi_thread_at_exit(leave_stacks);
}

static int take_stack(struct eddyi_generator *g)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = 0;

    pthread_once(&once, watch_forks);
    lock();
    count_thread();
    if (!stacks)
        rc = eddyi_stack_pool_new(0, &stacks);
    if (rc == 0)
        rc = eddyi_stack_take(stacks, 0, &g->stack);
    unlock();
    return rc;
}

static void give_stack(struct eddyi_generator *g)
{
    if (!g->stack)
        return;
    lock();
    eddyi_stack_give(g->stack);
    unlock();
    g->stack = NULL;
}

/* Returns the task on whose stack this code runs. In a forked child, which has no running loop,
 * that is the task that forked. */
static eddy_task *task_here(void)
{
    return eddyi_loop_running ? eddyi_loop_running->tasks.current : eddyi_forked.task;
}

static struct eddyi_generator **innermost(void)
{
    eddy_task *t = task_here();

    return t ? &t->generator : &running_outside;
}

/* Returns the innermost generator that runs here, or NULL. */
static struct eddyi_generator *running_here(void)
{
    return *innermost();
}

/* Stands in for a function that was NULL. */
static int no_function(void *args)
{
    (void)args;
    return eddy_raise(-EINVAL, "a generator was made of no function");
}

struct eddyi_generator *eddyi_generator_new(const char *name, int (*fn)(void *args),
                                            const void *args, size_t size)
{
    struct eddyi_generator *g = eddyi_zalloc(sizeof *g + size);

    if (!g) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    g->name = name;
    g->fn = fn ? fn : no_function;
    eddyi_list_init(&g->link);
    if (size)
        memcpy(g->args, args, size);
    return g;
}

static void end(struct eddyi_generator *g, int result)
{
    EDDYI_ASSERT(g->state == EDDYI_GEN_RUNNING);
    g->state = EDDYI_GEN_ENDED;
    g->result = result;
    g->loop = NULL;
    eddyi_list_remove(&g->link);
    if (result < 0) {
        const eddy_exception *e = eddyi_error_of(result);

        g->error = e ? eddy_exception_ref(e) : eddy_exception_new(result, NULL);
    }
}

static struct eddyi_fiber *run_body(void *arg)
{
    struct eddyi_generator *g = arg;

    end(g, g->fn(g->args));
    return &g->caller;
}

/* Switches to the generator and returns when it yields or ends. */
static void switch_to(struct eddyi_generator *g)
{
    eddy_task *t = task_here();
    struct eddyi_generator **here = innermost();

    g->outer = *here;
    *here = g;
    g->caller_vars = eddyi_vars_current;
    if (t) {
        struct eddyi_stack *stack = t->stack;

        g->caller = t->fiber;
        t->fiber = g->fiber;
        t->stack = g->stack;
        eddyi_fiber_switch(&g->caller, &g->fiber);
        t->fiber = g->caller;
        t->stack = stack;
    } else {
        if (g->outer)
            g->caller = g->outer->fiber;
        else
            eddyi_fiber_init_thread(&g->caller);
        eddyi_fiber_switch(&g->caller, &g->fiber);
    }
    *here = g->outer;
    eddyi_vars_current = g->caller_vars;
}

/* Ends a generator that has not begun. */
static int end_unbegun(struct eddyi_generator *g, const eddy_exception *thrown)
{
    g->state = EDDYI_GEN_ENDED;
    g->loop = NULL;
    g->result = eddy_exception_code(thrown);
    return eddy_reraise(thrown);
}

static int begin(struct eddyi_generator *g)
{
    int rc = take_stack(g);

    if (rc < 0)
        return eddy_raise(rc, "no stack for the generator '%s'", g->name);
    eddyi_fiber_init(&g->fiber, g->stack->limit, g->stack->object, run_body, g);
    return 0;
}

/* Raises the error with which the body ended, the first time; later resumptions find no error. */
static int raise_end(struct eddyi_generator *g)
{
    const eddy_exception *e = g->error;

    give_stack(g);
    if (g->result >= 0)
        return 0;
    eddyi_error_set(eddyi_error_here(), g->result, (eddy_exception *)e);
    g->error = NULL;
    return g->result;
}

/* Frees a generator that was freed while it ran, now that it has stopped. Raises EDDY_EMISUSE. */
static int free_deferred(struct eddyi_generator *g)
{
    g->freed = false;
    eddyi_generator_free(g);
    return eddy_raise(EDDY_EMISUSE, "the generator was freed while it was executing");
}

int eddyi_generator_resume(struct eddyi_generator *g, void *value, const eddy_exception *thrown,
                           void **ret_value)
{
    int rc;

    if (g->state == EDDYI_GEN_RUNNING)
        return eddy_raise(EDDY_EMISUSE, "generator '%s' is already executing", g->name);
    if (g->state == EDDYI_GEN_ENDED)
        return thrown ? eddy_reraise(thrown) : 0;
    if (g->state == EDDYI_GEN_CREATED) {
        if (thrown)
            return end_unbegun(g, thrown);
        if (value)
            return eddy_raise(EDDY_EMISUSE, "can't send a value to the just-started generator '%s'",
                              g->name);
        rc = begin(g);
        if (rc < 0)
            return rc;
    }
    g->sent = value;
    g->thrown = eddy_exception_ref(thrown);
    g->state = EDDYI_GEN_RUNNING;
    switch_to(g);
    EDDYI_ASSERT(g->state == EDDYI_GEN_SUSPENDED || g->state == EDDYI_GEN_ENDED);
    if (g->freed && !g->kept)
        return free_deferred(g);
    if (g->state == EDDYI_GEN_ENDED)
        return raise_end(g);
    if (ret_value)
        *ret_value = g->handed_out;
    return 1;
}

/* Stores @value for the caller. Returns the context that the body has entered, for take_up() to
 * enter again, or NULL if the body is in its caller's. */
static struct eddyi_var_scope *hand_out(struct eddyi_generator *g, void *value)
{
    eddy_task *t = task_here();

    EDDYI_ASSERT(g->state == EDDYI_GEN_RUNNING);
    g->handed_out = value;
    g->state = EDDYI_GEN_SUSPENDED;
    if (t)
        g->fiber = t->fiber;
    return eddyi_vars_current == g->caller_vars ? NULL : eddyi_vars_current;
}

/* Continues after hand_out(), perhaps in another thread. Not inlined, because a function may keep
 * the addresses of thread-local variables across the switch. */
__attribute__((noinline)) static int take_up(struct eddyi_generator *g,
                                             struct eddyi_var_scope *entered, void **ret_sent)
{
    int code;

    if (entered)
        eddyi_vars_current = entered;
    if (!g->thrown) {
        if (ret_sent)
            *ret_sent = g->sent;
        return 0;
    }
    code = eddy_reraise(g->thrown);
    eddy_exception_unref(g->thrown);
    g->thrown = NULL;
    return code;
}

int eddy_yield(void *value, void **ret_sent)
{
    struct eddyi_generator *g = running_here();
    struct eddyi_var_scope *entered;

    if (!g)
        return eddy_raise(EDDY_EMISUSE, "eddy_yield() outside a generator");
    entered = hand_out(g, value);
    eddyi_fiber_switch(&g->fiber, &g->caller);
    return take_up(g, entered, ret_sent);
}

int eddyi_generator_close(struct eddyi_generator *g)
{
    int rc;

    if (g->state == EDDYI_GEN_ENDED)
        return 0;
    if (g->state == EDDYI_GEN_CREATED) {
        g->state = EDDYI_GEN_ENDED;
        g->loop = NULL;
        return 0;
    }
    rc = eddyi_generator_resume(g, NULL, eddyi_exception_generator_exit(), NULL);
    if (rc > 0)
        return eddy_raise(EDDY_EMISUSE, "generator '%s' ignored GeneratorExit", g->name);
    return rc == EDDY_EGENERATOREXIT ? 0 : rc;
}

void eddyi_generator_free(struct eddyi_generator *g)
{
    struct eddyi_error kept;

    if (g->state == EDDYI_GEN_RUNNING || g->kept) {
        g->freed = true;
        return;
    }
    g->kept = true;
    kept = eddyi_error_put_aside();
    eddyi_generator_close(g);
    eddyi_error_put_back(kept);
    eddyi_list_remove(&g->link);
    if (g->stack)
        eddyi_fiber_fini(&g->fiber);
    give_stack(g);
    eddy_exception_unref(g->thrown);
    eddy_exception_unref(g->error);
    eddyi_free(g);
}
