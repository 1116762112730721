#include "task/coroutine.h"
#include "base/unguarded.h"

#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Coroutines made while no loop ran in their thread. Another thread may run them, and outlive this
 * one, so only the end of the process shows that they were forgotten. */
static struct eddyi_list homeless = {&homeless, &homeless};
static pthread_mutex_t homeless_mutex = PTHREAD_MUTEX_INITIALIZER;

static void report_homeless(void)
{
    eddyi_coroutines_report(&homeless, NULL);
}

static void lock_homeless(void)
{
    pthread_mutex_lock(&homeless_mutex);
}

static void unlock_homeless(void)
{
    pthread_mutex_unlock(&homeless_mutex);
}

static void begin_homeless(void)
{
    atomic_store(&eddyi_print_names_hook, eddyi_print_names);
    atexit(report_homeless);
    pthread_atfork(lock_homeless, unlock_homeless, unlock_homeless);
}

EDDY_COLD static void add_to_homeless(eddy_coroutine *coro)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin_homeless);
    pthread_mutex_lock(&homeless_mutex);
    eddyi_list_append(&homeless, &coro->link);
    pthread_mutex_unlock(&homeless_mutex);
}

/* Replaces a function that was not given: the task that awaits the coroutine gets the error. */
EDDYI_UNGUARDED
static int no_function(void *arg)
{
    (void)arg;
    return eddy_raise(-EINVAL, "a coroutine was made of no function");
}

__attribute__((always_inline)) static inline eddy_coroutine *
make(const char *name, int (*fn)(void *arg), size_t args_size)
{
    size_t size = sizeof(eddy_coroutine) + args_size;
    eddy_coroutine *coro = eddyi_block_alloc(size);
    eddy_loop *loop = eddyi_loop_running;

    if (!coro) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    if (!fn)
        fn = no_function;
    *coro = (eddy_coroutine){
        .base = {.kind = EDDYI_COROUTINE}, .size = size, .homeless = !loop, .name = name, .fn = fn};
    if (loop) {
        eddyi_loop_attach_tasks(loop);
        eddyi_list_append(&loop->tasks.coroutines, &coro->link);
    } else {
        add_to_homeless(coro);
    }
    return coro;
}

eddy_coroutine *eddy_coroutine_new(const char *name, int (*fn)(void *arg), void *arg,
                                   const char *where)
{
    eddy_coroutine *coro = make(name, fn, 0);

    if (coro) {
        coro->arg = arg;
        coro->where = where;
    }
    return coro;
}

eddy_coroutine *eddy_coroutine_new_copy(const char *name, int (*fn)(void *args), const void *args,
                                        size_t size, const void *caller)
{
    eddy_coroutine *coro = make(name, fn, size);

    if (coro) {
        if (size)
            memcpy(coro->args, args, size);
        coro->arg = coro->args;
        coro->caller = caller;
    }
    return coro;
}

/* Leaves @drop to @coro; or, if there is none, or nothing to run, calls it. */
static eddy_coroutine *own(eddy_coroutine *coro, bool runs, void (*drop)(void *arg), void *arg)
{
    if (coro && runs)
        coro->drop = drop;
    else if (drop)
        drop(arg);
    return coro;
}

eddy_coroutine *eddy_coroutine_new_owning(const char *name, int (*fn)(void *arg), void *arg,
                                          void (*drop)(void *arg), const char *where)
{
    return own(eddy_coroutine_new(name, fn, arg, where), fn != NULL, drop, arg);
}

eddy_coroutine *eddy_coroutine_new_copy_owning(const char *name, int (*fn)(void *args),
                                               void (*drop)(void *args), const void *args,
                                               size_t size, const void *caller)
{
    return own(eddy_coroutine_new_copy(name, fn, args, size, caller), fn != NULL, drop,
               (void *)args);
}

void eddyi_coroutine_consume_slow(eddy_coroutine *coro)
{
    pthread_mutex_lock(&homeless_mutex);
    eddyi_list_remove(&coro->link);
    pthread_mutex_unlock(&homeless_mutex);
}

void eddy_coroutine_close(eddy_coroutine *coro)
{
    eddy_awaitable_drop(coro ? &coro->base : NULL);
}

const char *eddy_coroutine_name(const eddy_coroutine *coro)
{
    return coro->name;
}

const char *eddyi_place(const char *where, const void *caller, char *buf, size_t size)
{
    Dl_info info;

    if (where || !caller)
        return where;
    if (!dladdr(caller, &info))
        snprintf(buf, size, "%p", caller);
    else if (info.dli_sname)
        snprintf(buf, size, "%s+0x%zx", info.dli_sname,
                 (size_t)((char *)caller - (char *)info.dli_saddr));
    else
        snprintf(buf, size, "%s+0x%zx", info.dli_fname,
                 (size_t)((char *)caller - (char *)info.dli_fbase));
    return buf;
}

void eddyi_coroutines_report(struct eddyi_list *list, eddy_loop *loop)
{
    struct eddyi_list *l;
    char buf[200];

    while ((l = eddyi_list_pop(list)) != NULL) {
        eddy_coroutine *coro = eddyi_container(l, struct eddy_coroutine, link);
        eddy_exception_context context = {
            .message = "coroutine was never awaited",
            .coroutine = coro,
            .where = eddyi_place(coro->where, coro->caller, buf, sizeof buf),
        };

        if (loop)
            eddy_loop_call_exception_handler(loop, &context);
        else
            eddy_loop_default_exception_handler(NULL, &context);
        eddyi_coroutine_free(coro);
    }
}
