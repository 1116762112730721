#include "task/wait_graph.h"

#include "base/printable.h"
#include "base/sys.h"
#include "loop/loop.h"

#include <stdio.h>

struct eddyi_numbered_task {
    const eddy_task *task;
    size_t number;
};

static int compare(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct eddyi_numbered_task *)a)->task;
    uintptr_t y = (uintptr_t)((const struct eddyi_numbered_task *)b)->task;

    return (x > y) - (x < y);
}

static int list_tasks(struct eddyi_wait_graph *w, eddy_loop *loop)
{
    size_t i = 0;

    EDDYI_LIST_EACH(l, &loop->tasks.all)
        w->n++;
    w->tasks = eddyi_alloc(w->n * sizeof w->tasks[0]);
    w->by_address = eddyi_alloc(w->n * sizeof w->by_address[0]);
    if (!w->tasks || !w->by_address)
        return -ENOMEM;
    EDDYI_LIST_EACH(l, &loop->tasks.all) {
        w->tasks[i] = eddyi_container(l, struct eddy_task, link);
        w->by_address[i] = (struct eddyi_numbered_task){w->tasks[i], i};
        i++;
    }
    qsort(w->by_address, w->n, sizeof w->by_address[0], compare);
    return 0;
}

/* Returns the number of @t, or -1 if it belongs to another loop or has ended. */
static long number_of(const struct eddyi_wait_graph *w, const eddy_task *t)
{
    struct eddyi_numbered_task key = {t, 0}, *found;

    found = bsearch(&key, w->by_address, w->n, sizeof key, compare);
    return found ? (long)found->number : -1;
}

static int add_edge(struct eddyi_wait_graph *w, size_t from, size_t to)
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

/* The intermediate futures that were found, linked by their values, which are not set yet; the last
 * is linked to itself. */
struct between {
    eddy_future *first, *last;
};

static void find(struct between *b, eddy_future *f)
{
    if (f->value)
        return;
    f->value = f;
    *(b->first ? &b->last->value : (void **)&b->first) = f;
    b->last = f;
}

static eddy_future *next_between(const eddy_future *f)
{
    return f->value == f ? NULL : f->value;
}

static int look_at_waiters(struct between *b, const eddy_future *f,
                           int (*each)(eddy_task *waiter, void *arg), void *arg)
{
    int rc = 0;

    EDDYI_LIST_EACH(l, &f->hooks) {
        eddy_future *waiter = eddyi_container(l, struct eddyi_hook, link)->waiter;

        if (rc < 0 || !waiter || eddyi_future_done(waiter))
            continue;
        if (eddy_future_as_task(waiter))
            rc = each(eddyi_task_of(waiter), arg);
        else
            find(b, waiter);
    }
    return rc;
}

int eddyi_waiters_each(const eddy_future *f, int (*each)(eddy_task *waiter, void *arg), void *arg)
{
    struct between b = {NULL, NULL};
    int rc = look_at_waiters(&b, f, each, arg);
    eddy_future *next;

    for (eddy_future *i = b.first; i && rc >= 0; i = next_between(i))
        rc = look_at_waiters(&b, i, each, arg);
    for (eddy_future *i = b.first; i; i = next) {
        next = next_between(i);
        i->value = NULL;
    }
    return rc < 0 ? rc : 0;
}

struct edges_to {
    struct eddyi_wait_graph *w;
    size_t to;
};

static int add_waiter(eddy_task *waiter, void *arg)
{
    struct edges_to *e = arg;
    long from = number_of(e->w, waiter);

    return from < 0 ? 0 : add_edge(e->w, (size_t)from, e->to);
}

/* Adds an edge to the task that holds the lock that task @i waits for. */
static int add_holder(struct eddyi_wait_graph *w, size_t i)
{
    const struct eddyi_wait *wait = w->tasks[i]->wait;
    long holder = wait && wait->holder ? number_of(w, *wait->holder) : -1;

    return holder < 0 ? 0 : add_edge(w, i, (size_t)holder);
}

int eddyi_wait_graph_init(struct eddyi_wait_graph *w, eddy_loop *loop)
{
    int rc;

    *w = (struct eddyi_wait_graph){.n = 0};
    rc = list_tasks(w, loop);
    for (size_t i = 0; i < w->n && rc == 0; i++) {
        rc = eddyi_waiters_each(&w->tasks[i]->future, add_waiter, &(struct edges_to){w, i});
        if (rc == 0)
            rc = add_holder(w, i);
    }
    return rc;
}

void eddyi_wait_graph_fini(struct eddyi_wait_graph *w)
{
    eddyi_free(w->tasks);
    eddyi_free(w->by_address);
    eddyi_free(w->from);
    eddyi_free(w->to);
}

void eddyi_task_print_name(const eddy_task *t, char *buf, size_t size)
{
    if (t->name)
        eddyi_printable(t->name, SIZE_MAX, buf, size);
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
