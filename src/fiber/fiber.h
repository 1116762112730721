/*
 * Fibers: flows of control with a stack of their own, and the switch between them.
 *
 * A switch saves the registers that a function call must preserve on the stack that it leaves, and
 * the stack pointer in the fiber; nothing else. The floating-point environment (rounding, exception
 * masks) belongs to the thread, not to the fiber. The assembly is in fiber_x86_64.S and
 * fiber_aarch64.S; portable.c has the same functions in C for other CPUs. In builds that use
 * AddressSanitizer or ThreadSanitizer, fiber.c reports every switch to it; stack.c reports every
 * stack to valgrind.
 *
 * A task's fiber stays on the thread it first ran on: compilers keep the addresses of thread-local
 * variables across calls. A generator's fiber may be resumed in another thread: only eddy_yield()
 * suspends it.
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
    /* The assembly relies on the offsets of these two. */
    void *sp; /* where the fiber continues; valid while it is suspended */
    /* lowest byte of the stack, see eddyi_fiber_jump(); NULL for a thread's own stack */
    const void *limit;

#ifdef EDDYI_FIBER_ASAN
    /* lowest byte of the stack; for a thread's own stack, known after the first switch away */
    const void *stack_low;
    size_t stack_size; /* bytes from there to the beginning of the frames */
    /* where ASan keeps variables, to detect uses after return; valid while the fiber is
     * suspended */
    void *fake_stack;
#endif
#ifdef EDDYI_FIBER_TSAN
    void *tsan; /* TSan's name of the fiber; NULL: the fiber uses its thread's name */
#endif
};

/* Makes @f the flow of control that runs on the thread's own stack. Called in each run of a
 * loop. */
void eddyi_fiber_init_thread(struct eddyi_fiber *f);

/* Writes the frame from which the first jump calls entry(arg), below @top, and returns the address
 * of the frame. In assembly. */
void *eddyi_fiber_prepare(void *top, struct eddyi_fiber *(*entry)(void *arg), void *arg);

/*
 * Initializes @f as a fiber whose first switch calls entry(arg) on the stack [low, top); @top is
 * aligned to 16 bytes.
 *
 * When @entry returns, the fiber has ended, and the fiber that @entry returned runs next. The stack
 * of the ended fiber is no longer used, and @entry may already have given it back. A backtrace ends
 * at the caller of @entry.
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
 * Saves the registers that a call preserves on the stack of @from, exchanges stacks, and continues
 * @to where it was suspended. In assembly.
 *
 * A fiber that has left its stack, with a frame that jumped over the guard, cannot be suspended,
 * since other fibers may write to the memory in which it would be resumed;
 * eddyi_fiber_jump_watched() ends the process.
 */
void eddyi_fiber_jump(struct eddyi_fiber *from, const struct eddyi_fiber *to);

void eddyi_fiber_jump_watched(struct eddyi_fiber *from, const struct eddyi_fiber *to);

/* Not 0: every switch goes through eddyi_fiber_jump_watched(). Read by the assembly too. */
extern unsigned char eddyi_fiber_watched __attribute__((visibility("hidden")));

/* Performs the jump from @from to @to alone. In assembly. */
void eddyi_fiber_jump_now(struct eddyi_fiber *from, const struct eddyi_fiber *to);

/*
 * Makes the C++ runtime's state of a thread belong to the fiber from now on: the exceptions that
 * catch blocks handle, and the number of uncaught exceptions. @get_globals is __cxa_get_globals(),
 * or NULL for no effect. A fiber takes its exceptions along when it leaves its stack, so every
 * stack is entered without any.
 */
void eddyi_fiber_watch_exceptions(void *(*get_globals)(void));

/* Returns whether an exception has been thrown in this thread and not caught. In a cleanup
 * function: whether an exception, and not pthread_exit(), makes it run. */
bool eddyi_fiber_exception_passes(void);

/* Suspends @from, which is running, and continues @to; returns when a later switch resumes
 * @from. */
#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)
void eddyi_fiber_switch(struct eddyi_fiber *from, struct eddyi_fiber *to);
#else
static inline void eddyi_fiber_switch(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    eddyi_fiber_jump(from, to);
}
#endif

/* Releases the resources of @f, which is not running and will not run again: it never ran, or stays
 * suspended. */
void eddyi_fiber_fini(struct eddyi_fiber *f);

#endif
