/*
 * Making, closing and querying a loop.
 */
#include "loop/loop.h"

#include "base/exception.h"
#include "base/refs.h"
#include "base/sys.h"
#include "eddy/binding.h"
#include "eddy/error.h"
#include "fiber/stack.h"
#include "loop/item.h"
#include "loop/registry.h"
#include "loop/signal.h"

#include <stdio.h>
#include <string.h>

unsigned eddyi_fork_number;

EDDYI_THREAD_LOCAL struct eddyi_forked eddyi_forked;

/* Ends the run of @loop in this thread: no further item has its turn, so control returns from the
 * callback or task that forked to the end of the run. */
static void end_run(eddy_loop *loop)
{
    eddyi_list_move_all(&loop->schedule.ready, &loop->schedule.batch);
    loop->run_error = EDDY_EFORKED;
    loop->stopping = true;
}

void eddyi_loop_leave_behind(eddy_loop *loop)
{
    if (pthread_equal(loop->thread, pthread_self()))
        end_run(loop);
    loop->running = false;
    eddyi_sys_mutex_init(&loop->inbox.mutex); /* a thread that does not exist here may hold it */
    eddyi_backend_after_fork(loop->backend);
}

/* Separates the child from its parent's loops: it shares their rings and descriptors and must not
 * touch them, and it has no running loop (rule 13). */
static void after_fork_in_child(void)
{
    eddyi_fork_number++;
    if (eddyi_loop_running)
        eddyi_forked = (struct eddyi_forked){true, eddyi_loop_running->tasks.current};
    eddyi_loop_set_running(NULL);
    eddyi_registry_after_fork(true);
    eddyi_signals_after_fork(true);
}

/* Takes the locks in the usual order, so that the child finds all of them free. */
static void before_fork(void)
{
    eddyi_registry_before_fork();
    eddyi_signals_before_fork();
}

static void after_fork_in_parent(void)
{
    eddyi_signals_after_fork(false);
    eddyi_registry_after_fork(false);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void eddyi_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
}

atomic_bool eddyi_loop_debugged;

static void note_debug(const eddy_loop *loop)
{
    if (loop->debug)
        atomic_store_explicit(&eddyi_loop_debugged, true, memory_order_relaxed);
}

static bool debug_wanted(void)
{
    const char *value = secure_getenv("EDDY_DEBUG");

    return value && *value && strcmp(value, "0") != 0;
}

static void tasks_init(struct eddyi_loop_tasks *tasks, size_t stack_size)
{
    tasks->cancel_round = 1; /* no task has been asked in round 0 */
    tasks->stack_size = stack_size;
    eddyi_list_init(&tasks->all);
    eddyi_list_init(&tasks->coroutines);
    eddyi_list_init(&tasks->pending);
    eddyi_list_init(&tasks->failed);
#ifdef EDDY_FAULTS
    tasks->keeps = true;
#endif
}

static eddy_loop *loop_alloc(const eddy_loop_options *options)
{
    eddy_loop *loop = eddyi_zalloc(sizeof *loop);

    if (!loop)
        return NULL;
    atomic_init(&loop->refs, 1);
    atomic_init(&loop->holds, 1);
    loop->debug = loop->watched = options->debug || debug_wanted();
    loop->no_fault_handler = options->no_fault_handler;
    note_debug(loop);
    loop->thread = pthread_self();
    loop->fork_number = eddyi_fork_number;
    eddyi_list_init(&loop->schedule.ready);
    eddyi_list_init(&loop->schedule.batch);
    eddyi_list_init(&loop->schedule.last);
    eddyi_list_init(&loop->schedule.breaks.link);
    loop->schedule.turns_per_poll = 1;
    tasks_init(&loop->tasks, options->stack_size);
    eddyi_list_init(&loop->parts);
    eddyi_sys_mutex_init(&loop->inbox.mutex);
    loop->report.slow_callback_duration = 0.1;
    return loop;
}

eddy_loop *eddyi_loop_new(const eddy_loop_options *options)
{
    static const eddy_loop_options defaults;
    eddy_loop *loop;
    int rc;

    eddyi_watch_forks();
    options = options ? options : &defaults;
    if (options->stack_size > EDDYI_STACK_MAX) {
        eddy_raise(-EINVAL, "a stack of %zu bytes is above the limit of %zu", options->stack_size,
                   EDDYI_STACK_MAX);
        return NULL;
    }
    loop = loop_alloc(options);
    if (!loop) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    rc = eddyi_backend_open(options->backend, &loop->backend, loop->backend_reason,
                            sizeof loop->backend_reason);
    if (rc < 0) {
        eddy_raise(rc, "no event loop: %s", loop->backend_reason);
        pthread_mutex_destroy(&loop->inbox.mutex);
        eddyi_free(loop);
        return NULL;
    }
    loop->spin.enabled = eddyi_sys_cpus() > 1 && !eddyi_backend_is_virtual(loop->backend);
    loop->schedule.clock = eddyi_loop_now(loop);
    eddyi_registry_add(loop);
    return loop;
}

eddy_loop *eddy_loop_ref(eddy_loop *loop)
{
    if (loop)
        atomic_fetch_add_explicit(&loop->refs, 1, memory_order_relaxed);
    return loop;
}

void eddyi_loop_set_running(eddy_loop *loop)
{
    eddy_loop *before = eddyi_loop_running;

    eddyi_loop_running = loop;
    eddyi_error_task = loop ? &loop->tasks.current : NULL;
    if (!before)
        return;
    atomic_fetch_add_explicit(&before->holds, before->holds_here, memory_order_relaxed);
    before->holds_here = 0;
}

void eddyi_loop_release_slow(eddy_loop *loop)
{
    if (!eddyi_refs_drop_shared(&loop->holds))
        return;
    eddyi_handle_pool_fini(&loop->soon);
    eddyi_handle_pool_fini(&loop->later);
    eddyi_handle_pool_fini(&loop->inbox.slots.pool);
    pthread_mutex_destroy(&loop->inbox.mutex);
    eddyi_free(loop);
}

void eddy_loop_unref(eddy_loop *loop)
{
    if (!loop || !eddyi_refs_drop_shared(&loop->refs))
        return;
    if (loop->closed) {
        eddyi_loop_release(loop);
        return;
    }
    /* Closing calls the exception handler, which may use the loop and take references. In a forked
     * child the loop cannot be closed, and stays. */
    atomic_store(&loop->refs, 1);
    if (eddy_loop_close(loop) == 0)
        eddy_loop_unref(loop);
}

static void drop_timers(eddy_loop *loop)
{
    struct eddyi_heap_node *first;

    while ((first = eddyi_heap_first(&loop->schedule.timers)) != NULL) {
        eddyi_heap_remove(&loop->schedule.timers, first);
        eddyi_loop_ready(loop, &eddyi_container(first, struct eddyi_timer, node)->ready);
    }
    eddyi_heap_fini(&loop->schedule.timers);
}

static void close_parts(eddy_loop *loop)
{
    while (!eddyi_list_empty(&loop->parts)) {
        struct eddyi_list *last = loop->parts.prev;
        struct eddyi_loop_part *part = eddyi_container(last, struct eddyi_loop_part, link);

        eddyi_list_remove(last);
        part->kind->close(part);
    }
}

/* Drops the items of tasks, then runs the remaining ones: these are eddy's own, and release their
 * objects when they run. */
static void drop_own(eddy_loop *loop, struct eddyi_list *list)
{
    struct eddyi_list *l;

    if (loop->tasks.hooks)
        loop->tasks.hooks->drop(list);
    while ((l = eddyi_list_pop(list)) != NULL)
        EDDYI_READY(l)->run(EDDYI_READY(l));
}

/* Drops all ready items. Dropping one can queue others. */
static void drop_ready(eddy_loop *loop)
{
    struct eddyi_list dropped;

    eddyi_list_init(&dropped);
    eddyi_list_move_all(&dropped, &loop->schedule.batch);
    do {
        eddyi_list_move_all(&dropped, &loop->schedule.ready);
        eddyi_list_move_all(&dropped, &loop->schedule.last);
        eddyi_handles_drop(&dropped);
        eddyi_items_drop(&dropped);
        drop_own(loop, &dropped);
    } while (!eddyi_list_empty(&loop->schedule.ready) || !eddyi_list_empty(&loop->schedule.last));
}

int eddy_loop_close(eddy_loop *loop)
{
    if (eddyi_loop_forked(loop))
        return eddy_raise(EDDY_EFORKED, NULL);
    if (loop->running)
        return eddy_raise(EDDY_ERUNNING, "cannot close a running event loop");
    if (loop->closed)
        return 0;
    eddyi_loop_close_inbox(loop);

    /* First the parts, which have operations with the backend whose memory may be on the stacks of
     * tasks; then the tasks; their stacks last. */
    close_parts(loop);
    if (loop->tasks.hooks)
        loop->tasks.hooks->close(loop);
    if (eddyi_loop_forked(loop)) /* a task has forked, and this call returns in both processes */
        return eddy_raise(EDDY_EFORKED, NULL);
    drop_timers(loop);
    drop_ready(loop);
    loop->drained = true;
    eddyi_registry_remove(loop);
    loop->backend->ops->close(loop->backend);
    eddyi_stack_pool_close(loop->tasks.stacks);
    loop->tasks.stacks = NULL;
    if (loop->tasks.memory)
        loop->tasks.hooks->close_memory(loop->tasks.memory);
    loop->tasks.memory = NULL;
    return 0;
}

bool eddyi_loop_is_behind(void)
{
    return !eddyi_loop_running && eddyi_forked.in_run;
}

int eddyi_raise_no_loop(void)
{
    if (eddyi_loop_is_behind())
        return eddy_raise(EDDY_EFORKED, "the event loop is that of the parent process");
    return eddy_raise(EDDY_ENOLOOP,
                      "eddy_run() runs a loop, eddy_set_event_loop() gives a thread one");
}

int eddyi_loop_check_slow(const eddy_loop *loop)
{
    if (!loop)
        return eddyi_raise_no_loop();
    if (eddyi_loop_forked(loop))
        return eddy_raise(EDDY_EFORKED,
                          "the event loop was made before fork(); make a new one in the child");
    if (loop->closed)
        return eddy_raise(EDDY_ECLOSED, NULL);
    if (loop->running && eddyi_loop_running != loop)
        return eddy_raise(EDDY_ETHREAD, "the loop runs in another thread; only "
                                        "eddy_loop_call_soon_threadsafe() may be used from here");
    return 0;
}

bool eddy_loop_is_running(const eddy_loop *loop)
{
    return loop->running;
}

bool eddy_loop_is_closed(const eddy_loop *loop)
{
    return loop->closed;
}

double eddy_loop_time(const eddy_loop *loop)
{
    int64_t now = loop->closed ? eddyi_sys_now() : eddyi_loop_now(loop);

    return (double)now / 1e9;
}

const char *eddy_loop_backend_name(const eddy_loop *loop)
{
    return loop->closed ? "closed" : loop->backend->ops->name;
}

const char *eddy_loop_backend_reason(const eddy_loop *loop)
{
    return loop->backend_reason;
}

bool eddy_loop_get_debug(const eddy_loop *loop)
{
    return loop->debug;
}

void eddy_loop_set_debug(eddy_loop *loop, bool enabled)
{
    loop->debug = enabled;
    note_debug(loop);
    loop->watched = enabled || loop->observer;
    eddyi_loop_poll_next(loop);
}

int eddy_loop_set_wait_hooks(eddy_loop *loop, eddy_callback_fn *before, eddy_callback_fn *after,
                             void *arg)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (!before != !after)
        return eddy_raise(-EINVAL, "set_wait_hooks: both functions, or none");
    loop->backend->hooks = (struct eddyi_wait_hooks){before, after, arg};
    return 0;
}

static size_t size_of_handles(const struct eddyi_handle_pool *pool, size_t size)
{
    return pool->n_slots * size;
}

size_t eddy_loop_size(const eddy_loop *loop)
{
    size_t size = sizeof *loop;

    size += size_of_handles(&loop->soon, sizeof(struct eddyi_handle_soon));
    size += size_of_handles(&loop->later, sizeof(struct eddyi_handle_later));
    size += size_of_handles(&loop->inbox.slots.pool, sizeof(struct eddyi_handle_soon));
    size += loop->schedule.timers.capacity * sizeof(struct eddyi_heap_entry);
    EDDYI_LIST_EACH(l, &loop->parts)
        size += eddyi_container(l, struct eddyi_loop_part, link)->kind->size;
    return size;
}

void eddyi_loop_set_observer(eddy_loop *loop, struct eddyi_observer *observer)
{
    loop->observer = observer;
    loop->watched = loop->debug || observer;
    eddyi_loop_poll_next(loop);
}

double eddy_loop_get_slow_callback_duration(const eddy_loop *loop)
{
    return loop->report.slow_callback_duration;
}

void eddy_loop_set_slow_callback_duration(eddy_loop *loop, double seconds)
{
    loop->report.slow_callback_duration = seconds;
}
