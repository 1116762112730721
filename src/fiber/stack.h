/*
 * Stacks: address space for fibers, guarded, in slabs, and kept for the next task.
 *
 *   low address                                                                  high address
 *   | guard | … untouched …        frames grow this way <- | object | struct eddyi_stack |   |
 *   ^ guard ^ limit                                        ^ object                  stagger
 *
 * Each slot holds, at its top, an object of its user (the task) and its own descriptor, so that a
 * parked task with a shallow stack is one page. The position of both is staggered between slots, or
 * the tops of all stacks would compete for the same cache sets.
 *
 * A guard has 64 KiB, whatever the size of the stack: a frame that is larger, and is touched at its
 * far end first, misses it, unless its function was compiled with -fstack-clash-protection, which
 * touches every page on the way. That costs 128 bytes of page table a stack; 1 MiB would cost 2
 * KiB.
 *
 * Guards are installed with madvise(MADV_GUARD_INSTALL) where the kernel has it (6.13), which costs
 * no mapping; elsewhere with mprotect, up to a budget that stays below vm.max_map_count, then
 * without a guard, which is said once on standard error.
 *
 * A stack that is given back stays as it is, for the next to take. What no task needed for some
 * seconds goes back to the kernel, but for 16 MiB of each size class.
 *
 * A pool belongs to a loop and is used from its thread only. Its memory stays until it is closed
 * and the last stack is back.
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

struct eddyi_stack {
    void *object; /* object_size bytes, aligned to 64; frames begin below it */
    char *limit;  /* lowest usable byte */
    char *guard;  /* lowest byte of the guard; guard == limit if there is none */
    size_t size;  /* of its class: address space, without the guard */
    /* the rest is stack.c's own */
    struct eddyi_list link; /* in its size class's free list, while it is free */
    struct eddyi_stack_slab *slab;
    struct eddyi_stack_class *class;
};

/* A pool for stacks that carry objects of @object_size bytes (at most 2048). 0 or -ENOMEM. */
int eddyi_stack_pool_new(size_t object_size, struct eddyi_stack_pool **ret);

/* No more stacks will be taken; the pool goes when the last one is back. NULL is allowed. */
void eddyi_stack_pool_close(struct eddyi_stack_pool *pool);

/*
 * A stack of at least @size bytes (0: the default), most recently used first. Rounded up to a
 * size class; the object's bytes are unspecified. 0, -ENOMEM, -EINVAL above EDDYI_STACK_MAX.
 */
EDDYI_DIRECT int eddyi_stack_take(struct eddyi_stack_pool *pool, size_t size,
                                  struct eddyi_stack **ret);

/*
 * Gives one back. It may be the stack that is running, unless the pool is closed: nothing in it is
 * touched but the descriptor, and its memory stays mapped until another call on the pool.
 */
EDDYI_DIRECT void eddyi_stack_give(struct eddyi_stack *stack);

/*
 * Gives the memory below @frame, the address of a running frame, back to the kernel: for one that
 * went deep and will not for a while. Does nothing if @frame is on another stack.
 */
void eddyi_stack_shrink(struct eddyi_stack *stack, void *frame);

/*
 * Gives memory of long unused stacks back to the kernel, a batch at a time; @now is
 * eddyi_sys_now(). eddyi_stack_give() calls it now and then; a loop with nothing to do may. True if
 * it should be called again soon.
 */
bool eddyi_stack_pool_tidy(struct eddyi_stack_pool *pool, int64_t now);

/*
 * True if @addr, at which there was a fault, lies in the stack's guard, or below it among the other
 * stacks, where its own code has nothing to look for: an overflow.
 */
bool eddyi_stack_guards(const struct eddyi_stack *stack, const void *addr);

#endif
