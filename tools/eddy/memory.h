/*
 * The memory of another process, read without its help and without stopping it.
 *
 * Whole pages are read and kept for a while, for what one looks at lies close together. Nothing
 * that comes from there is trusted: every address may be wrong, every text without an end.
 */
#ifndef EDDY_TOOL_MEMORY_H
#define EDDY_TOOL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_PAGE = 4096, MEMORY_PAGES = 256, MEMORY_LONGEST_TEXT = 256 };

struct memory {
    int pid;
    /*
     * Reads @size bytes at @address into @buf; 0 or -errno. process_vm_readv(2), or in tests
     * something else.
     */
    int (*read)(struct memory *m, uint64_t address, void *buf, size_t size);
    /*
     * What reading has taken so far, and where it ends: nothing can be read then. So whoever made
     * the memory up does not choose how long one looks at it. A step takes about 20 ns.
     */
    uint64_t steps, most_steps;
    struct page {
        uint64_t address; /* 0: nothing is kept here */
        unsigned char bytes[MEMORY_PAGE];
    } pages[MEMORY_PAGES];
};

void memory_init(struct memory *m, int pid);

/* Forgets what was kept, to see it as it is now. */
void memory_forget(struct memory *m);

/* Copies @size bytes; 0, or -errno: -EFAULT where there is nothing, -EPERM, -ESRCH. */
int memory_copy(struct memory *m, uint64_t address, void *buf, size_t size);

/* A number of 1, 2, 4 or 8 bytes; 0 where there is nothing, and *ret_bad, which may be NULL,
 * becomes true. */
uint64_t memory_number(struct memory *m, uint64_t address, size_t size, bool *ret_bad);

/*
 * A text, at most @size - 1 bytes of it, with escapes for everything that is not printable: it goes
 * to a terminal (eddyi_printable()). "?" where there is nothing.
 */
void memory_text(struct memory *m, uint64_t address, char *buf, size_t size);

#endif
