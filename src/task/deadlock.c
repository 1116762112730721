/*
 * The deadlock report: under the virtual clock nothing is ready and nothing is due, so no task will
 * ever wake.
 */
#include "base/cycles.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/wait_graph.h"

#include <stdio.h>

struct report {
    struct eddyi_wait_graph waits;
    bool *told; /* for each task: it is in the report */
    size_t length;
    char text[2000];
};

static __attribute__((format(printf, 2, 3))) void add(struct report *r, const char *fmt, ...)
{
    size_t room = sizeof r->text - r->length;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(r->text + r->length, room, fmt, args);
    va_end(args);
    if (n > 0)
        r->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_task(struct report *r, const eddy_task *t, bool with_place)
{
    char name[100];

    eddyi_task_print_name(t, name, sizeof name);
    add(r, "task '%s'", name);
    if (with_place && t->where)
        add(r, " (%s)", t->where);
}

/* Adds "task 'a' (x.c:1) waits for task 'b' (x.c:2), which waits for task 'a'". */
static void add_cycle(const size_t *nodes, size_t n, void *arg)
{
    struct report *r = arg;

    add(r, "%s", r->length ? "; " : "");
    for (size_t i = 0; i < n; i++) {
        const eddy_task *t = r->waits.tasks[nodes[i]];

        r->told[nodes[i]] = true;
        add_task(r, t, true);
        add(r, "%s waits for %s", i > 0 ? ", which" : "",
            t->wait && t->wait->holder ? "a lock of " : "");
    }
    add_task(r, r->waits.tasks[nodes[0]], false);
}

static void add_cycles(struct report *r)
{
    struct eddyi_wait_graph *w = &r->waits;
    struct eddyi_graph g = {.n = w->n};
    size_t *first, *targets;

    if (eddyi_graph_build(w->n, w->from, w->to, w->n_edges, &first, &targets) < 0)
        return;
    g.first = first;
    g.targets = targets;
    eddyi_graph_cycles(&g, add_cycle, r);
    eddyi_free(first);
    eddyi_free(targets);
}

/* Adds the tasks that a task waits for through a gather, a group or their kind. */
static void add_members(struct report *r, size_t node)
{
    const char *before = ": ";

    for (size_t i = 0; i < r->waits.n_edges; i++) {
        if (r->waits.from[i] != node)
            continue;
        add(r, "%s", before);
        add_task(r, r->waits.tasks[r->waits.to[i]], false);
        before = ", ";
    }
}

static void add_wait(struct report *r, const eddy_task *t)
{
    char what[200];

    add(r, "%s", r->length ? "; " : "");
    add_task(r, t, true);
    if (!t->wait)
        return;
    eddyi_wait_print(t->wait, what, sizeof what);
    add(r, " waits for %s", what);
}

static void add_everybody_else(struct report *r)
{
    for (size_t i = 0; i < r->waits.n && r->length < sizeof r->text - 1; i++) {
        const eddy_task *t = r->waits.tasks[i];

        if (r->told[i])
            continue;
        add_wait(r, t);
        if (t->wait && !eddy_future_as_task(t->wait->future))
            add_members(r, i);
    }
}

int eddyi_explain_deadlock(eddy_loop *loop)
{
    struct report r = {.length = 0};

    if (eddyi_wait_graph_init(&r.waits, loop) == 0 && (r.told = eddyi_zalloc(r.waits.n)) != NULL) {
        add_cycles(&r);
        add_everybody_else(&r);
    } else {
        EDDYI_LIST_EACH(l, &loop->tasks.all)
            add_wait(&r, eddyi_container(l, struct eddy_task, link));
    }
    eddyi_free(r.told);
    eddyi_wait_graph_fini(&r.waits);
    return eddy_raise(-EDEADLK, "deadlock: nothing is ready and no timer is pending: %s",
                      r.length ? r.text : "there is no task");
}
