/*
 * The allocator: the C library's, or the program's.
 *
 * The initial functions note that memory is in use, and then install the real ones. So no later
 * call has to check anything.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/memory.h"

#include <stdlib.h>

static void *first_alloc(size_t size);
static void *first_zalloc(size_t n, size_t size);
static void *first_resize(void *p, size_t size);

struct eddyi_allocator eddyi_allocator = {first_alloc, first_zalloc, first_resize, free};

/* The functions that the program has chosen. */
static struct {
    void *(*alloc)(size_t size);
    void *(*zalloc)(size_t n, size_t size);
    void *(*resize)(void *p, size_t size);
} chosen = {malloc, calloc, realloc};

static atomic_bool in_use;

static void begin(void)
{
    atomic_store(&in_use, true);
    atomic_store(&eddyi_allocator.alloc, chosen.alloc);
    atomic_store(&eddyi_allocator.zalloc, chosen.zalloc);
    atomic_store(&eddyi_allocator.resize, chosen.resize);
}

static void *first_alloc(size_t size)
{
    begin();
    return chosen.alloc(size);
}

static void *first_zalloc(size_t n, size_t size)
{
    begin();
    return chosen.zalloc(n, size);
}

static void *first_resize(void *p, size_t size)
{
    begin();
    return chosen.resize(p, size);
}

int eddy_set_allocator(void *(*alloc)(size_t size), void *(*zalloc)(size_t n, size_t size),
                       void *(*resize)(void *p, size_t size), void (*release)(void *p))
{
    if (atomic_load(&in_use))
        return eddy_raise(EDDY_EMISUSE,
                          "the allocator must be set before eddy is used: memory is allocated");
    if (!alloc || !zalloc || !resize || !release)
        return -EINVAL;
    chosen.alloc = alloc;
    chosen.zalloc = zalloc;
    chosen.resize = resize;
    atomic_store(&eddyi_allocator.release, release);
    return 0;
}
