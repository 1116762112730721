/*
 * The switch for CPUs without an assembly file: setjmp() and longjmp() between stacks that
 * makecontext() has set up. Built in place of the assembly where CMake finds a CPU other than
 * x86-64 and AArch64, or with -DEDDY_PORTABLE_FIBER=ON.
 *
 * The `sp` of a suspended fiber points to a struct suspended on its stack. Only the first switch to
 * a fiber enters the kernel: setcontext() sets the signal mask, to its present value.
 *
 * This file is compiled without _FORTIFY_SOURCE, since glibc's check that longjmp() only goes up
 * assumes a single stack.
 */
#undef _FORTIFY_SOURCE
#include "fiber/fiber.h"
#include "fiber/unwind.h"

#include <setjmp.h>
#include <stdint.h>
#include <ucontext.h>

/* A call that runs on a suspended fiber's stack, and the place where it returns to: see
 * eddyi_unwind_from(). */
struct visit {
    void (*fn)(void *arg);
    void *arg;
    jmp_buf back;
};

struct suspended {
    jmp_buf here;        /* where the fiber continues; not set in a fresh one */
    struct visit *visit; /* NULL: a switch */
    struct fresh *fresh; /* NULL once the fiber has begun */
};

/* A fiber that has not begun: lies at the top of its stack, for as long as the fiber lives. */
struct fresh {
    struct suspended suspended;
    struct eddyi_fiber *(*entry)(void *arg);
    void *arg;
};

__attribute__((noreturn)) static void resume(struct suspended *s);

/* Runs a new fiber, as its outermost frame. makecontext() passes ints only: @high and @low are the
 * halves of a pointer to struct fresh. */
static void eddyi_fiber_start(unsigned high, unsigned low)
{
    struct fresh *f = (struct fresh *)(uintptr_t)((uint64_t)high << 32 | low);

#ifdef __i386__ /* glibc does not say there that this is the outermost frame */
    __asm__ volatile(".cfi_undefined eip");
#endif
    f->suspended.fresh = NULL;
    resume(f->entry(f->arg)->sp);
}

/* Begins a fiber. The context is made this late so that it has the thread's present signal mask and
 * floating-point environment, both of which setcontext() sets. */
__attribute__((noreturn)) static void begin(struct fresh *f)
{
    enum { ANY_SIZE = 4096 }; /* glibc uses only the end of the stack */
    uint64_t address = (uintptr_t)f;
    ucontext_t context;

    getcontext(&context);
    context.uc_link = NULL;
    context.uc_stack.ss_sp = (char *)f - ANY_SIZE;
    context.uc_stack.ss_size = ANY_SIZE;
    makecontext(&context, (void (*)(void))eddyi_fiber_start, 2, (unsigned)(address >> 32),
                (unsigned)address);
    setcontext(&context);
    __builtin_trap(); /* setcontext() fails only for contexts that makecontext() did not make */
}

static void resume(struct suspended *s)
{
    if (s->fresh)
        begin(s->fresh);
    _longjmp(s->here, 1);
}

void *eddyi_fiber_prepare(void *top, struct eddyi_fiber *(*entry)(void *arg), void *arg)
{
    enum { ALIGNMENT = 64 };
    struct fresh *f = (struct fresh *)(((uintptr_t)top - sizeof *f) & ~(uintptr_t)(ALIGNMENT - 1));

    f->suspended.visit = NULL;
    f->suspended.fresh = f;
    f->entry = entry;
    f->arg = arg;
    return &f->suspended;
}

__attribute__((noinline)) void eddyi_fiber_jump_now(struct eddyi_fiber *from,
                                                    const struct eddyi_fiber *to)
{
    struct suspended self; /* not initialized whole: jmp_buf is large */

    self.visit = NULL;
    self.fresh = NULL;
    if (_setjmp(self.here) == 0) {
        from->sp = &self;
        resume(to->sp);
    }
    if (self.visit) {
        self.visit->fn(self.visit->arg);
        _longjmp(self.visit->back, 1);
    }
}

void eddyi_fiber_jump(struct eddyi_fiber *from, const struct eddyi_fiber *to)
{
    if ((const char *)__builtin_frame_address(0) < (const char *)from->limit || eddyi_fiber_watched)
        eddyi_fiber_jump_watched(from, to);
    else
        eddyi_fiber_jump_now(from, to);
}

/* Runs fn(arg) on the suspended fiber's own stack, below the frame in which the fiber waits. Does
 * nothing for a fiber that has not begun, which has no frames. */
void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg)
{
    struct suspended *s = sp;
    struct visit visit = {.fn = fn, .arg = arg};

    if (s->fresh)
        return;
    s->visit = &visit;
    if (_setjmp(visit.back) == 0)
        resume(s);
    s->visit = NULL;
}
