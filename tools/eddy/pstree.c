/*
 * eddy pstree: below each task the tasks that it waits for.
 *
 * The trees begin with the tasks that no other task waits for. Then the tasks in cycles, and the
 * tasks that only those wait for, are in no tree yet; the first of them begins another. A task is
 * shown in full once. No walk is recursive: a chain of tasks may be longer than the stack is deep.
 */
#include "tasks.h"

#include "base/cycles.h"
#include "base/sys.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines beyond this level are not indented further, so that a long chain does not fill the disk
 * with blanks. */
enum { MAX_INDENTED = 40 };

struct tree {
    const struct snapshot *s;
    struct eddyi_graph graph; /* from each waiting task to the awaited ones */
    size_t *first, *targets;
    bool *shown, *on_path, *awaited; /* of each task */
    struct level {
        size_t task, next_target, prefix_length;
    } * path; /* from the root to the task that is printed now */
    size_t depth;
    /* the text before each line below the present task */
    char prefix[MAX_INDENTED * sizeof "│   "];
};

static void print_task(const struct snapshot *s, const struct task *t)
{
    char since[32];

    printf("%s", t->name);
    if (*t->coroutines)
        printf(": %s", t->coroutines);
    if (t->has_since) {
        format_duration(t->since, since, sizeof since);
        printf("  [waiting %s: %s]", since, t->waits_for);
    } else {
        printf("  [%s]", task_state_name(t->state));
    }
    if (t->cancelling > 0)
        printf(" cancelling");
}

static void print_line(struct tree *tree, size_t task, bool last)
{
    printf("%s%s", tree->prefix, tree->depth == 0 ? "" : last ? "└── " : "├── ");
    if (tree->shown[task])
        printf("%s  %s", tree->s->tasks[task].name,
               tree->on_path[task] ? "(in a cycle: see above)" : "(see above)");
    else
        print_task(tree->s, &tree->s->tasks[task]);
    putchar('\n');
}

/* Descends into a task that has not been shown. */
static void descend(struct tree *tree, size_t task, bool last)
{
    size_t length = strlen(tree->prefix);

    tree->path[tree->depth] = (struct level){task, tree->first[task], length};
    if (tree->depth > 0 && tree->depth < MAX_INDENTED)
        strcpy(tree->prefix + length, last ? "    " : "│   ");
    tree->depth++;
    tree->shown[task] = tree->on_path[task] = true;
}

static void ascend(struct tree *tree)
{
    struct level *level = &tree->path[--tree->depth];

    tree->prefix[level->prefix_length] = '\0';
    tree->on_path[level->task] = false;
}

static void print_from(struct tree *tree, size_t root)
{
    print_line(tree, root, true);
    descend(tree, root, true);
    while (tree->depth > 0) {
        struct level *level = &tree->path[tree->depth - 1];
        size_t end = tree->first[level->task + 1], task;
        bool last, expand;

        if (level->next_target == end) {
            ascend(tree);
            continue;
        }
        task = tree->targets[level->next_target++];
        last = level->next_target == end;
        expand = !tree->shown[task];
        print_line(tree, task, last);
        if (expand)
            descend(tree, task, last);
    }
}

static void print_cycle(const size_t *nodes, size_t n, void *arg)
{
    struct tree *tree = arg;

    printf("cycle: ");
    for (size_t i = 0; i < n; i++)
        printf("%s → ", tree->s->tasks[nodes[i]].name);
    printf("%s\n", tree->s->tasks[nodes[0]].name);
}

static int build(struct tree *tree, const struct snapshot *s)
{
    size_t *from = calloc(s->n_edges + 1, sizeof *from), *to = calloc(s->n_edges + 1, sizeof *to);
    int rc = -ENOMEM;

    tree->s = s;
    tree->shown = calloc(s->n_tasks + 1, sizeof(bool));
    tree->on_path = calloc(s->n_tasks + 1, sizeof(bool));
    tree->awaited = calloc(s->n_tasks + 1, sizeof(bool));
    tree->path = calloc(s->n_tasks + 1, sizeof *tree->path);
    if (from && to && tree->shown && tree->on_path && tree->awaited && tree->path) {
        for (size_t i = 0; i < s->n_edges; i++) {
            from[i] = s->edges[i].from;
            to[i] = s->edges[i].to;
            tree->awaited[to[i]] = true;
        }
        rc = eddyi_graph_build(s->n_tasks, from, to, s->n_edges, &tree->first, &tree->targets);
    }
    free(from);
    free(to);
    if (rc == 0)
        tree->graph = (struct eddyi_graph){s->n_tasks, tree->first, tree->targets};
    return rc;
}

static void print_loop(struct tree *tree, size_t loop)
{
    const struct snapshot *s = tree->s;

    for (int only_roots = 1; only_roots >= 0; only_roots--)
        for (size_t i = 0; i < s->n_tasks; i++)
            if (s->tasks[i].loop == loop && !tree->shown[i] && !(only_roots && tree->awaited[i]))
                print_from(tree, i);
}

int print_tree(const struct snapshot *s, int pid)
{
    struct tree tree = {.depth = 0};
    int rc = build(&tree, s);

    for (size_t i = 0; i < s->n_loops && rc == 0; i++) {
        char activity[80];

        format_activity(&s->loops[i], activity, sizeof activity);
        printf("%sprocess %d, loop %u (%s, thread %d), %zu task%s, %s\n", i ? "\n" : "", pid,
               s->loops[i].number, s->loops[i].backend, s->loops[i].tid, s->loops[i].n_tasks,
               s->loops[i].n_tasks == 1 ? "" : "s", activity);
        print_loop(&tree, i);
    }
    if (rc == 0)
        rc = eddyi_graph_cycles(&tree.graph, print_cycle, &tree);
    eddyi_free(tree.first);
    eddyi_free(tree.targets);
    free(tree.shown);
    free(tree.on_path);
    free(tree.awaited);
    free(tree.path);
    return rc;
}
