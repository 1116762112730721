#include "task/waits.h"

#include "base/sys.h"
#include "loop/loop.h"

#include <stdio.h>

struct eddyi_numbered_task {
    const eddy_task *task;
    size_t number;
};

/* Futures that wait for futures, each in turn: a gather of gathers. Beyond so many nobody follows. */
enum { MAX_DEPTH = 32 };

static int compare(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct eddyi_numbered_task *)a)->task;
    uintptr_t y = (uintptr_t)((const struct eddyi_numbered_task *)b)->task;

    return (x > y) - (x < y);
}

static int list_tasks(struct eddyi_waits *w, eddy_loop *loop)
{
    size_t i = 0;

    EDDYI_LIST_EACH(l, &loop->tasks)
        w->n++;
    w->tasks = eddyi_alloc(w->n * sizeof w->tasks[0]);
    w->by_address = eddyi_alloc(w->n * sizeof w->by_address[0]);
    if (!w->tasks || !w->by_address)
        return -ENOMEM;
    EDDYI_LIST_EACH(l, &loop->tasks) {
        w->tasks[i] = eddyi_container(l, struct eddy_task, link);
        w->by_address[i] = (struct eddyi_numbered_task){w->tasks[i], i};
        i++;
    }
    qsort(w->by_address, w->n, sizeof w->by_address[0], compare);
    return 0;
}

/* -1: it is of another loop, or has ended. */
static long number_of(const struct eddyi_waits *w, const eddy_task *t)
{
    struct eddyi_numbered_task key = {t, 0}, *found;

    found = bsearch(&key, w->by_address, w->n, sizeof key, compare);
    return found ? (long)found->number : -1;
}

static int add_edge(struct eddyi_waits *w, size_t from, size_t to)
{
    size_t room = w->room ? 2 * w->room : 64;
    size_t *grown;

    if (w->n_edges == w->room) {
        grown = eddyi_realloc(w->from, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        w->from = grown;
        grown = eddyi_realloc(w->to, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        w->to = grown;
        w->room = room;
    }
    w->from[w->n_edges] = from;
    w->to[w->n_edges++] = to;
    return 0;
}

/* Adds an edge from everybody who waits for @f, directly or by way of other futures. */
static int add_waiters(struct eddyi_waits *w, const eddy_future *f, size_t to, int depth)
{
    int rc = 0;

    EDDYI_LIST_EACH(l, &f->hooks) {
        eddy_future *waiter = eddyi_container(l, struct eddyi_hook, link)->waiter;
        eddy_task *t = eddy_future_as_task(waiter);

        if (rc < 0 || !waiter || eddyi_future_done(waiter))
            continue;
        if (t && number_of(w, t) >= 0)
            rc = add_edge(w, (size_t)number_of(w, t), to);
        else if (!t && depth < MAX_DEPTH)
            rc = add_waiters(w, waiter, to, depth + 1);
    }
    return rc;
}

/* Adds an edge to the task that holds the lock that @i waits for. */
static int add_holder(struct eddyi_waits *w, size_t i)
{
    const struct eddyi_wait *wait = w->tasks[i]->wait;
    long holder = wait && wait->holder ? number_of(w, *wait->holder) : -1;

    return holder < 0 ? 0 : add_edge(w, i, (size_t)holder);
}

int eddyi_waits_init(struct eddyi_waits *w, eddy_loop *loop)
{
    int rc;

    *w = (struct eddyi_waits){.n = 0};
    rc = list_tasks(w, loop);
    for (size_t i = 0; i < w->n && rc == 0; i++) {
        rc = add_waiters(w, &w->tasks[i]->future, i, 0);
        if (rc == 0)
            rc = add_holder(w, i);
    }
    return rc;
}

void eddyi_waits_fini(struct eddyi_waits *w)
{
    eddyi_free(w->tasks);
    eddyi_free(w->by_address);
    eddyi_free(w->from);
    eddyi_free(w->to);
}

void eddyi_task_print_name(const eddy_task *t, char *buf, size_t size)
{
    if (t->name)
        snprintf(buf, size, "%s", t->name);
    else
        snprintf(buf, size, "Task-%llu", (unsigned long long)t->number);
}

void eddyi_wait_print(const struct eddyi_wait *w, char *buf, size_t size)
{
    const eddy_task *t = eddy_future_as_task(w->future);
    char name[100];

    if (t) {
        eddyi_task_print_name(t, name, sizeof name);
        snprintf(buf, size, "task '%s'", name);
    } else if (w->future) {
        snprintf(buf, size, "a %s", w->future->ops->noun);
    } else if (w->on_fd) {
        snprintf(buf, size, "%s on descriptor %d", w->what, w->fd);
    } else {
        snprintf(buf, size, "%s", w->what ? w->what : "an event");
    }
}
