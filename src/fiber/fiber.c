/*
 * Fibers in C: the first frame of a new fiber, and the reports of a switch to the sanitizers.
 *
 * A switch has two halves: leave() on the old stack, and arrive() as the first call on the new
 * stack, after the return from a switch or at the beginning of a fiber. arrive() is a call of its
 * own, since a generator's fiber may be resumed in another thread, and a function keeps the
 * addresses of the variables of its thread. Builds without sanitizers have neither half, and
 * eddyi_fiber_switch() is the assembly itself.
 */
#include "fiber/fiber.h"

#include "fiber/overflow.h"

#include <stdint.h>

#if defined(EDDYI_FIBER_ASAN)

#include <sanitizer/common_interface_defs.h>

#define UNWATCHED __attribute__((no_sanitize("address")))

/* The fiber that switched last in this thread, read by arrive(); NULL after a switch for good. */
static _Thread_local struct eddyi_fiber *left;

UNWATCHED static void leave(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    left = from;
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_low, to->stack_size);
}

/* Switches from @from, which has ended, to @to. Also ends the fake stack, on which @from may
 * lie. */
UNWATCHED static void leave_for_good(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    (void)from;
    left = NULL;
    __sanitizer_start_switch_fiber(NULL, to->stack_low, to->stack_size);
}

UNWATCHED __attribute__((noinline)) static void arrive(struct eddyi_fiber *self)
{
    const void *low;
    size_t size;

    __sanitizer_finish_switch_fiber(self->fake_stack, &low, &size);
    /* ASan knows the bounds of the thread's stack and reports them here; the switch back needs
     * them. */
    if (left && left->stack_size == 0) {
        left->stack_low = low;
        left->stack_size = size;
    }
}

void eddyi_fiber_init_thread(struct eddyi_fiber *f)
{
    *f = (struct eddyi_fiber){.sp = NULL};
}

static void begin(struct eddyi_fiber *f, void *low, void *top)
{
    *f = (struct eddyi_fiber){
        .limit = low, .stack_low = low, .stack_size = (size_t)((char *)top - (char *)low)};
}

void eddyi_fiber_fini(struct eddyi_fiber *f)
{
    (void)f;
}

#elif defined(EDDYI_FIBER_TSAN)

#include <sanitizer/tsan_interface.h>
#include <stdatomic.h>

#define UNWATCHED __attribute__((no_sanitize("thread")))

/* TSan dies at 8128 threads and fibers; beyond this number, fibers use the name of their thread. */
#define FIBERS_MAX 7500

static atomic_int fibers;
static _Thread_local void *thread_tsan; /* TSan's name of the thread itself */
/* the TSan name of a fiber that has ended, which arrive() destroys */
static _Thread_local void *ended;

static void destroy(void *tsan)
{
    __tsan_destroy_fiber(tsan);
    atomic_fetch_sub_explicit(&fibers, 1, memory_order_relaxed);
}

/* Inline: clang notes the return of every function, and these would return in a fiber that never
 * called them. */
#define INLINE __attribute__((always_inline)) static inline

UNWATCHED INLINE void leave(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    void *tsan = to->tsan ? to->tsan : thread_tsan;

    (void)from;
    if (tsan != __tsan_get_current_fiber())
        __tsan_switch_to_fiber(tsan, 0);
}

UNWATCHED INLINE void leave_for_good(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    ended = from->tsan;
    from->tsan = NULL;
    leave(from, to);
}

UNWATCHED __attribute__((noinline)) static void arrive(struct eddyi_fiber *self)
{
    (void)self;
    if (ended) {
        destroy(ended);
        ended = NULL;
    }
}

void eddyi_fiber_init_thread(struct eddyi_fiber *f)
{
    *f = (struct eddyi_fiber){.sp = NULL};
    thread_tsan = __tsan_get_current_fiber();
}

static void begin(struct eddyi_fiber *f, void *low, void *top)
{
    (void)top;
    f->limit = low;
    f->tsan = NULL;
    if (atomic_fetch_add_explicit(&fibers, 1, memory_order_relaxed) < FIBERS_MAX)
        f->tsan = __tsan_create_fiber(0);
    else
        atomic_fetch_sub_explicit(&fibers, 1, memory_order_relaxed);
}

void eddyi_fiber_fini(struct eddyi_fiber *f)
{
    if (f->tsan)
        destroy(f->tsan);
    f->tsan = NULL;
}

#endif

#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)

/* The argument of arrive_first(), at the very top of the fiber's stack. */
struct beginning {
    struct eddyi_fiber *self;
    struct eddyi_fiber *(*entry)(void *arg);
    void *arg;
};

/* Runs the fiber of @arg. Does not return, as plain fibers do: compilers would still note the
 * return, in the wrong fiber. */
UNWATCHED static struct eddyi_fiber *arrive_first(void *arg)
{
    struct beginning *b = arg;
    struct eddyi_fiber *self = b->self, *next, nobody = {.limit = NULL};

    arrive(self);
    next = b->entry(b->arg);
    leave_for_good(self, next);
    eddyi_fiber_jump(&nobody, next);
    __builtin_trap();
}

void eddyi_fiber_init(struct eddyi_fiber *f, void *low, void *top,
                      struct eddyi_fiber *(*entry)(void *arg), void *arg)
{
    struct beginning *b = (struct beginning *)(((uintptr_t)top - sizeof(*b)) & ~(uintptr_t)15);

    *b = (struct beginning){f, entry, arg};
    begin(f, low, top);
    f->sp = eddyi_fiber_prepare(b, arrive_first, b);
}

UNWATCHED void eddyi_fiber_switch(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    leave(from, to);
    eddyi_fiber_jump(from, to);
    arrive(from);
}

#else

void eddyi_fiber_init_thread(struct eddyi_fiber *f)
{
    f->sp = NULL;
    f->limit = NULL;
}

void eddyi_fiber_fini(struct eddyi_fiber *f)
{
    (void)f;
}

#endif

/* The beginning of __cxa_eh_globals, which both C++ runtimes share (Itanium C++ ABI, exception
 * handling, 2.2.2). */
struct exceptions {
    void *caught;        /* the exception handled most recently, linked to the earlier ones */
    unsigned n_uncaught; /* thrown, and not caught yet */
};

/* Not 0: every switch goes through eddyi_fiber_jump_watched(). The assembly reads it. */
unsigned char eddyi_fiber_watched;
static void *(*globals)(void);

void eddyi_fiber_watch_exceptions(void *(*get_globals)(void))
{
    if (!get_globals)
        return;
    __atomic_store_n(&globals, get_globals, __ATOMIC_RELEASE);
    __atomic_store_n(&eddyi_fiber_watched, 1, __ATOMIC_RELEASE);
}

bool eddyi_fiber_exception_passes(void)
{
    return globals && ((struct exceptions *)globals())->n_uncaught > 0;
}

#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define BETWEEN_STACKS __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef BETWEEN_STACKS
#define BETWEEN_STACKS __attribute__((no_sanitize("address", "thread")))
#endif

/*
 * Slow path of eddyi_fiber_jump(), for a fiber that has left its stack, and for fibers that own C++
 * exceptions beside their registers. In a build with sanitizers, these already take the other stack
 * for the running one.
 */
BETWEEN_STACKS void eddyi_fiber_jump_watched(struct eddyi_fiber *from, const struct eddyi_fiber *to)
{
    void *(*get)(void) = globals;
    struct exceptions *here, mine = {NULL, 0};

    if ((const char *)__builtin_frame_address(0) < (const char *)from->limit)
        eddyi_overflow_report(from->limit);
    if (get) {
        here = get();
        mine = *here;
        *here = (struct exceptions){NULL, 0};
    }
    eddyi_fiber_jump_now(from, to);
    if (mine.caught || mine.n_uncaught) {
        here = get();
        *here = mine;
    }
}
