/*
 * The memory of another process, read without its help and without stopping it.
 *
 * Whole pages are read and kept for a while, because related data lie close together. Nothing read
 * is trusted: every address may be wrong, and every text without an end.
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
     * Reads @size bytes at @address into @buf. Returns 0 or -errno. It is process_vm_readv(2), and
     * another function in tests.
     */
    int (*read)(struct memory *m, uint64_t address, void *buf, size_t size);
    /*
     * The steps taken so far, and the limit, beyond which nothing can be read: so forged memory
     * cannot make the reader work for ever. A step takes about 20 ns.
     */
    uint64_t steps, most_steps;
    struct page {
        uint64_t address; /* 0: the slot is free */
        unsigned char bytes[MEMORY_PAGE];
    } pages[MEMORY_PAGES];
};

void memory_init(struct memory *m, int pid);

/* Forgets the pages that were kept, so that the present memory is read. */
void memory_forget(struct memory *m);

/* Copies @size bytes. Returns 0, -EFAULT if nothing is mapped there, -EPERM or -ESRCH. */
int memory_copy(struct memory *m, uint64_t address, void *buf, size_t size);

/* Reads a number of 1, 2, 4 or 8 bytes. If nothing is mapped there, returns 0 and sets *ret_bad
 * (NULL is allowed) to true. */
uint64_t memory_number(struct memory *m, uint64_t address, size_t size, bool *ret_bad);

/*
 * Reads a text, at most @size - 1 bytes of it, with escapes for everything that is not printable,
 * because it goes to a terminal (eddyi_printable()). "?" if nothing is mapped there.
 */
void memory_text(struct memory *m, uint64_t address, char *buf, size_t size);

#endif
