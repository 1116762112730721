/*
 * The pool of stacks.
 *
 * Slots come in slabs of one mapping each. A slot is bare (no memory, no descriptor; a bit of its
 * slab), free (it has a descriptor and the pages that its last user touched; in the free list of
 * its class, latest first, or the class's hot one) or taken.
 *
 *     bare -- make() --> taken -- eddyi_stack_give() --> free -- eddyi_stack_take() --> taken
 *       ^---------------------------- drop() ------------'
 *
 * A slab whose slots are all bare is unmapped. The free list is used at its head only, so the least
 * length of the list in a period is the number of stacks at its tail that were not used in that
 * period; these stacks are dropped, a few at a time. A bare slot costs only its share of the page
 * tables, so a burst leaves little behind even where single long-lived tasks keep their slabs
 * alive.
 */
#include "fiber/stack.h"

#include "base/assert.h"
#include "base/guard.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/defs.h"
#include "fiber/mark.h"

#include <sys/mman.h>
#include <unistd.h>

#define CLASSES 15 /* 16 KiB << 0 … 14 */
#define SLAB_SIZE ((size_t)16 * 1024 * 1024)
#define SLAB_SLOTS_MAX 64 /* bits of a word */
#define SHELF_SLABS 60    /* the structs of slabs that fit in a page */
/* the largest frame whose overflow is detected: see stack.h */
#define GUARD_SIZE ((size_t)64 * 1024)
#define LINE ((size_t)64)
#define SIZE_BITS (8 * (unsigned)sizeof(size_t))
#define STAGGER_LINES                                                                              \
    16 /* more gains nothing, and a task and its first frames have to fit in one page */

/* The time after which an unused stack is dropped, the number of gives between looks at the clock,
 * and the number of drops after each look. */
#define UNUSED_NS ((int64_t)5 * 1000000000)
#define GIVES_PER_TIDY 128
#define TIDY_BATCH 64

struct eddyi_stack_slab {
    union {
        struct eddyi_list link;        /* in its class's slabs */
        struct eddyi_stack_slab *next; /* the next struct that is in no use */
    };
    struct eddyi_stack_class *class;
    char *base;
    uint64_t bare;          /* a bit per slot */
    uint64_t guarded;       /* a bit per slot; guards outlive their stacks */
    unsigned protected;     /* number of guards that were made with mprotect */
    unsigned *valgrind_ids; /* a number per slot; NULL: valgrind does not run */
};

struct eddyi_stack_class {
    struct eddyi_stack_pool *pool;
    size_t size;      /* bytes, a power of two */
    size_t slot_size; /* bytes from one slot to the next */
    size_t guard_size;
    unsigned slots;          /* per slab */
    size_t keep;             /* free stacks that are never dropped: SLAB_SIZE of them */
    struct eddyi_list open;  /* slabs with bare slots */
    struct eddyi_list dense; /* slabs without bare slots */
    /* the stack that was given back last, or NULL: it is taken first, and often, without the
     * list */
    struct eddyi_stack *hot;
    struct eddyi_list free; /* stacks, the latest first, without the hot one */
    size_t n_free;
    size_t unused;  /* least n_free since the period began */
    size_t surplus; /* stacks that were unused in the last period and are not dropped yet */
};

struct eddyi_stack_pool {
    size_t object_size; /* a multiple of LINE */
    size_t taken;
    bool closed;
    void (*prepare)(struct eddyi_stack *s); /* for a new user; NULL: nothing is to be done */
    /* index of the smallest class in use: with pages above 4 KiB, smaller ones have no room beside
     * a guard */
    unsigned smallest;
    unsigned gives, makes;
    struct eddyi_stack_slab *slab_structs; /* in no use */
    struct shelf *shelves;                 /* all structs of slabs */
    /* the size that was requested last, and its class: the next request is nearly always the
     * same */
    size_t asked;
    struct eddyi_stack_class *asked_class;
    int64_t period; /* time at which the period began */
    struct eddyi_stack_class classes[CLASSES];
};

static void class_init(struct eddyi_stack_class *c, struct eddyi_stack_pool *pool, size_t size,
                       size_t page)
{
    c->pool = pool;
    c->size = size;
    /* An odd number of pages: at a distance of a power of two, all the top pages would compete for
     * the same sets of the TLB (a quarter of the time of a switch, with 1000 stacks). */
    c->slot_size = GUARD_SIZE + size + page;
    c->guard_size = GUARD_SIZE;
    c->keep = SLAB_SIZE / size < SLAB_SLOTS_MAX ? SLAB_SIZE / size : SLAB_SLOTS_MAX;
    c->slots = c->keep ? (unsigned)c->keep : 1;
    eddyi_list_init(&c->open);
    eddyi_list_init(&c->dense);
    eddyi_list_init(&c->free);
}

/* Tells valgrind and AddressSanitizer that @s has a new user. */
EDDYI_UNGUARDED EDDY_COLD static void mark_fresh(struct eddyi_stack *s)
{
    eddyi_mark_stack_fresh(s->limit, s->object);
}

/* Gives the pages of earlier users back, so that the depth of the new one can be measured. */
EDDY_COLD static void freshen(struct eddyi_stack *s)
{
    eddyi_stack_shrink(s, (char *)s->object - 1);
    mark_fresh(s);
}

int eddyi_stack_pool_new(size_t object_size, struct eddyi_stack_pool **ret)
{
    struct eddyi_stack_pool *pool = eddyi_zalloc(sizeof(*pool));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!pool)
        return -ENOMEM;
    pool->prepare = eddyi_mark_watched() ? mark_fresh : NULL;
    pool->object_size = (object_size + LINE - 1) & ~(LINE - 1);
    for (unsigned i = 0; i < CLASSES; i++)
        class_init(&pool->classes[i], pool, EDDYI_STACK_MIN << i, page);
    while (EDDYI_STACK_MIN << pool->smallest < 4 * page)
        pool->smallest++;
    pool->asked = SIZE_MAX; /* a size that has no class */
    *ret = pool;
    return 0;
}

EDDY_COLD static struct eddyi_stack_class *find_class(struct eddyi_stack_pool *pool, size_t size)
{
    unsigned i;

    if (size == 0)
        size = EDDYI_STACK_DEFAULT;
    i = size > EDDYI_STACK_MIN ? SIZE_BITS - (unsigned)__builtin_clzl((size - 1) / EDDYI_STACK_MIN)
                               : 0;
    return &pool->classes[i > pool->smallest ? i : pool->smallest];
}

/* Returns the class for stacks of @size bytes, or NULL if @size is too large. */
static inline struct eddyi_stack_class *class_for(struct eddyi_stack_pool *pool, size_t size)
{
    if (size == pool->asked)
        return pool->asked_class;
    if (size > EDDYI_STACK_MAX)
        return NULL;
    pool->asked = size;
    pool->asked_class = find_class(pool, size);
    return pool->asked_class;
}

static uint64_t all_slots(const struct eddyi_stack_class *c)
{
    return UINT64_MAX >> (SLAB_SLOTS_MAX - c->slots);
}

/*
 * The structs of slabs come from mappings of their own. Among the program's allocations, of which
 * tasks make many before they begin, each would keep the memory before it from going back to the
 * kernel.
 */
struct shelf {
    struct shelf *next;
    struct eddyi_stack_slab slabs[SHELF_SLABS];
};

/* Returns the struct for a slab, or NULL when memory is short. */
static struct eddyi_stack_slab *take_slab_struct(struct eddyi_stack_pool *pool)
{
    struct eddyi_stack_slab *slab;
    void *p;

    if (!pool->slab_structs) {
        struct shelf *shelf;

        if (eddyi_sys_map(sizeof(*shelf), false, &p) < 0)
            return NULL;
        shelf = p;
        eddyi_mark_root(shelf, sizeof(*shelf));
        shelf->next = pool->shelves;
        pool->shelves = shelf;
        for (size_t i = 0; i < SHELF_SLABS; i++) {
            shelf->slabs[i].next = pool->slab_structs;
            pool->slab_structs = &shelf->slabs[i];
        }
    }
    slab = pool->slab_structs;
    pool->slab_structs = slab->next;
    return slab;
}

static void free_slab_struct(struct eddyi_stack_slab *slab)
{
    struct eddyi_stack_pool *pool = slab->class->pool;

    eddyi_free(slab->valgrind_ids);
    slab->next = pool->slab_structs;
    pool->slab_structs = slab;
}

/* Adds a slab to the open list of @c; false when memory is short. */
static bool slab_new(struct eddyi_stack_class *c)
{
    struct eddyi_stack_slab *slab = take_slab_struct(c->pool);
    void *base;

    if (!slab)
        return false;
    *slab = (struct eddyi_stack_slab){.class = c, .bare = all_slots(c)};
    if (eddyi_mark_watched() &&
        !(slab->valgrind_ids = eddyi_zalloc(SLAB_SLOTS_MAX * sizeof(slab->valgrind_ids[0])))) {
        free_slab_struct(slab);
        return false;
    }
    if (eddyi_sys_map(c->slots * c->slot_size, true, &base) < 0) {
        free_slab_struct(slab);
        return false;
    }
    /* MAP_STACK implies this only since Linux 6.7. Fails only if the kernel has no huge pages. */
    eddyi_sys_advise(base, c->slots * c->slot_size, MADV_NOHUGEPAGE);
    slab->base = base;
    eddyi_list_append(&c->open, &slab->link);
    return true;
}

static void slab_free(struct eddyi_stack_slab *slab)
{
    struct eddyi_stack_class *c = slab->class;

    eddyi_list_remove(&slab->link);
    eddyi_sys_unmap(slab->base, c->slots * c->slot_size);
    eddyi_guard_unmapped(slab->protected);
    free_slab_struct(slab);
}

/* Tries to guard the low end of @slot; returns whether it is guarded. */
static bool guard(struct eddyi_stack_slab *slab, unsigned slot)
{
    struct eddyi_stack_class *c = slab->class;
    uint64_t bit = (uint64_t)1 << slot;
    enum eddyi_guard made;

    if (slab->guarded & bit)
        return true;
    made = eddyi_guard_make(slab->base + slot * c->slot_size, c->guard_size);
    if (made == EDDYI_GUARD_NONE)
        return false;
    slab->guarded |= bit;
    slab->protected += made == EDDYI_GUARD_PROTECTED;
    return true;
}

EDDY_COLD static struct eddyi_stack *make(struct eddyi_stack_class *c)
{
    struct eddyi_stack_pool *pool = c->pool;
    struct eddyi_stack_slab *slab;
    struct eddyi_stack *s;
    unsigned slot;
    char *top;

    if (eddyi_list_empty(&c->open) && !slab_new(c))
        return NULL;
    slab = eddyi_container(c->open.next, struct eddyi_stack_slab, link);
    slot = (unsigned)__builtin_ctzll(slab->bare);
    slab->bare &= slab->bare - 1;
    if (!slab->bare) {
        eddyi_list_remove(&slab->link);
        eddyi_list_append(&c->dense, &slab->link);
    }

    top = slab->base + (slot + 1) * c->slot_size - pool->makes++ % STAGGER_LINES * LINE;
    top -= (sizeof(*s) + LINE - 1) & ~(LINE - 1);
    s = (struct eddyi_stack *)(void *)top;
    s->object = top - pool->object_size;
    s->guard = slab->base + slot * c->slot_size;
    s->limit = guard(slab, slot) ? s->guard + c->guard_size : s->guard;
    s->size = c->size;
    s->slab = slab;
    s->class = c;
    if (slab->valgrind_ids)
        slab->valgrind_ids[slot] = eddyi_mark_stack(s->limit, s->object, s->guard + c->slot_size);
    return s;
}

/* Takes a stack from the list, or makes one; NULL when memory is short. */
static struct eddyi_stack *take_listed(struct eddyi_stack_class *c)
{
    struct eddyi_list *l = eddyi_list_pop(&c->free);

    if (!l)
        return make(c);
    if (--c->n_free < c->unused)
        c->unused = c->n_free;
    return eddyi_container(l, struct eddyi_stack, link);
}

EDDYI_DIRECT struct eddyi_stack *eddyi_stack_take_of(struct eddyi_stack_class *c)
{
    struct eddyi_stack_pool *pool = c->pool;
    struct eddyi_stack *s = c->hot;

    if (__builtin_expect(s != NULL, 1))
        c->hot = NULL;
    else if (!(s = take_listed(c)))
        return NULL;
    pool->taken++;
    if (__builtin_expect(pool->prepare != NULL, 0))
        pool->prepare(s);
    return s;
}

EDDYI_DIRECT int eddyi_stack_take(struct eddyi_stack_pool *pool, size_t size,
                                  struct eddyi_stack **ret)
{
    struct eddyi_stack_class *c = class_for(pool, size);
    struct eddyi_stack *s;

    if (!c)
        return -EINVAL;
    s = eddyi_stack_take_of(c);
    if (!s)
        return -ENOMEM;
    *ret = s;
    return 0;
}

EDDYI_DIRECT int eddyi_stack_find(struct eddyi_stack_pool *pool, size_t size,
                                  struct eddyi_stack_class **ret)
{
    struct eddyi_stack_class *c = class_for(pool, size);

    if (!c)
        return -EINVAL;
    if (__builtin_expect(!c->hot, 0) && !(c->hot = take_listed(c)))
        return -ENOMEM;
    *ret = c;
    return 0;
}

EDDYI_DIRECT bool eddyi_stack_serves(const struct eddyi_stack *s, const struct eddyi_stack_class *c)
{
    return s->class == c && c->pool->prepare != freshen;
}

/* Tells valgrind and the sanitizers that @s is no longer a stack, and returns the number of its
 * slot. */
EDDYI_UNGUARDED static unsigned unmark(const struct eddyi_stack *s)
{
    size_t slot_size = s->class->slot_size;
    unsigned slot = (unsigned)((size_t)(s->guard - s->slab->base) / slot_size);

    if (s->slab->valgrind_ids)
        eddyi_unmark_stack(s->slab->valgrind_ids[slot], s->limit, s->guard + slot_size);
    return slot;
}

/* Makes the stack of @c that was unused longest bare. */
static void drop(struct eddyi_stack_class *c)
{
    struct eddyi_stack *s = eddyi_container(c->free.prev, struct eddyi_stack, link);
    struct eddyi_stack_slab *slab = s->slab;

    eddyi_list_remove(&s->link);
    c->n_free--;
    c->unused--;
    c->surplus--;
    if (!slab->bare) {
        eddyi_list_remove(&slab->link);
        eddyi_list_append(&c->open, &slab->link);
    }
    slab->bare |= (uint64_t)1 << unmark(s);
    if (slab->bare == all_slots(c))
        slab_free(slab);
    else /* On failure, the pages stay, and are used again with the slot. */
        eddyi_sys_advise(s->limit, (size_t)(s->guard + c->slot_size - s->limit), MADV_DONTNEED);
}

/* Moves the hot stack, if there is one, to the free list. */
static inline void cool_down(struct eddyi_stack_class *c)
{
    if (!c->hot)
        return;
    eddyi_list_append(c->free.next, &c->hot->link); /* before the first */
    c->n_free++;
    c->hot = NULL;
}

static void begin_period(struct eddyi_stack_pool *pool, int64_t now)
{
    pool->period = now;
    for (struct eddyi_stack_class *c = pool->classes; c < pool->classes + CLASSES; c++) {
        cool_down(c); /* so that it is counted, too */
        c->surplus = c->unused;
        c->unused = c->n_free;
    }
}

bool eddyi_stack_pool_tidy(struct eddyi_stack_pool *pool, int64_t now)
{
    unsigned batch = TIDY_BATCH;

    if (now - pool->period >= UNUSED_NS)
        begin_period(pool, now);
    for (struct eddyi_stack_class *c = pool->classes; c < pool->classes + CLASSES; c++) {
        for (; c->surplus && c->unused > c->keep; batch--) {
            if (!batch)
                return true;
            drop(c);
        }
    }
    return false;
}

static void pool_free(struct eddyi_stack_pool *pool)
{
    for (struct eddyi_stack_class *c = pool->classes; c < pool->classes + CLASSES; c++) {
        cool_down(c);
        EDDYI_LIST_EACH(l, &c->free)
            unmark(eddyi_container(l, struct eddyi_stack, link));
        eddyi_list_move_all(&c->open, &c->dense);
        while (!eddyi_list_empty(&c->open))
            slab_free(eddyi_container(c->open.next, struct eddyi_stack_slab, link));
    }
    for (struct shelf *shelf = pool->shelves, *next; shelf; shelf = next) {
        next = shelf->next;
        eddyi_unmark_root(shelf, sizeof(*shelf));
        eddyi_sys_unmap(shelf, sizeof(*shelf));
    }
    eddyi_free(pool);
}

void eddyi_stack_pool_close(struct eddyi_stack_pool *pool)
{
    if (!pool)
        return;
    pool->closed = true;
    if (!pool->taken)
        pool_free(pool);
}

/* Slow path of eddyi_stack_give(): it is time to tidy up, there is a hot stack already, or the pool
 * is closed. */
__attribute__((noinline)) static void give_slow(struct eddyi_stack_class *c, struct eddyi_stack *s)
{
    struct eddyi_stack_pool *pool = c->pool;

    /* Called before the stack is free: it may be running, and must not be dropped. */
    if (pool->gives % GIVES_PER_TIDY == 0)
        eddyi_stack_pool_tidy(pool, eddyi_sys_now());

    EDDYI_ASSERT_ALWAYS(pool->taken > 0);
    EDDYI_ASSERT(c->hot != s && c->free.next != &s->link && "a stack is given back once");
    cool_down(c);
    c->hot = s;
    pool->taken--;
    if (pool->closed && !pool->taken)
        pool_free(pool);
}

EDDYI_DIRECT void eddyi_stack_give(struct eddyi_stack *s)
{
    struct eddyi_stack_class *c = s->class;
    struct eddyi_stack_pool *pool = c->pool;

    if (++pool->gives % GIVES_PER_TIDY == 0 || c->hot || pool->closed) {
        give_slow(c, s);
        return;
    }
    EDDYI_ASSERT(pool->taken > 0);
    c->hot = s;
    pool->taken--;
}

bool eddyi_stack_guards(const struct eddyi_stack *s, const void *addr)
{
    const char *p = addr;

    return p >= s->slab->base && p < s->limit;
}

/* Keeps STAYS bytes below @frame, for the small frames of the functions that this call uses. */
void eddyi_stack_shrink(struct eddyi_stack *stack, void *frame)
{
    enum { STAYS = 1024 };
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = ((uintptr_t)frame - STAYS) & -page;

    if ((char *)frame <= stack->limit || (char *)frame >= (char *)stack->object)
        return;
    if (end > (uintptr_t)stack->limit)
        eddyi_sys_advise(stack->limit, end - (uintptr_t)stack->limit, MADV_DONTNEED);
}

void eddyi_stack_pool_measure(struct eddyi_stack_pool *pool)
{
    pool->prepare = freshen;
}

size_t eddyi_stack_depth(const struct eddyi_stack *stack)
{
    enum { PAGES = 256 };
    unsigned char resident[PAGES];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (char *p = stack->limit; p < (char *)stack->object; p += PAGES * page) {
        size_t n = ((size_t)((char *)stack->object - p) + page - 1) / page;

        n = n < PAGES ? n : PAGES;
        if (eddyi_sys_resident(p, n * page, resident) < 0)
            return 0;
        for (size_t i = 0; i < n; i++)
            if (resident[i] & 1)
                return (size_t)((char *)stack->object - (p + i * page));
    }
    return 0;
}
