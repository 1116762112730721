/*
 * The calls of the loop on tasks: their end when it closes, and names for its reports.
 */
#include "base/exception.h"
#include "base/printable.h"
#include "base/sys.h"
#include "fiber/overflow.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/pool.h"
#include "task/stack_use.h"
#include "task/task.h"
#include "task/wait.h"

#include <stdio.h>
#include <string.h>

/* The number of refusals after which a task that still suspends is abandoned, with its stack. */
enum { MAX_REFUSALS = 100 };

static void report(eddy_task *t, const char *message)
{
    eddy_exception_context context = {
        .message = message, .task = t, .future = &t->future, .where = t->where};

    eddy_loop_call_exception_handler(t->future.loop, &context);
}

static void refuse(eddy_task *t)
{
    if (++t->refused <= MAX_REFUSALS)
        return;
    report(t, "Task goes on waiting although its loop is closed; its stack is lost");
    for (;;)
        eddyi_fiber_switch(&t->fiber, &t->future.loop->fiber);
}

/* Unlinks the wait from the object that it waits for. */
static void end_wait(struct eddyi_wait *w)
{
    if (w->over)
        return;
    if (eddyi_wait_is_await(w))
        eddyi_await_break(w);
    else
        eddyi_wait_cancel(w, NULL);
}

void eddyi_close_wait(struct eddyi_wait *w)
{
    refuse(w->task);
    end_wait(w);
    w->cancelled = true;
    eddyi_ready_cancel(&w->task->ready);
}

void eddyi_close_yield(eddy_task *t)
{
    refuse(t);
    t->must_cancel = true;
}

/* Runs a suspended task, on the closing loop, until it ends. */
static void run_out(eddy_task *t)
{
    eddy_loop *loop = t->future.loop, *running = eddyi_loop_running;
    struct eddyi_var_scope *vars = eddyi_vars_current;
    struct eddyi_forked forked = eddyi_forked;

    if (t->wait)
        end_wait(t->wait);
    else
        t->must_cancel = true;
    eddyi_ready_cancel(&t->ready);

    eddyi_loop_set_running(loop);
    if (!running)
        eddyi_fiber_init_thread(&loop->fiber);
    else /* closed from within another loop, which has the flow of control */
        loop->fiber = running->tasks.current ? running->tasks.current->fiber : running->fiber;
    loop->tasks.current = t;
    eddyi_fiber_switch(&loop->fiber, &t->fiber);
    loop->tasks.current = NULL;
    eddyi_loop_set_running(eddyi_loop_forked(loop) ? NULL : running);
    eddyi_forked = forked;
    eddyi_vars_current = vars;
}

static void close_task(eddy_task *t)
{
    report(t, "Task was destroyed but it is pending!");
    if (t->started) {
        run_out(t);
    } else {
        eddyi_ready_cancel(&t->ready);
        eddyi_task_end_unstarted(t);
    }
}

static void close_pending(struct eddyi_list *pending)
{
    while (!eddyi_list_empty(pending)) {
        struct eddyi_pending *p = eddyi_container(pending->prev, struct eddyi_pending, link);

        eddyi_list_remove(&p->link);
        p->close(p);
    }
}

/* Reports, in debug mode, tasks that failed unnoticed and still have a reference, which was most
 * likely forgotten. */
static void report_failed(eddy_loop *loop)
{
    struct eddyi_list *l;

    while ((l = eddyi_list_pop(&loop->tasks.failed)) != NULL) {
        eddy_task *t = eddyi_container(l, struct eddy_task, link);

        if (t->future.unretrieved)
            eddyi_future_report_unretrieved(&t->future);
        t->future.unretrieved = false;
    }
}

/*
 * Ends the remaining tasks when their loop closes, as Python closes the coroutine of a pending task
 * that it frees: the task's suspension raises -ECANCELED, and every further one raises it at once.
 */
static void close_tasks(eddy_loop *loop)
{
    struct eddyi_list *l;

    while (!eddyi_loop_forked(loop) && (l = eddyi_list_pop(&loop->tasks.all)) != NULL)
        close_task(eddyi_container(l, struct eddy_task, link));
    if (!eddyi_loop_forked(loop))
        eddyi_coroutines_report(&loop->tasks.coroutines, loop);
    report_failed(loop);
    eddyi_free_kept(loop);
    if (!eddyi_loop_forked(loop))
        close_pending(&loop->tasks.pending);
}

/* Prints a name escaped: it may come from a peer, and goes to a terminal. */
static size_t print_name(const char *noun, const char *name, char *buf, size_t size)
{
    char text[400];

    eddyi_printable(name, SIZE_MAX, text, sizeof text);
    return (size_t)snprintf(buf, size, ": %s '%s'", noun, text);
}

void eddyi_print_names(const eddy_exception_context *context, char *buf, size_t size)
{
    size_t n = 0;

    if (context->task)
        n = print_name("task", eddy_task_get_name(context->task), buf, size);
    if (context->coroutine && n < size)
        print_name("coroutine", eddy_coroutine_name(context->coroutine), buf + n, size - n);
}

static void describe_ready(struct eddyi_ready *r, char *buf, size_t size)
{
    if (r->run == eddyi_task_run) {
        eddy_task *t = eddyi_container(r, struct eddy_task, ready);

        snprintf(buf, size, "a step of task '%s'%s%s", eddy_task_get_name(t),
                 t->where ? ", made at " : "", t->where ? t->where : "");
    } else {
        snprintf(buf, size, "a callback");
    }
}

/* Returns the task on whose stack control is, or with @left was: the loop may have another current
 * task already. */
static eddy_task *task_at(const void *addr, bool left)
{
    eddy_loop *loop = eddyi_loop_running;
    eddy_task *t = loop ? loop->tasks.current : eddyi_forked.task;

    if (!left)
        return t && t->stack && eddyi_stack_guards(t->stack, addr) ? t : NULL;
    for (struct eddyi_list *l = loop ? loop->tasks.all.next : NULL; l && l != &loop->tasks.all;
         l = l->next) {
        t = eddyi_container(l, struct eddy_task, link);
        if (t->stack && t->stack->limit == addr)
            return t;
    }
    return NULL;
}

/* Describes a stack overflow. Called in a signal handler: neither allocates nor locks. */
static bool describe_overflow(const void *addr, bool left, char *buf, size_t size)
{
    eddy_task *t = task_at(addr, left);

    if (!t)
        return false;
    snprintf(buf, size,
             "stack overflow in task '%s' (coroutine '%s')%s%s: its stack has %zu bytes. Give it "
             "more with .stack_size, or all tasks with eddy_loop_options.stack_size.",
             t->name ? t->name : "Task", t->coro ? t->coro->name : "?",
             t->where ? ", created at " : "", t->where ? t->where : "", t->stack->size);
    return true;
}

void eddyi_loop_attach_tasks_slow(eddy_loop *loop)
{
    static const struct eddyi_task_hooks hooks = {
        .close = close_tasks,
        .close_memory = eddyi_task_pool_close,
        .drop = eddyi_done_callbacks_drop_queued,
        .describe_ready = describe_ready,
        .explain_deadlock = eddyi_explain_deadlock,
    };

    loop->tasks.hooks = &hooks;
    if (eddyi_loop_keeps(loop))
        eddyi_begin_keeping(loop);
    eddyi_error_set_offset(offsetof(struct eddy_task, error));
    atomic_store(&eddyi_print_names_hook, eddyi_print_names);
    eddyi_stack_use_init();
    if (!loop->no_fault_handler)
        eddyi_overflow_install(describe_overflow);
}
