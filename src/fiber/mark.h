/*
 * Reports of stacks to valgrind and the sanitizers. Without them, the functions are empty, or, for
 * valgrind, a few instructions without effect.
 *
 * Valgrind takes a large change of the stack pointer for a switch only between stacks that it
 * knows. AddressSanitizer's marks of frames that never returned would produce false reports for the
 * next user of the stack; its leak check reads only the mappings that it is told of, and a task
 * lies in one.
 */
#ifndef EDDYI_MARK_H
#define EDDYI_MARK_H

#include "fiber/fiber.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef EDDYI_FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(low, size) ((void)(low), (void)(size))
#endif

/* Returns whether valgrind or AddressSanitizer has to be told of fresh stacks; without valgrind,
 * even a report takes 2.5 ns. */
static inline bool eddyi_mark_watched(void)
{
#ifdef EDDYI_FIBER_ASAN
    return true;
#else
    return RUNNING_ON_VALGRIND;
#endif
}

/* Has the leak check read the @size bytes at @low, a mapping that has pointers to allocations. */
static inline void eddyi_mark_root(const void *low, size_t size)
{
    (void)low, (void)size;
#ifdef EDDYI_FIBER_ASAN
    __lsan_register_root_region(low, size);
#endif
}

/* Ends eddyi_mark_root(): the mapping is about to go. */
static inline void eddyi_unmark_root(const void *low, size_t size)
{
    (void)low, (void)size;
#ifdef EDDYI_FIBER_ASAN
    __lsan_unregister_root_region(low, size);
#endif
}

/* Reports a new stack: frames in [low, top), object and descriptor up to @end. Returns valgrind's
 * number of the stack. */
static inline unsigned eddyi_mark_stack(char *low, void *top, char *end)
{
    (void)top;
    eddyi_mark_root(low, (size_t)(end - low));
    return (unsigned)VALGRIND_STACK_REGISTER(low, top);
}

/* Reports that [low, end) is no longer a stack: the next mapping at this address may have any
 * use. */
static inline void eddyi_unmark_stack(unsigned valgrind_id, char *low, char *end)
{
    eddyi_unmark_root(low, (size_t)(end - low));
#ifdef EDDYI_FIBER_ASAN
    __asan_unpoison_memory_region(low, (size_t)(end - low));
#endif
    VALGRIND_STACK_DEREGISTER(valgrind_id);
}

/* Has reads and writes of @size bytes at @low reported: an object there was freed, and is kept. */
static inline void eddyi_mark_gone(char *low, size_t size)
{
    (void)low, (void)size;
#ifdef EDDYI_FIBER_ASAN
    __asan_poison_memory_region(low, size);
#endif
}

/* Ends eddyi_mark_gone(): the memory is about to be given back. */
static inline void eddyi_mark_not_gone(char *low, size_t size)
{
    (void)low, (void)size;
#ifdef EDDYI_FIBER_ASAN
    __asan_unpoison_memory_region(low, size);
#endif
}

/* Reports that a stack has a new user, for which the contents that the last user left are
 * undefined. */
static inline void eddyi_mark_stack_fresh(char *low, void *top)
{
    size_t size = (size_t)((char *)top - low);

    (void)size;
#ifdef EDDYI_FIBER_ASAN
    __asan_unpoison_memory_region(low, size);
#endif
    VALGRIND_MAKE_MEM_UNDEFINED(low, size);
}

#endif
