/*
 * Cycles in a directed graph: who waits for whom, round and round.
 */
#ifndef EDDYI_CYCLES_H
#define EDDYI_CYCLES_H

#include <stddef.h>

/*
 * Nodes 0 to n - 1; those that node i points to are targets[first[i]] up to, not including,
 * targets[first[i + 1]].
 */
struct eddyi_graph {
    size_t n;
    const size_t *first; /* n + 1 of them */
    const size_t *targets;
};

/*
 * Calls found() with the nodes of a cycle, in order, the last pointing to the first: once for each
 * edge that closes one in a walk through the graph, so at least once for every set of nodes that
 * lie on common cycles. 0 or -ENOMEM.
 */
int eddyi_graph_cycles(const struct eddyi_graph *g,
                       void (*found)(const size_t *nodes, size_t n, void *arg), void *arg);

/*
 * Brings edges into that form: of each of @n_edges, from[i] points to to[i]. *ret_first and
 * *ret_targets are to be freed with eddyi_free(). 0 or -ENOMEM.
 */
int eddyi_graph_build(size_t n, const size_t *from, const size_t *to, size_t n_edges,
                      size_t **ret_first, size_t **ret_targets);

#endif
