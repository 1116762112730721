#include "base/cycles.h"

#include "base/sys.h"

enum { OFF_PATH = 0, DONE = -1 }; /* otherwise the place on the path, plus one */

/* A depth-first walk without recursion, since chains may be longer than any stack. */
struct walk {
    const struct eddyi_graph *g;
    size_t *path, *next_edge; /* of each node on the path: the edge to follow next */
    long *state;              /* of each node */
    size_t length;
    void (*found)(const size_t *nodes, size_t n, void *arg);
    void *arg;
};

static void enter(struct walk *w, size_t node)
{
    w->path[w->length] = node;
    w->next_edge[w->length] = w->g->first[node];
    w->state[node] = (long)++w->length;
}

static void walk_from(struct walk *w, size_t start)
{
    enter(w, start);
    while (w->length > 0) {
        size_t top = w->length - 1, node = w->path[top], target;

        if (w->next_edge[top] == w->g->first[node + 1]) {
            w->state[node] = DONE;
            w->length--;
            continue;
        }
        target = w->g->targets[w->next_edge[top]++];
        if (w->state[target] == OFF_PATH)
            enter(w, target);
        else if (w->state[target] > 0)
            w->found(w->path + w->state[target] - 1, w->length - (size_t)w->state[target] + 1,
                     w->arg);
    }
}

int eddyi_graph_cycles(const struct eddyi_graph *g,
                       void (*found)(const size_t *nodes, size_t n, void *arg), void *arg)
{
    struct walk w = {.g = g, .found = found, .arg = arg};
    int rc = -ENOMEM;

    w.path = eddyi_alloc(g->n * sizeof *w.path);
    w.next_edge = eddyi_alloc(g->n * sizeof *w.next_edge);
    w.state = eddyi_zalloc(g->n * sizeof *w.state);
    if (w.path && w.next_edge && w.state) {
        for (size_t i = 0; i < g->n; i++)
            if (w.state[i] == OFF_PATH)
                walk_from(&w, i);
        rc = 0;
    }
    eddyi_free(w.path);
    eddyi_free(w.next_edge);
    eddyi_free(w.state);
    return rc;
}

int eddyi_graph_build(size_t n, const size_t *from, const size_t *to, size_t n_edges,
                      size_t **ret_first, size_t **ret_targets)
{
    size_t *first = eddyi_zalloc((n + 2) * sizeof *first),
           *targets = eddyi_alloc(n_edges * sizeof *targets);

    if (!first || !targets) {
        eddyi_free(first);
        eddyi_free(targets);
        return -ENOMEM;
    }
    /* Counted two places further up, summed one further up, and moved into place by filling in. */
    for (size_t i = 0; i < n_edges; i++)
        first[from[i] + 2]++;
    for (size_t i = 2; i < n + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < n_edges; i++)
        targets[first[from[i] + 1]++] = to[i];
    *ret_first = first;
    *ret_targets = targets;
    return 0;
}
