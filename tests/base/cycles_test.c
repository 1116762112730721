/* Cycles in graphs. */
#include "harness/test.h"

#include "base/cycles.h"
#include "base/sys.h"

#include <stdio.h>
#include <string.h>

static void note(const size_t *nodes, size_t n, void *arg)
{
    char *text = arg;

    for (size_t i = 0; i < n; i++)
        sprintf(text + strlen(text), "%zu ", nodes[i]);
    strcat(text, "| ");
}

/* The cycles of a graph that is given by pairs of nodes. */
static const char *cycles_of(size_t n, size_t n_edges, const size_t pairs[][2])
{
    static char text[200];
    size_t from[20], to[20], *first, *targets;

    text[0] = '\0';
    for (size_t i = 0; i < n_edges; i++) {
        from[i] = pairs[i][0];
        to[i] = pairs[i][1];
    }
    REQUIRE(eddyi_graph_build(n, from, to, n_edges, &first, &targets) == 0);
    EXPECT_EQ(eddyi_graph_cycles(&(struct eddyi_graph){n, first, targets}, note, text), 0);
    eddyi_free(first);
    eddyi_free(targets);
    return text;
}

TEST(a_graph_without_cycles_has_none)
{
    EXPECT_STR(cycles_of(0, 0, NULL), "");
    EXPECT_STR(cycles_of(3, 0, NULL), "");
    EXPECT_STR(cycles_of(4, 5, (size_t[][2]){{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}}), "");
}

TEST(each_cycle_is_found_in_its_order)
{
    EXPECT_STR(cycles_of(1, 1, (size_t[][2]){{0, 0}}), "0 | ");
    EXPECT_STR(cycles_of(3, 3, (size_t[][2]){{0, 2}, {2, 1}, {1, 0}}), "0 2 1 | ");
    EXPECT_STR(cycles_of(5, 5, (size_t[][2]){{4, 0}, {0, 1}, {1, 0}, {2, 3}, {3, 2}}),
               "0 1 | 2 3 | ");
    EXPECT_STR(cycles_of(3, 4, (size_t[][2]){{0, 1}, {1, 0}, {1, 2}, {2, 0}}), "0 1 | 0 1 2 | ");
}

static void count(const size_t *nodes, size_t n, void *arg)
{
    *(size_t *)arg = n;
}

TEST(a_cycle_may_be_longer_than_the_stack_is_deep)
{
    size_t n = 1000000, *from = eddyi_alloc(n * sizeof *from), *to = eddyi_alloc(n * sizeof *to),
           *first, *targets;
    size_t length = 0;

    REQUIRE(from && to);
    for (size_t i = 0; i < n; i++) {
        from[i] = i;
        to[i] = (i + 1) % n;
    }
    REQUIRE(eddyi_graph_build(n, from, to, n, &first, &targets) == 0);
    eddyi_graph_cycles(&(struct eddyi_graph){n, first, targets}, count, &length);
    EXPECT_EQ(length, n);
    eddyi_free(from);
    eddyi_free(to);
    eddyi_free(first);
    eddyi_free(targets);
}
