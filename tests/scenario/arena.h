/*
 * Memory that lives as long as one scenario: taken bit by bit, given back all at once.
 *
 * A task that is abandoned half-way frees nothing; with an arena there is nothing it had to free.
 */
#ifndef SCENARIO_ARENA_H
#define SCENARIO_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_chunk *chunks;
};

/* Zeroed memory, aligned for anything. Never NULL: the runner exits with a message when memory is
 * short. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of @text. */
char *arena_strdup(struct arena *a, const char *text);

/* Gives back everything; the arena can be used again. */
void arena_free(struct arena *a);

#endif
