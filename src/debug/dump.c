#include "debug/dump.h"

#include "base/sys.h"
#include "debug/backtrace.h"
#include "debug/symbols.h"
#include "eddy/debug.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/waits.h"

#include <stdio.h>

struct dump {
    struct eddyi_symbols symbols;
    int fd;
    int error; /* the first; nothing more is written then */
    size_t length;
    char text[1024];
};

static void flush(struct dump *d)
{
    if (d->error == 0)
        d->error = eddyi_sys_write_all(d->fd, d->text, d->length);
    d->length = 0;
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
        d->length += (size_t)n < sizeof d->text - d->length ? (size_t)n : sizeof d->text - d->length - 1;
}

static void print_seconds_since(struct dump *d, const eddy_loop *loop, int64_t since)
{
    print(d, " for %.3f s", (double)(eddyi_loop_now(loop) - since) * 1e-9);
}

static void print_state(struct dump *d, const eddy_task *t)
{
    const eddy_loop *loop = t->future.loop;
    const struct eddyi_wait *w = t->wait;
    char what[200];

    if (t == loop->current) {
        print(d, "running");
    } else if (!eddyi_list_empty(&t->ready.link) || (w && w->over)) {
        print(d, t->started ? "ready" : "ready, not started");
    } else if (w) {
        eddyi_wait_print(w, what, sizeof what);
        print(d, "waiting for %s", what);
        print_seconds_since(d, loop, w->since);
    } else {
        print(d, "starting another task");
    }
    if (t->cancelling > 0)
        print(d, ", cancel requested %d time%s", t->cancelling, t->cancelling == 1 ? "" : "s");
}

/* The outermost first, which is at the end of the list: each finds its predecessor anew, for there is no memory. */
static void print_coroutines(struct dump *d, const eddy_task *t)
{
    const eddy_coroutine *last = NULL;

    if (!t->coro)
        return;
    print(d, "    in ");
    while (last != t->coro) {
        const eddy_coroutine *c = t->coro;

        while (c->outer != last)
            c = c->outer;
        print(d, "%s%s", last ? " > " : "", c->name);
        last = c;
    }
    print(d, "\n");
}

static void print_waiters(struct dump *d, const eddy_task *t)
{
    const char *before = "    awaited by ";
    char name[100];

    EDDYI_LIST_EACH(l, &t->future.hooks) {
        eddy_future *waiter = eddyi_container(l, struct eddyi_hook, link)->waiter;

        if (!waiter)
            continue;
        if (eddy_future_as_task(waiter)) {
            eddyi_task_print_name(eddyi_task_of(waiter), name, sizeof name);
            print(d, "%stask '%s'", before, name);
        } else {
            print(d, "%sa %s", before, waiter->ops->noun);
        }
        before = ", ";
    }
    if (*before == ',')
        print(d, "\n");
}

static void print_stack(struct dump *d, const eddy_task *t)
{
    const void *frames[EDDYI_BACKTRACE_MAX];
    size_t n = t->started ? eddyi_backtrace(t, frames, EDDYI_BACKTRACE_MAX) : 0;
    char where[256];

    for (size_t i = 0; i < n; i++) {
        eddyi_symbols_print(&d->symbols, frames[i], where, sizeof where);
        print(d, "    #%-2zu %s\n", i, where);
    }
}

static void print_task(struct dump *d, const eddy_task *t)
{
    char name[100];

    eddyi_task_print_name(t, name, sizeof name);
    print(d, "\ntask '%s': ", name);
    print_state(d, t);
    print(d, "\n");
    if (t->where)
        print(d, "    created at %s\n", t->where);
    print_coroutines(d, t);
    print_waiters(d, t);
    print_stack(d, t);
}

int eddyi_dump(eddy_loop *loop, int fd)
{
    struct dump d = {.fd = fd};
    size_t n = 0;

    EDDYI_LIST_EACH(l, &loop->tasks)
        n++;
    print(&d, "loop %u (%s, thread %d): %zu task%s\n", loop->number, eddy_loop_backend_name(loop), loop->tid, n,
          n == 1 ? "" : "s");
    EDDYI_LIST_EACH(l, &loop->tasks)
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
    rc = eddyi_dump(loop, fd);
    return rc < 0 ? eddy_raise(rc, "the dump of the tasks cannot be written") : 0;
}
