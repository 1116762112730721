/*
 * Where, in another process, the introspection blocks of eddy are (src/debug/introspection.h).
 */
#ifndef EDDY_TOOL_LOCATE_H
#define EDDY_TOOL_LOCATE_H

#include "debug/introspection.h"
#include "memory.h"

#include <stdio.h>

enum { MAX_BLOCKS = 4 }; /* the program and its libraries may each have an eddy of their own */

struct block {
    uint64_t address;
    struct eddyi_introspection content;
};

/*
 * Finds them; their number, or -errno. None: *ret_reason says in a sentence why, be it that the
 * process does not use eddy, uses another version, or cannot be looked at.
 */
int locate_blocks(struct memory *m, struct block blocks[MAX_BLOCKS], char *reason,
                  size_t reason_size);

/* The same for a process whose /proc/PID/maps is in @maps. For tests. */
int locate_blocks_in(struct memory *m, FILE *maps, struct block blocks[MAX_BLOCKS], char *reason,
                     size_t reason_size);

/* The offset that the block gives for a name; -1 if it has none. */
long block_field(const struct block *b, const char *name);

#endif
