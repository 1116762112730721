/* Chunks in a list, the newest first; each is filled from its start. What does not fit opens a new
 * one. */
#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used; /* bytes of data given out, always a multiple of max_align_t's alignment */
    size_t size; /* bytes in data */
    _Alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *add_chunk(struct arena *a, size_t size)
{
    struct arena_chunk *c = calloc(1, sizeof *c + size);

    if (!c) {
        fprintf(stderr, "scenario-runner: out of memory\n");
        exit(1);
    }
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct arena_chunk *c = a->chunks;
    void *memory;

    size = (size + align - 1) / align * align;
    if (!c || c->size - c->used < size)
        c = add_chunk(a, size > CHUNK_SIZE ? size : CHUNK_SIZE);
    memory = c->data + c->used;
    c->used += size;
    return memory;
}

char *arena_strdup(struct arena *a, const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(arena_alloc(a, size), text, size);
}

void arena_free(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *next = a->chunks->next;

        free(a->chunks);
        a->chunks = next;
    }
}
