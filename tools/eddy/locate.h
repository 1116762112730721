/*
 * Finding the introspection blocks of eddy in another process (src/debug/introspection.h).
 */
#ifndef EDDY_TOOL_LOCATE_H
#define EDDY_TOOL_LOCATE_H

#include "debug/introspection.h"
#include "memory.h"

#include <stdio.h>

enum { MAX_BLOCKS = 4 }; /* the program and its libraries may each contain an eddy */

struct block {
    uint64_t address;
    struct eddyi_introspection content;
};

/*
 * Finds the blocks. Returns their number or -errno. If there are none, @reason is a sentence: the
 * process does not use eddy, uses another version, or cannot be read.
 */
int locate_blocks(struct memory *m, struct block blocks[MAX_BLOCKS], char *reason,
                  size_t reason_size);

/* Finds the blocks of a process whose /proc/PID/maps is @maps. For tests. */
int locate_blocks_in(struct memory *m, FILE *maps, struct block blocks[MAX_BLOCKS], char *reason,
                     size_t reason_size);

/* Returns the offset that the block gives for a name, or -1. */
long block_field(const struct block *b, const char *name);

#endif
