#include "tasks.h"

#include "depth.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

void format_waiters(const struct snapshot *s, size_t task, char *buf, size_t size)
{
    bool fits = true;

    buf[0] = '\0';
    /* Edges are in the order of the tasks that they lead to. */
    for (size_t i = snapshot_first_edge(s, task); i < s->n_edges && s->edges[i].to == task && fits;
         i++) {
        const struct edge *e = &s->edges[i];

        fits = append_text(buf, size, *buf ? ", " : "") &&
               append_text(buf, size, s->tasks[e->from].name) &&
               (!*e->by || (append_text(buf, size, " (") && append_text(buf, size, e->by) &&
                            append_text(buf, size, ")")));
    }
}

void print_table(const struct snapshot *s)
{
    static const char *const titles[] = {"LOOP",       "TID",   "TASK ID",   "NAME",
                                         "STATE",      "FOR",   "WAITS FOR", "COROUTINES",
                                         "AWAITED BY", "STACK", "CREATED AT"};
    struct table table;

    table_init(&table, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; i < s->n_tasks; i++) {
        const struct task *t = &s->tasks[i];
        char since[32] = "", waiters[200], depth[48];

        if (t->has_since)
            format_duration(t->since, since, sizeof since);
        format_waiters(s, i, waiters, sizeof waiters);
        format_depth(t, depth, sizeof depth);
        table_add(&table, "%u", s->loops[t->loop].number);
        table_add(&table, "%d", s->loops[t->loop].tid);
        table_add(&table, "0x%" PRIx64, t->address);
        table_add(&table, "%s", t->name);
        table_add(&table, "%s%s", task_state_name(t->state),
                  t->cancelling > 0 ? ", cancelling" : "");
        table_add(&table, "%s", since);
        table_add(&table, "%s", t->waits_for);
        table_add(&table, "%s", t->coroutines);
        table_add(&table, "%s", waiters);
        table_add(&table, "%s", depth);
        table_add(&table, "%s", t->where);
    }
    table_print(&table, s->n_tasks, 0);
    table_free(&table);
}

/* Writes the activity of a loop: "waits for events", "busy"; a loop that hangs has been busy for
 * long. */
void format_activity(const struct loop *l, char *buf, size_t size)
{
    char since[32];

    format_duration(l->clock - l->read_at < 0 ? 0 : l->clock - l->read_at, since, sizeof since);
    if (!l->running)
        snprintf(buf, size, "does not run");
    else if (l->asleep)
        snprintf(buf, size, "waits for events");
    else if (l->clock - l->read_at < 1)
        snprintf(buf, size, "busy");
    else
        snprintf(buf, size, "busy with one callback or task for %s", since);
}

void print_loops(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_loops; i++) {
        const struct loop *l = &s->loops[i];
        char activity[80];

        format_activity(l, activity, sizeof activity);
        printf("loop %u: %s%s%s%s, ", l->number, l->backend, *l->backend_reason ? " (" : "",
               l->backend_reason, *l->backend_reason ? ")" : "");
        if (l->tid)
            printf("thread %d, ", l->tid);
        printf("%s, %" PRIu64 " turn%s, %zu task%s, %" PRIu64 " timer%s\n", activity, l->turns,
               l->turns == 1 ? "" : "s", l->n_tasks, l->n_tasks == 1 ? "" : "s", l->timers,
               l->timers == 1 ? "" : "s");
    }
}
