#include "harness/test.h"

#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

static struct eddyi_heap heap;

static void insert(struct eddyi_heap_node *node, int64_t when)
{
    *node = (struct eddyi_heap_node){.place = 0};
    REQUIRE(eddyi_heap_insert(&heap, node, when) == 0);
}

static struct eddyi_heap_node *pop(void)
{
    struct eddyi_heap_node *first = eddyi_heap_first(&heap);

    if (first)
        eddyi_heap_remove(&heap, first);
    return first;
}

TEST_VIRTUAL(an_empty_heap_has_no_first)
{
    EXPECT(eddyi_heap_first(&heap) == NULL);
}

TEST_VIRTUAL(nodes_come_out_in_the_order_of_their_deadlines)
{
    struct eddyi_heap_node nodes[500];
    int64_t last = INT64_MIN;

    srand(1);
    for (int i = 0; i < 500; i++)
        insert(&nodes[i], rand() % 1000 - 500);

    for (int i = 0; i < 500; i++) {
        struct eddyi_heap_node *node = pop();

        REQUIRE(node != NULL);
        EXPECT(node->when >= last);
        last = node->when;
    }
    EXPECT(pop() == NULL);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(equal_deadlines_come_out_first_come_first_served)
{
    struct eddyi_heap_node nodes[100];

    for (int i = 0; i < 100; i++)
        insert(&nodes[i], i % 2);

    for (int i = 0; i < 100; i++)
        EXPECT(pop() == &nodes[i < 50 ? 2 * i : 2 * (i - 50) + 1]);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(any_node_can_leave_from_anywhere)
{
    struct eddyi_heap_node nodes[300];
    int64_t last = INT64_MIN;
    int left = 0;

    srand(2);
    for (int i = 0; i < 300; i++)
        insert(&nodes[i], rand() % 100);
    for (int i = 0; i < 300; i += 2)
        eddyi_heap_remove(&heap, &nodes[i]);

    for (struct eddyi_heap_node *node; (node = pop()) != NULL; left++) {
        EXPECT((node - nodes) % 2 == 1);
        EXPECT(node->when >= last);
        last = node->when;
    }
    EXPECT_EQ(left, 150);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(removing_a_node_that_is_in_no_heap_is_harmless)
{
    struct eddyi_heap_node in, out = {.place = 0};

    insert(&in, 1);
    eddyi_heap_remove(&heap, &out);
    EXPECT(pop() == &in);
    eddyi_heap_remove(&heap, &in);
    EXPECT(pop() == NULL);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(a_node_that_left_may_come_again_behind_its_equals)
{
    struct eddyi_heap_node a, b;

    insert(&a, 7);
    insert(&b, 7);
    eddyi_heap_remove(&heap, &a);
    REQUIRE(eddyi_heap_insert(&heap, &a, 7) == 0);

    EXPECT(pop() == &b);
    EXPECT(pop() == &a);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(a_heap_that_cannot_grow_says_so_and_keeps_what_it_has)
{
    struct eddyi_heap_node nodes[65];
    int rc = 0, n = 0;

    eddyi_fault_nth("realloc", 2, ENOMEM);
    for (; n < 65 && rc == 0; n++) {
        nodes[n] = (struct eddyi_heap_node){.place = 0};
        rc = eddyi_heap_insert(&heap, &nodes[n], -n);
    }
    EXPECT_EQ(rc, -ENOMEM);
    EXPECT_EQ(nodes[n - 1].place, 0);

    for (int i = n - 2; i >= 0; i--)
        EXPECT(pop() == &nodes[i]);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(the_first_is_taken_out_without_a_look_at_it)
{
    struct eddyi_heap_node nodes[100];

    for (int i = 0; i < 100; i++)
        insert(&nodes[i], 99 - i);
    for (int i = 99; i >= 0; i--) {
        EXPECT_EQ(eddyi_heap_first_when(&heap), 99 - i);
        EXPECT(eddyi_heap_first(&heap) == &nodes[i]);
        memset(&nodes[i], 0xff, sizeof nodes[i]);
        eddyi_heap_remove_first(&heap);
    }
    EXPECT_EQ(eddyi_heap_first_when(&heap), INT64_MAX);
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(nodes[i].when, -1);
    eddyi_heap_fini(&heap);
}

/* Returns the earliest node, found by comparing all @p n. */
static struct eddyi_heap_node *earliest(struct eddyi_heap_node *nodes, int n)
{
    struct eddyi_heap_node *least = NULL;

    for (int i = 0; i < n; i++) {
        struct eddyi_heap_node *node = &nodes[i];

        if (node->place && (!least || node->when < least->when ||
                            (node->when == least->when && node->order < least->order)))
            least = node;
    }
    return least;
}

TEST_VIRTUAL(the_first_is_the_earliest_whichever_nodes_come_and_leave_meanwhile)
{
    enum { N = 200, STEPS = 20000 };
    struct eddyi_heap_node nodes[N] = {{0}};
    size_t longest = 0;

    srand(3);
    for (int step = 0; step < STEPS; step++) {
        struct eddyi_heap_node *node = &nodes[rand() % N];

        if (node->place)
            eddyi_heap_remove(&heap, node);
        else
            insert(node, rand() % 20);
        if (rand() % 8 == 0)
            pop();
        longest = heap.n > longest ? heap.n : longest;
        REQUIRE(eddyi_heap_first(&heap) == earliest(nodes, N));
    }
    EXPECT(longest <= 2 * N + 2); /* gaps are closed */
    while (pop())
        ;
    EXPECT_EQ(heap.n, 0);
    EXPECT_EQ(heap.gaps, 0);
    eddyi_heap_fini(&heap);
}

TEST_VIRTUAL(those_that_left_a_heap_take_no_place_for_long)
{
    enum { N = 10000 };
    struct eddyi_heap_node first, *nodes = calloc(N, sizeof *nodes);

    REQUIRE(nodes != NULL);
    insert(&first, -1);
    for (int i = 0; i < N; i++)
        insert(&nodes[i], rand());
    for (int i = 0; i < N; i++)
        eddyi_heap_remove(&heap, &nodes[i]);
    EXPECT(heap.n < 200);
    EXPECT(pop() == &first);
    EXPECT_EQ(heap.n, 0);
    eddyi_heap_fini(&heap);
    free(nodes);
}
