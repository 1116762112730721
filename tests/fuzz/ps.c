/*
 * `eddy ps`, `pstree` and `info` on a process that made up what they look at: what they print is
 * text for a terminal and nothing else, and neither their work nor their memory is for that process
 * to choose.
 */
#include "fuzz.h"

#include "debug/introspection.h"
#include "depth.h"
#include "snapshot.h"
#include "tasks.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SIZE = 1 << 14,
    SLOTS = 32, /* for objects */
    MOST_FORGED = 12,
    FIRST_COROUTINE = 20,
    N_COROUTINES = 4,
    MOST_TASKS = 300,
    MOST_STEPS = 40 * 1000 * 1000,
    MOST_BYTES = 1 << 26
};

static const uint64_t BASE = 0x100000;

static unsigned char forged[SIZE + MEMORY_PAGE]; /* all the memory that the process has */
static struct memory memory;
static struct block block;
static int pagemap;    /* of the same memory */
static size_t largest; /* piece of memory that was allocated for this input */

void __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                               void (*on_free)(const volatile void *));

static void note_size(const volatile void *p, size_t size)
{
    largest = size > largest ? size : largest;
}

static void note_nothing(const volatile void *p)
{
}

static int read_forged(struct memory *m, uint64_t address, void *buf, size_t size)
{
    if (address < BASE || address - BASE > SIZE || size > sizeof forged - (address - BASE))
        return -EFAULT;
    memcpy(buf, forged + (address - BASE), size);
    return 0;
}

/* Makes the list of pages, of which every third is in memory. */
static void forge_pagemap(void)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), in_memory = (uint64_t)1 << 63;

    pagemap = memfd_create("pagemap", MFD_CLOEXEC);
    FUZZ_CHECK(ftruncate(pagemap, (off_t)1 << 40) == 0);
    for (uint64_t at = BASE; at < BASE + SIZE; at += 3 * page)
        FUZZ_CHECK(pwrite(pagemap, &in_memory, sizeof in_memory, (off_t)(at / page * 8)) == 8);
}

static void check_depths(struct snapshot *s)
{
    measure_stacks_in(s, pagemap);
    for (size_t i = 0; i < s->n_tasks; i++) {
        const struct task *t = &s->tasks[i];

        FUZZ_CHECK(!t->has_depth || (t->stack_limit < t->stack_top && t->depth > 0 &&
                                     t->stack_top - t->stack_limit <= (uint64_t)1 << 30));
    }
}

/* The block of this process, with other offsets; any small ones, so that objects lie upon each
 * other. */
static void forge_block(struct fuzz_input *in)
{
    struct eddyi_introspection *c = &block.content;
    bool any = fuzz_byte(in) & 1;

    *c = eddyi_introspection;
    c->loops.number = BASE;
    for (uint32_t i = 0; i < c->n_fields; i++)
        if (strncmp(c->fields[i].name, "constant.", 9) != 0)
            c->fields[i].value = any ? fuzz_byte(in) * 8 : i % 32 * 16;
        else if (any && fuzz_byte(in) & 1)
            c->fields[i].value = fuzz_byte(in);
}

static uint64_t slot(unsigned i)
{
    return BASE + i % SLOTS * (SIZE / SLOTS);
}

static uint64_t member(uint64_t object, const char *name)
{
    return object + (uint64_t)block_field(&block, name);
}

static void put(uint64_t address, uint64_t word)
{
    if (address - BASE < SIZE)
        memcpy(forged + (address - BASE), &word, sizeof word);
}

/* A list that leads back and forth. */
static void put_list(uint64_t head, const uint64_t *links, unsigned n)
{
    for (unsigned i = 0; i <= n; i++) {
        uint64_t from = i == 0 ? head : links[i - 1], to = i == n ? head : links[i];

        put(from, to);
        put(to + 8, from);
    }
}

/* A task with a name, a coroutine and something that it waits for, and perhaps another task that
 * waits for it. */
static void put_task(struct fuzz_input *in, uint64_t task, uint64_t loop)
{
    uint64_t wait = slot(fuzz_byte(in)), stack = slot(fuzz_byte(in)),
             hook = member(slot(fuzz_byte(in)), "hook.link");
    unsigned how = fuzz_byte(in);

    put(member(task, "task.kind"), (uint64_t)block_field(&block, "constant.task_kind"));
    put(member(task, "task.loop"), loop);
    put(member(task, "task.started"), how & 1);
    put(member(task, "task.coroutine"), how & 2 ? slot(FIRST_COROUTINE) : 0);
    put(member(task, "task.name"), how & 4 ? slot(SLOTS - 1) + fuzz_byte(in) : 0);
    put(member(task, "task.where"), how & 8 ? slot(SLOTS - 1) + fuzz_byte(in) : 0);
    put(member(wait, "wait.what"), slot(SLOTS - 1) + fuzz_byte(in));
    put(member(task, "task.wait"), how & 16 ? wait : 0);
    put(member(task, "task.stack"), how & 2 ? stack : 0);
    put(member(stack, "stack.limit"), BASE);
    put(member(stack, "stack.object"), BASE + fuzz_below(in, 2 * SIZE));
    put(member(task, "task.ready"), member(task, "task.ready"));
    put(member(wait, "wait.future"), how & 32 ? slot(fuzz_byte(in)) : 0);
    put(member(wait, "wait.holder"), how & 64 ? slot(fuzz_byte(in)) : 0);
    put_list(member(task, "future.hooks"), &hook, how >> 7);
    put(member(hook - (uint64_t)block_field(&block, "hook.link"), "hook.waiter"),
        slot(fuzz_byte(in)));
}

/* A text that does things to a terminal, and has characters at which it must not be cut. */
static void put_text(uint64_t address)
{
    static const char piece[] = "\033[31ma\u00e4\u202e\u2192\U0001f600\x9b\xe2\x80";

    for (uint64_t at = address; at + sizeof piece < address + 200; at += sizeof piece - 1)
        memcpy(forged + (at - BASE), piece, sizeof piece - 1);
}

/* Some tasks that can be believed. */
static void put_tasks(struct fuzz_input *in)
{
    unsigned n = fuzz_below(in, MOST_FORGED);
    uint64_t loop = slot(1), links[MOST_FORGED];

    put(BASE, loop);
    put_text(slot(SLOTS - 1));
    for (unsigned i = 0; i < N_COROUTINES; i++) {
        put(member(slot(FIRST_COROUTINE + i), "coroutine.name"),
            slot(SLOTS - 1) + fuzz_byte(in) % 64);
        put(member(slot(FIRST_COROUTINE + i), "coroutine.outer"),
            i + 1 < N_COROUTINES ? slot(FIRST_COROUTINE + i + 1) : 0);
    }
    for (unsigned i = 0; i < n; i++) {
        put_task(in, slot(2 + i), loop);
        links[i] = member(slot(2 + i), "task.link");
    }
    put_list(member(loop, "loop.tasks"), links, n);
}

static uint64_t forge_word(struct fuzz_input *in, uint64_t at)
{
    unsigned kind = fuzz_byte(in) & 7;
    uint64_t value = fuzz_below(in, 1 << 16);

    switch (kind) {
    case 0:
        return value * 0x0101010101010101; /* text */
    case 1:
        return value;
    case 2:
        return ~value;
    case 3:
        return BASE + at + (value & 0xff) * 8; /* close by */
    case 4:
        return BASE + at; /* itself, as in an empty list */
    default:
        return BASE + value % (SIZE / 8) * 8;
    }
}

static void forge_memory(struct fuzz_input *in)
{
    memset(forged, 0, sizeof forged);
    put_tasks(in);
    while (in->n > 0) {
        size_t at = fuzz_below(in, SIZE / 8) * 8, n = fuzz_byte(in) % 48;
        uint64_t word;

        if (n < 24) {
            word = forge_word(in, at);
            memcpy(forged + at, &word, sizeof word);
            continue;
        }
        n = n < in->n ? n : in->n;
        memcpy(forged + at, in->data, n);
        in->data += n;
        in->n -= n;
    }
}

/* The next character of UTF-8; -1 if there is none. */
static long next_character(const char **at)
{
    const unsigned char *s = (const unsigned char *)*at;
    unsigned more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
    long c = more ? *s & (0x3f >> more) : *s;

    if ((*s >= 0x80 && *s < 0xc2) || *s > 0xf4)
        return -1;
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | (s[i] & 0x3f);
    }
    *at += more + 1;
    return c;
}

static void check_text(const char *text)
{
    while (*text) {
        long c = next_character(&text);

        FUZZ_CHECK(c == '\n' || (c >= ' ' && c < 0x7f) || c > 0x9f);
        FUZZ_CHECK(c != 0x61c && c != 0x200e && c != 0x200f && c != 0x2028 && c != 0x2029);
        FUZZ_CHECK(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069));
    }
}

static void check_output(const struct snapshot *s)
{
    FILE *terminal = stdout;
    char *text = NULL;
    size_t n = 0;

    stdout = open_memstream(&text, &n);
    print_table(s);
    FUZZ_CHECK(print_tree(s, 1) == 0);
    print_loops(s);
    fclose(stdout);
    stdout = terminal;
    FUZZ_CHECK(n < MOST_BYTES && strlen(text) == n);
    check_text(text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool begun;
    struct fuzz_input in = {data, n};
    struct snapshot s;

    if (!begun)
        __sanitizer_install_malloc_and_free_hooks(note_size, note_nothing);
    if (!begun)
        forge_pagemap();
    begun = true;
    snapshot_most_tasks = MOST_TASKS;
    memory_init(&memory, 1);
    memory.read = read_forged;
    forge_block(&in);
    forge_memory(&in);
    largest = 0;
    FUZZ_CHECK(snapshot_take(&s, &memory, &block, 1) == 0);
    FUZZ_CHECK(memory.steps <= MOST_STEPS && s.n_tasks <= MOST_TASKS);
    FUZZ_CHECK(largest <= MOST_BYTES);
    check_depths(&s);
    check_output(&s);
    snapshot_free(&s);
    return 0;
}
