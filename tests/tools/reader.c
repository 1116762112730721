/*
 * The reader of another process's memory, on memory with errors in it. Here it reads its own
 * process; on the way some words are replaced by others: wild ones, null pointers, neighbours.
 * Whatever it meets it must come to an end, without a crash, and what it makes of it must be
 * printable.
 */
#include "harness/test.h"

#include "depth.h"
#include "locate.h"
#include "memory.h"
#include "snapshot.h"
#include "symbol.h"
#include "tasks.h"
#include "text.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Prints @s, and the depths of its stacks, to an output that is thrown away. */
static void print_to_nowhere(struct snapshot *s)
{
    measure_stacks(s, getpid());
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

/* Waits for all tasks of the scene, whatever failed. */
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
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC),
        kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

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
            uint32_t *value =
                &wrong[0].content.fields[next_random() % wrong[0].content.n_fields].value;

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
    static char text[] =
        "nonsense\n0-0 r--p 0 0:0 0\nffffffffffffffff-0 r--p 00000000 00:00 0 /nowhere\n"
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

TEST(what_would_write_to_the_terminal_is_escaped)
{
    static const char name[] = "a\033[2Jb\x7f\xc2\x9b"
                               "c\xc3\xa4";
    char buf[40];

    memory_init(&memory, getpid());
    memory_text(&memory, (uintptr_t)name, buf, sizeof buf);
    EXPECT_STR(buf, "a\\x1b[2Jb\\x7f\\u009bc\xc3\xa4");
    memory_text(&memory, (uintptr_t)name, buf, 7);
    EXPECT_STR(buf, "a\\x1b[");
    memory_text(&memory, (uintptr_t)name, buf, 5);
    EXPECT_STR(buf, "a");
    memory_text(&memory, 8, buf, sizeof buf);
    EXPECT_STR(buf, "?");
}

TEST(a_text_may_lie_across_pages_and_end_where_memory_ends)
{
    char *pages =
        mmap(NULL, 2 * MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char buf[40];

    REQUIRE(pages != MAP_FAILED);
    strcpy(pages + MEMORY_PAGE - 3, "across");
    memcpy(pages + 2 * MEMORY_PAGE - 3, "end", 3);
    memory_init(&memory, getpid());
    memory_text(&memory, (uintptr_t)pages + MEMORY_PAGE - 3, buf, sizeof buf);
    EXPECT_STR(buf, "across");
    munmap(pages + MEMORY_PAGE, MEMORY_PAGE);
    memcpy(pages + MEMORY_PAGE - 3, "end", 3);
    memory_forget(&memory);
    memory_text(&memory, (uintptr_t)pages + MEMORY_PAGE - 3, buf, sizeof buf);
    EXPECT_STR(buf, "end");
    munmap(pages, MEMORY_PAGE);
}

/*
 * A process that makes its memory up. Words are zero but for those of the loop and of the tasks in
 * its list, which are 4 KiB apart, or lie on 8 pages that take each other's place in what the
 * reader keeps.
 */
enum { LOOP = 0x100000, TASKS = 0x10000000, N_FORGED = 3000 };

static struct forged {
    bool endless;   /* the list of tasks has no end */
    bool in_itself; /* the one task is its own successor */
    /* what each task has; its outer one is 1 MiB behind it, and so on for ever */
    uint64_t coroutine;
    uint64_t hooks; /* where the list of each task's hooks leads */
    size_t reads;
} forged;

/* Offsets are as the forger likes: here all that has no purpose is at a word that is zero. */
enum {
    AT_TASKS = 64, /* of a loop */
    AT_LINK = 0,   /* of a task, and the rest as well */
    AT_LOOP = 16,
    AT_KIND = 24,
    AT_COROUTINE = 32,
    AT_HOOKS = 40,
    AT_ZERO = 56,
};

static uint64_t forged_task(size_t i)
{
    return i < N_FORGED || forged.endless ? TASKS + i * MEMORY_PAGE : LOOP + AT_TASKS;
}

static void forge_task(uint64_t *words, size_t i)
{
    uint64_t address = forged_task(i);

    words[AT_LINK / 8] = forged.in_itself ? address : forged_task(i + 1);
    words[AT_LINK / 8 + 1] = i ? forged_task(i - 1) : LOOP + AT_TASKS;
    words[AT_LOOP / 8] = LOOP;
    words[AT_KIND / 8] = 2;
    words[AT_COROUTINE / 8] = forged.coroutine;
    words[AT_HOOKS / 8] = forged.hooks ? forged.hooks : address + AT_HOOKS;
    words[AT_HOOKS / 8 + 1] = address + AT_HOOKS;
}

static int read_forged(struct memory *m, uint64_t address, void *buf, size_t size)
{
    uint64_t *words = buf;

    forged.reads++;
    memset(buf, 0, size);
    if (address == LOOP) {
        words[AT_TASKS / 8] = forged_task(0);
        words[AT_TASKS / 8 + 1] = forged_task(N_FORGED - 1);
        words[128] = LOOP; /* where the block's loops are */
    } else if (address >= TASKS && address < TASKS + ((uint64_t)1 << 40)) {
        forge_task(words, (address - TASKS) / MEMORY_PAGE);
    } else if (forged.coroutine && address >= forged.coroutine) {
        words[0] = address + (1 << 20);     /* outer */
        words[1] = address + (1 << 19) + 8; /* name */
        memset(words + 2, 'n', 100);
    }
    return 0;
}

/* The block of this process, with the offsets of the forger. */
static void forge_block(struct block *block)
{
    static const struct {
        const char *name;
        uint32_t value;
    } known[] = {
        {"loop.tasks", AT_TASKS},    {"task.link", AT_LINK},    {"task.loop", AT_LOOP},
        {"task.kind", AT_KIND},      {"constant.task_kind", 2}, {"task.coroutine", AT_COROUTINE},
        {"future.hooks", AT_HOOKS},  {"coroutine.outer", 0},    {"coroutine.name", 8},
        {"constant.future_kind", 1}, {"hook.link", 0},          {"hook.waiter", AT_ZERO}};

    *block = blocks[0];
    block->content.loops.number = LOOP + 1024;
    for (uint32_t i = 0; i < block->content.n_fields; i++) {
        block->content.fields[i].value = AT_ZERO;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            if (strcmp(block->content.fields[i].name, known[k].name) == 0)
                block->content.fields[i].value = known[k].value;
    }
}

/* How many tasks are found in what was forged; the reads are in @forged. */
static size_t look_at(struct forged what)
{
    struct block block;
    struct snapshot s;
    size_t n = 0;

    locate();
    REQUIRE(n_blocks > 0);
    forge_block(&block);
    forged = what;
    memory.read = read_forged;
    memory_forget(&memory);
    if (EXPECT_EQ(snapshot_take(&s, &memory, &block, 1), 0)) {
        n = s.n_tasks;
        snapshot_free(&s);
    }
    memory.read = read_truly;
    memory_forget(&memory);
    return n;
}

TEST(a_process_that_is_made_up_is_believed_as_long_as_it_makes_sense)
{
    EXPECT_EQ(look_at((struct forged){0}), N_FORGED);
}

TEST(a_list_of_tasks_without_end_is_cut)
{
    snapshot_most_tasks = 2000;
    EXPECT_EQ(look_at((struct forged){.endless = true}), 2000);
    EXPECT(forged.reads < 8 * 2000 * 4);
}

TEST(a_task_that_follows_itself_is_noticed)
{
    EXPECT_EQ(look_at((struct forged){.in_itself = true}), 1);
    EXPECT(forged.reads < 100);
}

/* Each task has a hundred coroutines, of which each takes two reads of memory: 600 000 reads if
 * they were all followed. */
TEST(tasks_that_are_costly_to_read_are_not_all_read)
{
    EXPECT(look_at((struct forged){.coroutine = (uint64_t)1 << 50}) > 0);
    EXPECT(forged.reads < 300000);
}

/* The list of hooks leads into memory that is all zero: its first element does not lead back. */
TEST(lists_of_hooks_that_lead_nowhere_are_left)
{
    EXPECT_EQ(look_at((struct forged){.hooks = (uint64_t)1 << 45}), N_FORGED);
    EXPECT(forged.reads < 8 * N_FORGED * 4);
}

enum { STACK = 1 << 20 }; /* where forged stacks begin */

/* Returns a list of pages in which only that of @address has been touched. */
static int forge_pagemap(uint64_t address)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), in_memory = (uint64_t)1 << 63;
    int fd = memfd_create("pagemap", MFD_CLOEXEC);

    EXPECT_EQ(ftruncate(fd, (off_t)1 << 40), 0);
    EXPECT_EQ(pwrite(fd, &in_memory, sizeof in_memory, (off_t)(address / page * 8)), 8);
    return fd;
}

/* Expects that a stack of @size bytes is shown as @text. */
static void expect_depth(int pagemap, uint64_t size, const char *text)
{
    struct task task = {.stack_limit = STACK, .stack_top = STACK + size};
    struct snapshot s = {.tasks = &task, .n_tasks = 1};
    char buf[48];

    measure_stacks_in(&s, pagemap);
    format_depth(&task, buf, sizeof buf);
    EXPECT_STR(buf, text);
}

TEST(the_depth_of_a_stack_is_that_of_its_lowest_touched_page)
{
    int pagemap = forge_pagemap(STACK + (12 << 20)), last = forge_pagemap(STACK);

    expect_depth(pagemap, (12 << 20) + 1500, "1K/12288K");
    expect_depth(pagemap, (12 << 20) + (128 << 10) + 1500, "129K/12416K");
    expect_depth(last, (256 << 10) + 1500, "256K/256K");
    close(pagemap);
    close(last);
}

TEST(a_depth_that_cannot_be_read_is_not_shown)
{
    int pagemap = forge_pagemap(0), nothing = memfd_create("empty", MFD_CLOEXEC);

    expect_depth(pagemap, 256 << 10, "-");
    expect_depth(nothing, 256 << 10, "-");
    expect_depth(-1, 256 << 10, "-");
    close(pagemap);
    close(nothing);
}

TEST(a_process_without_tasks_has_no_stacks_to_measure)
{
    struct snapshot s = {.tasks = NULL};

    measure_stacks_in(&s, -1);
    EXPECT_EQ(s.n_tasks, 0);
}

TEST(ranges_that_are_no_stack_are_not_read)
{
    int pagemap = forge_pagemap(STACK);

    expect_depth(pagemap, 0, "-");
    expect_depth(pagemap, (uint64_t)-1, "-");
    expect_depth(pagemap, (uint64_t)1 << 30, "1048576K/1048576K");
    expect_depth(pagemap, ((uint64_t)1 << 30) + 1, "-");
    expect_depth(pagemap, (uint64_t)1 << 46, "-");
    expect_depth(pagemap, -(uint64_t)STACK, "-");
    close(pagemap);
}

/* A thousand stacks of 1 GiB, none of which is touched but at its upper end. */
TEST(stacks_that_are_costly_to_measure_are_not_all_measured)
{
    static struct task tasks[1000];
    struct snapshot s = {.tasks = tasks, .n_tasks = 1000};
    uint64_t size = (uint64_t)1 << 30;
    int pagemap = forge_pagemap(STACK + size - 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n_tasks; i++)
        tasks[i] = (struct task){.stack_limit = STACK, .stack_top = STACK + size};
    measure_stacks_in(&s, pagemap);
    for (size_t i = 0; i < s.n_tasks; i++)
        n += tasks[i].has_depth;
    EXPECT(n > 0);
    EXPECT(n < 100);
    close(pagemap);
}

/* Another version of eddy, with a name that does things to a terminal. */
static int read_other_version(struct memory *m, uint64_t address, void *buf, size_t size)
{
    int rc = read_truly(m, address, buf, size);
    uint64_t block = blocks[0].address;

    if (rc == 0 && block >= address &&
        block + offsetof(struct eddyi_introspection, fields) <= address + size) {
        struct eddyi_introspection *content = (void *)((char *)buf + (block - address));

        content->version = 99;
        memcpy(content->library,
               "\033]0;x\a\xe2\x80\xae"
               "9.9",
               13);
    }
    return rc;
}

TEST(the_version_of_an_eddy_that_is_not_understood_is_printable)
{
    struct block found[MAX_BLOCKS];
    char reason[300] = "";
    FILE *maps;

    locate();
    maps = fopen("/proc/self/maps", "re");
    REQUIRE(maps != NULL && n_blocks > 0);
    if (blocks[0].address % MEMORY_PAGE + offsetof(struct eddyi_introspection, fields) >
        MEMORY_PAGE) {
        fclose(maps);
        SKIP("the block lies across two pages here");
    }
    memory_forget(&memory);
    memory.read = read_other_version;
    EXPECT_EQ(locate_blocks_in(&memory, maps, found, reason, sizeof reason), 0);
    EXPECT_IN("it uses version \\x1b]0;x\\x07\\u202e9.9 of eddy", reason);
    fclose(maps);
}

/* An ELF file with one symbol, whose parts lie where the file says, at odd places for instance. */
TEST(a_symbol_is_found_in_a_file_whose_parts_are_not_aligned)
{
    static const char names[] = "x\0thing";
    struct {
        Elf64_Ehdr header;
        char gap;
        Elf64_Shdr sections[2];
        Elf64_Sym symbol;
        char names[sizeof names];
    } __attribute__((packed)) file = {.gap = 0};
    char path[64];
    size_t patience = 10;
    int fd = memfd_create("file", MFD_CLOEXEC);

    memcpy(file.header.e_ident, ELFMAG "\2", SELFMAG + 1);
    file.header.e_shoff = offsetof(typeof(file), sections);
    file.header.e_shentsize = sizeof file.sections[0];
    file.header.e_shnum = 2;
    file.sections[0] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                    .sh_offset = offsetof(typeof(file), symbol),
                                    .sh_size = sizeof file.symbol,
                                    .sh_link = 1};
    file.sections[1] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(typeof(file), names), .sh_size = sizeof names};
    file.symbol = (Elf64_Sym){.st_name = 2, .st_shndx = 1, .st_value = 0x40};
    memcpy(file.names, names, sizeof names);
    EXPECT_EQ(write(fd, &file, sizeof file), sizeof file);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_EQ(find_symbol_in_file(getpid(), path, 0x1000, "thing", &patience), 0x1040);
    EXPECT_EQ(find_symbol_in_file(getpid(), path, 0x1000, "hing", &patience), 0);
    close(fd);
}

TEST(no_character_is_cut_where_room_ends)
{
    char buf[10] = "";

    EXPECT(append_text(buf, sizeof buf, "abcdefg"));
    EXPECT(append_text(buf, sizeof buf, "\u00e4"));
    EXPECT_STR(buf, "abcdefg\u00e4");
    buf[6] = '\0';
    EXPECT(append_text(buf, sizeof buf, "g"));
    EXPECT(!append_text(buf, sizeof buf, "\u2192"));
    EXPECT_STR(buf, "abcdefg");
}

TEST(the_tasks_that_wait_are_named_as_far_as_there_is_room)
{
    struct task tasks[3] = {{.name = "first"}, {.name = "zweit\u00e4ltester"}, {.name = "third"}};
    struct edge edges[2] = {{0, 2, "gather"}, {1, 2, ""}};
    const struct snapshot s = {.tasks = tasks, .n_tasks = 3, .edges = edges, .n_edges = 2};
    char buf[40];

    format_waiters(&s, 2, buf, sizeof buf);
    EXPECT_STR(buf, "first (gather), zweit\u00e4ltester");
    format_waiters(&s, 2, buf, 23);
    EXPECT_STR(buf, "first (gather), zweit");
    format_waiters(&s, 1, buf, sizeof buf);
    EXPECT_STR(buf, "");
}
