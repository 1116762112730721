/*
 * Fibers: flows of control with a stack of their own, and the switch between them.
 *
 * A switch saves the registers that a function call must preserve on the stack it leaves, and the
 * stack pointer in the fiber; nothing else. The floating-point environment (rounding, exception
 * masks) belongs to the thread, not to the fiber. The assembly is in fiber_x86_64.S and
 * fiber_aarch64.S, and portable.c has the same functions in C for other CPUs; AddressSanitizer and
 * ThreadSanitizer are told about every switch in fiber.c, in builds that use them, and valgrind
 * about every stack in stack.c.
 *
 * A task's fiber stays on the thread it first ran on: compilers keep the addresses of thread-local
 * variables across calls. A generator's may go on in another one, where only eddy_yield() stands
 * between.
 */
#ifndef EDDYI_FIBER_H
#define EDDYI_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define EDDYI_FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define EDDYI_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EDDYI_FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define EDDYI_FIBER_TSAN 1
#endif
#endif

struct eddyi_fiber {
    /* The assembly knows where these are. */
    void *sp;          /* where it continues; valid while it is suspended */
    const void *limit; /* lowest byte of its stack; NULL of a thread's: see eddyi_fiber_jump() */

#ifdef EDDYI_FIBER_ASAN
    /* lowest byte of its stack; of a thread's, known after the first switch away */
    const void *stack_low;
    size_t stack_size; /* bytes from there to where its frames begin */
    /* where ASan keeps variables, to catch uses after return; while suspended */
    void *fake_stack;
#endif
#ifdef EDDYI_FIBER_TSAN
    void *tsan; /* TSan's name for it; NULL: it goes by the thread's */
#endif
};

/* The flow of control that is running on the thread's own stack. Call on each run of a loop. */
void eddyi_fiber_init_thread(struct eddyi_fiber *f);

/* In assembly: writes the frame from which the first jump calls entry(arg), and returns its
 * address. */
void *eddyi_fiber_prepare(void *top, struct eddyi_fiber *(*entry)(void *arg), void *arg);

/*
 * A new fiber whose first switch calls entry(arg), on the stack [low, top); @top is aligned to 16.
 * When @entry returns the fiber has ended: it is forgotten, and goes on as the fiber that @entry
 * gave. Its stack is free from then on, and may have been given back already. A backtrace ends at
 * @entry's caller.
 */
#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)
void eddyi_fiber_init(struct eddyi_fiber *f, void *low, void *top,
                      struct eddyi_fiber *(*entry)(void *arg), void *arg);
#else
static inline void eddyi_fiber_init(struct eddyi_fiber *f, void *low, void *top,
                                    struct eddyi_fiber *(*entry)(void *arg), void *arg)
{
    f->limit = low;
    f->sp = eddyi_fiber_prepare(top, entry, arg);
}
#endif

/*
 * In assembly: saves what a call preserves, exchanges stacks, goes on where @to was left. A fiber
 * that has left its stack, by a frame that jumped over the guard, may not suspend: it would be
 * resumed in what other fibers have written to meanwhile. It ends the process, in
 * eddyi_fiber_jump_watched().
 */
void eddyi_fiber_jump(struct eddyi_fiber *from, const struct eddyi_fiber *to);

void eddyi_fiber_jump_watched(struct eddyi_fiber *from, const struct eddyi_fiber *to);

/* In assembly: the jump alone. */
void eddyi_fiber_jump_now(struct eddyi_fiber *from, const struct eddyi_fiber *to);

/*
 * Has what the C++ runtime keeps per thread belong to the fiber from now on: the exceptions that
 * catch blocks handle, and how many are on their way. @get_globals is __cxa_get_globals(). Whoever
 * leaves a stack takes them along, so a stack is always entered without any.
 */
void eddyi_fiber_watch_exceptions(void *(*get_globals)(void));

/* Whether one has been thrown in this thread and not caught. In a clean-up: that is why it runs,
 * and not pthread_exit(). */
bool eddyi_fiber_exception_passes(void);

/* Suspends @from, which is running, and continues @to; returns when somebody switches back. */
#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)
void eddyi_fiber_switch(struct eddyi_fiber *from, struct eddyi_fiber *to);
#else
static inline void eddyi_fiber_switch(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    eddyi_fiber_jump(from, to);
}
#endif

/* Forgets a fiber that is not running and will not run again: one that never did, or stays
 * suspended. */
void eddyi_fiber_fini(struct eddyi_fiber *f);

#endif
