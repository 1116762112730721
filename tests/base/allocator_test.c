/* An allocator of the program's own: all memory comes from it, and goes back to it. */
#include "harness/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char output[1000];

/* Before each block: the mark by which its release is known to be right. */
enum { HEADER = 16 };
static const char mark[HEADER] = "the allocator's";
static atomic_int n_allocated, n_released;

static void *marked(char *p)
{
    if (!p)
        return NULL;
    memcpy(p, mark, HEADER);
    return p + HEADER;
}

static char *block_of(void *p)
{
    char *block = (char *)p - HEADER;

    if (memcmp(block, mark, HEADER) != 0) {
        printf("foreign memory");
        fflush(stdout);
        abort();
    }
    return block;
}

static void *my_malloc(size_t size)
{
    n_allocated++;
    return marked(malloc(size + HEADER));
}

static void *my_calloc(size_t n, size_t size)
{
    n_allocated++;
    return marked(calloc(1, n * size + HEADER));
}

static void *my_realloc(void *p, size_t size)
{
    if (!p)
        n_allocated++;
    return marked(realloc(p ? block_of(p) : NULL, size + HEADER));
}

static void my_free(void *p)
{
    char *block = p ? block_of(p) : NULL;

    if (p)
        n_released++;
    free(block);
}

static eddy_async(child, (eddy_queue *, q))
{
    eddy_try(eddy_sleep(0.001));
    return eddy_queue_put(q, q);
}

static eddy_async(use_much)
{
    eddy_reader *r[2];
    eddy_writer *w[2];
    const char *line;
    eddy_queue q;
    eddy_task *t = NULL;
    int rc;

    eddy_queue_init(&q, 0);
    t = eddy_create_task(child(&q));
    eddy_try(eddy_await(t));
    eddy_queue_fini(&q);
    eddy_try(eddy_memory_pair_open(0, r, w));
    eddy_try(eddy_writer_write(w[0], "hello\n", 6));
    rc = (int)eddy_reader_readline(r[1], &line);
    eddy_writer_free(w[0]);
    eddy_writer_free(w[1]);
    return rc;
}

static void use_an_allocator(void *unused)
{
    int rc = eddy_set_allocator(my_malloc, my_calloc, my_realloc, my_free);

    printf("%d ", rc);
    printf("%d ", eddy_run(use_much()));
    printf("%d ", n_allocated > 5 && n_released > 5);
    rc = eddy_set_allocator(malloc, calloc, realloc, free);
    printf("%d %s", rc == EDDY_EMISUSE, eddy_exception_message(eddy_error()));
}

TEST(all_memory_comes_from_the_programs_allocator_and_goes_back_to_it, .whole = true)
{
    if (test_tortured())
        return;
    EXPECT_EQ(test_in_child(use_an_allocator, NULL, output, sizeof output), 0);
    EXPECT_STR(output,
               "0 6 1 1 the allocator must be set before eddy is used: memory is allocated");
}

static void set_after_a_coroutine_was_made(void *unused)
{
    eddy_coroutine *coro = use_much();

    printf("%d", eddy_set_allocator(my_malloc, my_calloc, my_realloc, my_free) == EDDY_EMISUSE);
    eddy_coroutine_close(coro);
}

TEST(an_allocator_that_comes_too_late_is_refused)
{
    EXPECT_EQ(test_in_child(set_after_a_coroutine_was_made, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "1");
}

static void set_half(void *unused)
{
    printf("%d ", eddy_set_allocator(my_malloc, NULL, my_realloc, my_free) == -EINVAL);
    printf("%d", eddy_set_allocator(my_malloc, my_calloc, my_realloc, my_free));
}

TEST(half_an_allocator_is_refused)
{
    EXPECT_EQ(test_in_child(set_half, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "1 0");
}
