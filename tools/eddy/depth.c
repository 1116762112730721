#include "depth.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    ENTRIES = 512, /* of a read, one for each page */
    /* The limit of entries read for a snapshot, and what each task adds, so that a forged process
     * does not choose the work. An entry takes about 3 ns. */
    MOST_ENTRIES = 16 * 1000 * 1000,
    ENTRIES_OF_A_TASK = 256,
};

#define LARGEST_STACK ((uint64_t)1 << 30) /* four times as large as eddy's largest */
#define TOUCHED ((uint64_t)3 << 62)       /* the page is in memory or in swap */

/* Finds the first touched page from @page up to @end. Returns false if there is none, or if the
 * entries cannot be read. */
static bool find_touched(int pagemap, uint64_t page, uint64_t end, uint64_t *ret)
{
    uint64_t entries[ENTRIES];

    while (page < end) {
        size_t wanted = end - page < ENTRIES ? (size_t)(end - page) : ENTRIES;
        ssize_t n =
            pread(pagemap, entries, wanted * sizeof entries[0], (off_t)(page * sizeof entries[0]));

        if (n != (ssize_t)(wanted * sizeof entries[0]))
            return false;
        for (size_t i = 0; i < wanted; i++, page++) {
            if (entries[i] & TOUCHED) {
                *ret = page;
                return true;
            }
        }
    }
    return false;
}

void measure_stacks_in(struct snapshot *s, int pagemap)
{
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), touched;
    uint64_t left = MOST_ENTRIES + (uint64_t)s->n_tasks * ENTRIES_OF_A_TASK;

    for (size_t i = 0; i < s->n_tasks; i++) {
        struct task *t = &s->tasks[i];
        uint64_t first = t->stack_limit / page_size, end = (t->stack_top - 1) / page_size + 1;

        if (t->stack_top <= t->stack_limit || t->stack_top - t->stack_limit > LARGEST_STACK ||
            end - first > left)
            continue;
        left -= end - first;
        t->has_depth = find_touched(pagemap, first, end, &touched);
        if (t->has_depth)
            t->depth = t->stack_top - touched * page_size;
    }
}

void measure_stacks(struct snapshot *s, int pid)
{
    char path[64];
    int pagemap;

    snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    pagemap = open(path, O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return;
    measure_stacks_in(s, pagemap);
    close(pagemap);
}

void format_depth(const struct task *t, char *buf, size_t size)
{
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    /* The part of the last page that the task itself leaves free is on top of the stack's size. */
    uint64_t room = (t->stack_top - t->stack_limit) / page_size * page_size;

    if (t->has_depth)
        snprintf(buf, size, "%" PRIu64 "K/%" PRIu64 "K", (t->depth < room ? t->depth : room) / 1024,
                 room / 1024);
    else
        snprintf(buf, size, "-");
}
