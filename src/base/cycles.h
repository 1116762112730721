/*
 * Cycles in a directed graph, such as tasks that wait for each other.
 */
#ifndef EDDYI_CYCLES_H
#define EDDYI_CYCLES_H

#include <stddef.h>

/*
 * A graph of nodes 0 to n - 1. Node i points to targets[first[i]] up to, not including,
 * targets[first[i + 1]].
 */
struct eddyi_graph {
    size_t n;
    const size_t *first; /* n + 1 elements */
    const size_t *targets;
};

/*
 * Calls found() with the nodes of a cycle, in order, the last pointing to the first: once for each
 * edge that closes a cycle in a walk through the graph, so at least once for every set of nodes on
 * common cycles. Returns 0 or -ENOMEM.
 */
int eddyi_graph_cycles(const struct eddyi_graph *g,
                       void (*found)(const size_t *nodes, size_t n, void *arg), void *arg);

/*
 * Builds the arrays of a graph from edges: each of @n_edges points from from[i] to to[i]. The
 * caller owns *ret_first and *ret_targets and frees them with eddyi_free(). Returns 0 or -ENOMEM.
 */
int eddyi_graph_build(size_t n, const size_t *from, const size_t *to, size_t n_edges,
                      size_t **ret_first, size_t **ret_targets);

#endif
