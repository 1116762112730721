/*
 * The reader of another process's memory, on memory with errors in it. Here it reads its own process; on
 * the way some words are replaced by others: wild ones, null pointers, neighbours. Whatever it meets it
 * must come to an end, without a crash, and what it makes of it must be printable.
 */
#include "harness/test.h"

#include "locate.h"
#include "memory.h"
#include "snapshot.h"
#include "tasks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static struct memory memory;
static struct block blocks[MAX_BLOCKS];
static int n_blocks;
static int (*read_truly)(struct memory *m, uint64_t address, void *buf, size_t size);

static uint64_t state;

/* splitmix64: the same sequence for the same seed, everywhere. */
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* So many of a page's words are hit: 0 to 8, most often none. */
static unsigned hits(void)
{
    uint64_t r = next_random();

    return r % 4 ? 0 : (unsigned)(r >> 8) % 8 + 1;
}

static int read_with_errors(struct memory *m, uint64_t address, void *buf, size_t size)
{
    uint64_t *words = buf;
    int rc = read_truly(m, address, buf, size);

    for (unsigned i = rc < 0 ? 0 : hits(); i > 0; i--) {
        size_t at = next_random() % (size / 8), other = next_random() % (size / 8);

        switch (next_random() % 5) {
        case 0:
            words[at] = next_random();
            break;
        case 1:
            words[at] = 0;
            break;
        case 2:
            words[at] = words[other];
            break;
        case 3:
            words[at] += 8 * (next_random() % 64);
            break;
        case 4:
            words[at] ^= (uint64_t)1 << next_random() % 64;
            break;
        }
    }
    return rc;
}

/* The printing goes where nobody sees it. */
static void print_to_nowhere(const struct snapshot *s)
{
    fflush(stdout);
    print_table(s);
    print_tree(s, 1);
    print_loops(s);
    fflush(stdout);
}

static eddy_task *a, *b;

static eddy_async(await_the_other, (eddy_task **, other))
{
    return eddy_await(eddy_ref(*other));
}

static eddy_async(wait_for_the_other, (eddy_task **, other))
{
    return eddy_wait(other, 1, 1000, EDDY_ALL_COMPLETED);
}

static eddy_async(leaf)
{
    return eddy_sleep(100);
}

static eddy_async(both)
{
    return eddy_await(eddy_gather(leaf(), eddy_shield(leaf())));
}

static void locate(void)
{
    char reason[300] = "";

    memory_init(&memory, getpid());
    read_truly = memory.read;
    n_blocks = locate_blocks(&memory, blocks, reason, sizeof reason);
    if (n_blocks <= 0)
        FAIL("nothing located: %s", reason);
}

static void read_many_times(int times)
{
    struct snapshot s;

    for (int seed = 1; seed <= times; seed++) {
        state = (uint64_t)seed;
        memory.read = read_with_errors;
        if (EXPECT_EQ(snapshot_take(&s, &memory, blocks, n_blocks), 0)) {
            print_to_nowhere(&s);
            snapshot_free(&s);
        }
    }
    memory.read = read_truly;
}

/* Nobody is to be let wait behind, whatever failed. */
static int end_scene(eddy_task *t)
{
    (void)eddy_await(a);
    (void)eddy_await(b);
    (void)eddy_await(t);
    return 0;
}

static eddy_task *begin_scene(void)
{
    eddy_task *t = eddy_create_task(both(), .name = "both");

    a = eddy_create_task(await_the_other(&b), .name = "a");
    b = a ? eddy_create_task(wait_for_the_other(&a), .name = "b") : NULL;
    for (int i = 0; i < 3; i++)
        (void)eddy_sleep(0);
    return t;
}

TEST_ASYNC(sound_memory_gives_a_sound_picture)
{
    eddy_task *t = begin_scene();
    struct snapshot s;

    locate();
    if (t && b && n_blocks > 0 && EXPECT_EQ(snapshot_take(&s, &memory, blocks, n_blocks), 0)) {
        EXPECT(!s.torn);
        EXPECT_EQ(s.n_loops, 1);
        EXPECT_EQ(s.n_tasks, 6);
        EXPECT_EQ(s.n_edges, 4);
        EXPECT_STR(s.tasks[0].name, "Task-1");
        EXPECT_STR(task_state_name(s.tasks[0].state), "running");
        EXPECT_STR(s.tasks[1].name, "both");
        EXPECT_STR(s.tasks[1].waits_for, "a gather");
        EXPECT_STR(s.tasks[2].waits_for, "task 'b'");
        snapshot_free(&s);
    }
    return end_scene(t);
}

TEST_ASYNC(errors_in_memory_do_no_harm)
{
    eddy_task *t = begin_scene();
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

    locate();
    dup2(nowhere, STDOUT_FILENO);
    if (n_blocks > 0)
        read_many_times(test_tortured() ? 3 : 3000 / test_slowness());
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(nowhere);
    return end_scene(t);
}

/* Wherever one looks: in place of the table there is anything. */
TEST_ASYNC(a_table_with_errors_does_no_harm)
{
    struct block wrong[MAX_BLOCKS];
    struct snapshot s;

    locate();
    for (uint64_t seed = 1; seed <= 2000 && n_blocks > 0 && !test_tortured(); seed++) {
        state = seed;
        memcpy(wrong, blocks, sizeof wrong);
        for (unsigned i = hits() + 1; i > 0; i--) {
            uint32_t *value = &wrong[0].content.fields[next_random() % wrong[0].content.n_fields].value;

            *value = next_random() % 2 ? (uint32_t)next_random() : (uint32_t)(next_random() % 512);
        }
        if (EXPECT_EQ(snapshot_take(&s, &memory, wrong, n_blocks), 0))
            snapshot_free(&s);
    }
    return 0;
}

/* Program headers and notes come from memory as well. */
TEST(images_with_errors_do_no_harm)
{
    struct block found[MAX_BLOCKS];
    char reason[300];
    FILE *maps;

    locate();
    memory.read = read_with_errors;
    for (uint64_t seed = 1; seed <= 500 && !test_tortured(); seed++) {
        state = seed;
        memory_forget(&memory);
        maps = fopen("/proc/self/maps", "re");
        REQUIRE(maps != NULL);
        EXPECT(locate_blocks_in(&memory, maps, found, reason, sizeof reason) <= MAX_BLOCKS);
        fclose(maps);
    }
}

TEST(a_list_of_mappings_may_contain_anything)
{
    static char text[] = "nonsense\n0-0 r--p 0 0:0 0\nffffffffffffffff-0 r--p 00000000 00:00 0 /nowhere\n"
                         "00400000-00401000 r--p 00000000 00:00 0";
    struct block found[MAX_BLOCKS];
    char reason[300];
    FILE *maps = fmemopen(text, sizeof text, "r");

    memory_init(&memory, getpid());
    REQUIRE(maps != NULL);
    EXPECT_EQ(locate_blocks_in(&memory, maps, found, reason, sizeof reason), 0);
    EXPECT_IN("it does not use eddy", reason);
    fclose(maps);
}

TEST(what_would_write_to_the_terminal_is_replaced)
{
    static const char name[] = "a\033[2Jb\x7f\xc2\x9b"
                               "c\xc3\xa4";
    char buf[40];

    memory_init(&memory, getpid());
    memory_text(&memory, (uintptr_t)name, buf, sizeof buf);
    EXPECT_STR(buf, "a?[2Jb???c\xc3\xa4");
    memory_text(&memory, (uintptr_t)name, buf, 4);
    EXPECT_STR(buf, "a?[");
    memory_text(&memory, 8, buf, sizeof buf);
    EXPECT_STR(buf, "?");
}
