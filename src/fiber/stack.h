/*
 * Stacks: address space for fibers, guarded, in slabs, and kept for the next task.
 *
 *   low address                                                                  high address
 *   | guard | … untouched …        frames grow this way <- | object | struct eddyi_stack |   |
 *   ^ guard ^ limit                                        ^ object                  stagger
 *
 * Each slot holds, at its top, an object of its user (the task) and its own descriptor, so that a
 * parked task with a shallow stack occupies one page. The position of both is staggered between
 * slots; otherwise the tops of all stacks would compete for the same cache sets.
 *
 * A guard has 64 KiB, whatever the size of the stack. A larger frame whose far end is touched first
 * misses the guard, unless its function was compiled with -fstack-clash-protection, which touches
 * every page on the way. A guard costs 128 bytes of page table per stack; 1 MiB would cost 2 KiB.
 *
 * Guards are installed with madvise(MADV_GUARD_INSTALL) where the kernel has it (6.13), which costs
 * no mapping; elsewhere with mprotect, up to a budget that stays below vm.max_map_count. Stacks
 * beyond the budget have no guard; one warning on standard error says so.
 *
 * A stack that is given back stays as it is, for the next task. Stacks that no task needed for some
 * seconds go back to the kernel, except for 16 MiB of each size class.
 *
 * A pool belongs to a loop and is used from its thread only. Its memory is freed when the pool is
 * closed and the last stack has been given back.
 */
#ifndef EDDYI_STACK_H
#define EDDYI_STACK_H

#include "base/direct.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDDYI_STACK_DEFAULT ((size_t)256 * 1024)
#define EDDYI_STACK_MIN ((size_t)16 * 1024)
#define EDDYI_STACK_MAX ((size_t)256 * 1024 * 1024)

struct eddyi_stack_pool;
struct eddyi_stack_class;

struct eddyi_stack {
    void *object; /* object_size bytes, aligned to 64; frames begin below it */
    char *limit;  /* lowest usable byte */
    char *guard;  /* lowest byte of the guard; guard == limit if there is none */
    size_t size;  /* size of the class: bytes of address space, without the guard */
    /* the rest is private to stack.c */
    struct eddyi_list link; /* in the free list of its size class, while the stack is free */
    struct eddyi_stack_slab *slab;
    struct eddyi_stack_class *class;
};

/* Makes a pool for stacks that carry objects of @object_size bytes (at most 2048). The caller owns
 * *ret. Returns 0 or -ENOMEM. */
int eddyi_stack_pool_new(size_t object_size, struct eddyi_stack_pool **ret);

/* Closes @pool, which may be NULL: no more stacks may be taken, and the pool is freed when the last
 * stack has been given back. */
void eddyi_stack_pool_close(struct eddyi_stack_pool *pool);

/*
 * Takes a stack of at least @size bytes (0: the default), the most recently used first. The size is
 * rounded up to a size class; the bytes of the object are unspecified. Returns 0, -ENOMEM, or
 * -EINVAL for a @size above EDDYI_STACK_MAX.
 */
EDDYI_DIRECT int eddyi_stack_take(struct eddyi_stack_pool *pool, size_t size,
                                  struct eddyi_stack **ret);

/*
 * Finds the size class for stacks of at least @size bytes (0: the default), and makes sure that at
 * least one stack of it is free, for a eddyi_stack_take_of() later. Returns 0, -ENOMEM, or -EINVAL
 * for a @size above EDDYI_STACK_MAX.
 */
EDDYI_DIRECT int eddyi_stack_find(struct eddyi_stack_pool *pool, size_t size,
                                  struct eddyi_stack_class **ret);

/* Takes a stack of @class, the most recently used first. Returns NULL when memory is short. */
EDDYI_DIRECT struct eddyi_stack *eddyi_stack_take_of(struct eddyi_stack_class *class);

/* Returns true if @stack, whose user has ended, may have a user that wants a stack of @class next,
 * without being given back: that user's frames may begin at once, in a frame of the former. */
EDDYI_DIRECT bool eddyi_stack_serves(const struct eddyi_stack *stack,
                                     const struct eddyi_stack_class *class);

/* Gives @stack back. It may be the stack that is running, unless the pool is closed: only its
 * descriptor is touched, and its memory stays mapped until another call on the pool. */
EDDYI_DIRECT void eddyi_stack_give(struct eddyi_stack *stack);

/* Has each stack that is taken from @pool from now on begin with fresh memory, so that
 * eddyi_stack_depth() is its present user's. */
void eddyi_stack_pool_measure(struct eddyi_stack_pool *pool);

/*
 * Returns how many bytes below @stack's object have been touched since the memory was fresh, in
 * whole pages; earlier users count, unless the pool is measured. 0: not known.
 */
size_t eddyi_stack_depth(const struct eddyi_stack *stack);

/*
 * Returns the memory of @stack below @frame, the address of a running frame, to the kernel; of use
 * when the stack was deep and will stay shallow for a while. Does nothing if @frame is on another
 * stack.
 */
void eddyi_stack_shrink(struct eddyi_stack *stack, void *frame);

/*
 * Returns memory of long unused stacks to the kernel, a batch at a time; @now is eddyi_sys_now().
 * eddyi_stack_give() calls it periodically; a loop with nothing to do may call it too. Returns true
 * if it should be called again soon.
 */
bool eddyi_stack_pool_tidy(struct eddyi_stack_pool *pool, int64_t now);

/* Returns whether @addr, the address of a fault, shows an overflow of @stack: it lies in the guard,
 * or below it among the other stacks, to which the stack's own code has no access. */
bool eddyi_stack_guards(const struct eddyi_stack *stack, const void *addr);

#endif
