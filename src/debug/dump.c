#include "debug/dump.h"

#include "base/log.h"
#include "base/sys.h"
#include "debug/backtrace.h"
#include "debug/symbols.h"
#include "eddy/debug.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/wait.h"
#include "task/wait_graph.h"

#include <stdio.h>
#include <string.h>

/* The depth to which futures that wait for futures are followed. */
enum { MAX_DEPTH = 32 };

struct dump {
    struct eddyi_symbols symbols;
    int fd;
    int error;       /* the first one; nothing more is written then */
    size_t patience; /* steps that are left for searching */
    size_t length;
    char text[1024];
};

static void flush(struct dump *d)
{
    size_t n = d->length;

    if (d->fd == EDDYI_DUMP_TO_LOG)
        n = eddyi_log_lines(EDDY_LOG_INFO, d->text, d->length);
    else if (d->error == 0)
        d->error = eddyi_sys_write_all(d->fd, d->text, d->length);
    d->length -= n;
    memmove(d->text, d->text + n, d->length);
}

static __attribute__((format(printf, 2, 3))) void print(struct dump *d, const char *fmt, ...)
{
    va_list args;
    int n;

    if (d->length > sizeof d->text / 2)
        flush(d);
    va_start(args, fmt);
    n = vsnprintf(d->text + d->length, sizeof d->text - d->length, fmt, args);
    va_end(args);
    if (n > 0)
        d->length +=
            (size_t)n < sizeof d->text - d->length ? (size_t)n : sizeof d->text - d->length - 1;
}

/* Prints the holder of a lock, if it is among the tasks; it may have ended. */
static void print_holder(struct dump *d, const struct eddyi_wait *w)
{
    char name[100];

    if (!w->holder || !*w->holder)
        return;
    EDDYI_LIST_EACH(l, &w->task->future.loop->tasks.all) {
        const eddy_task *t = eddyi_container(l, struct eddy_task, link);

        if (d->patience == 0)
            return;
        d->patience--;
        if (t != *w->holder)
            continue;
        eddyi_task_print_name(t, name, sizeof name);
        print(d, " held by task '%s'", name);
        return;
    }
}

static void print_state(struct dump *d, const eddy_task *t)
{
    const eddy_loop *loop = t->future.loop;
    const struct eddyi_wait *w = t->wait;
    char what[200];

    if (t == loop->tasks.current) {
        print(d, "running");
    } else if (!eddyi_list_empty(&t->ready.link) || (w && w->over)) {
        print(d, t->started ? "ready" : "ready, not started");
    } else if (w) {
        eddyi_wait_print(w, what, sizeof what);
        print(d, "waiting %.3f s: %s", (double)(eddyi_loop_now(loop) - w->since) * 1e-9, what);
        print_holder(d, w);
    } else {
        print(d, "starting another task");
    }
    if (t->cancelling > 0)
        print(d, ", cancel requested %d time%s", t->cancelling, t->cancelling == 1 ? "" : "s");
}

/*
 * Prints the coroutines, the outermost first, which is the last of the list: each is searched for
 * anew, because no memory may be allocated.
 */
static void print_coroutines(struct dump *d, const eddy_task *t)
{
    const eddy_coroutine *last = NULL;

    if (!t->coro)
        return;
    print(d, "    in ");
    while (last != t->coro) {
        const eddy_coroutine *c = t->coro;

        for (; c->outer != last && d->patience > 0; d->patience--)
            c = c->outer;
        if (c->outer != last) {
            print(d, " > …");
            break;
        }
        print(d, "%s%s", last ? " > " : "", c->name);
        last = c;
    }
    print(d, "\n");
}

/* Prints the tasks that wait for @f, also through other futures. *any: a name has been printed
 * already. */
static void print_waiters(struct dump *d, const eddy_future *f, const char *by, int depth,
                          bool *any)
{
    char name[100];

    EDDYI_LIST_EACH(l, &f->hooks) {
        eddy_future *waiter = eddyi_container(l, struct eddyi_hook, link)->waiter;

        if (!waiter || eddyi_future_done(waiter) || d->patience == 0)
            continue;
        d->patience--;
        if (!eddy_future_as_task(waiter)) {
            if (depth < MAX_DEPTH)
                print_waiters(d, waiter, waiter->ops->noun, depth + 1, any);
            continue;
        }
        eddyi_task_print_name(eddyi_task_of(waiter), name, sizeof name);
        print(d, "%stask '%s'%s%s%s", *any ? ", " : "    awaited by ", name, *by ? " (" : "", by,
              *by ? ")" : "");
        *any = true;
    }
}

/* Prints the stack of a task; NULL: the calls that lead here. */
static void print_stack(struct dump *d, const eddy_task *t)
{
    const void *frames[EDDYI_BACKTRACE_MAX];
    size_t n = !t || t->started ? eddyi_backtrace(t, frames, EDDYI_BACKTRACE_MAX) : 0;
    char where[256];

    for (size_t i = 0; i < n; i++) {
        eddyi_symbols_print(&d->symbols, frames[i], where, sizeof where);
        print(d, "    #%-2zu %s\n", i, where);
    }
}

static void print_task(struct dump *d, const eddy_task *t)
{
    char name[100];
    bool awaited = false;

    eddyi_task_print_name(t, name, sizeof name);
    print(d, "\ntask '%s': ", name);
    print_state(d, t);
    print(d, "\n");
    if (t->where)
        print(d, "    created at %s\n", t->where);
    print_coroutines(d, t);
    print_waiters(d, &t->future, "", 0, &awaited);
    print(d, "%s", awaited ? "\n" : "");
    print_stack(d, t);
}

int eddyi_dump(eddy_loop *loop, int fd, bool interrupted)
{
    struct dump d = {.fd = fd, .patience = 10 * 1000 * 1000};
    size_t n = 0;

    EDDYI_LIST_EACH(l, &loop->tasks.all)
        n++;
    print(&d, "loop %u (%s, thread %d): %zu task%s\n", loop->introspection.number,
          eddy_loop_backend_name(loop), loop->introspection.tid, n, n == 1 ? "" : "s");
    if (interrupted && !loop->tasks.current) {
        print(&d, "\nbusy in a callback:\n");
        print_stack(&d, NULL);
    }
    EDDYI_LIST_EACH(l, &loop->tasks.all)
        print_task(&d, eddyi_container(l, struct eddy_task, link));
    flush(&d);
    eddyi_symbols_fini(&d.symbols);
    return d.error;
}

int eddy_dump_tasks(eddy_loop *loop, int fd)
{
    int rc;

    if (!loop)
        loop = eddy_get_event_loop();
    rc = eddyi_loop_check(loop);
    if (rc < 0)
        return rc;
    rc = eddyi_dump(loop, fd < 0 ? -1 : fd, false);
    return rc < 0 ? eddy_raise(rc, "the dump of the tasks cannot be written") : 0;
}
