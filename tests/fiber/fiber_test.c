#include "harness/test.h"

#include "fiber/fiber.h"
#include "fiber/stack.h"

#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unwind.h>

/* A fiber with a body, and the flow of control that switches to it and back. */
struct coroutine {
    struct eddyi_fiber fiber, caller;
    struct eddyi_stack *stack;
    void (*body)(struct coroutine *c);
    void *arg;
    bool ended;
};

static struct eddyi_fiber *coroutine_main(void *arg)
{
    struct coroutine *c = arg;

    c->body(c);
    c->ended = true;
    return &c->caller;
}

static void resume(struct coroutine *c)
{
    eddyi_fiber_init_thread(&c->caller);
    eddyi_fiber_switch(&c->caller, &c->fiber);
}

static void yield(struct coroutine *c)
{
    eddyi_fiber_switch(&c->fiber, &c->caller);
}

static struct eddyi_stack_pool *open_pool(void)
{
    struct eddyi_stack_pool *pool = NULL;

    eddyi_stack_pool_new(64, &pool);
    REQUIRE(pool != NULL);
    return pool;
}

static void start(struct coroutine *c, struct eddyi_stack_pool *pool,
                  void (*body)(struct coroutine *c))
{
    *c = (struct coroutine){.body = body};
    eddyi_stack_take(pool, 64 * 1024, &c->stack);
    REQUIRE(c->stack != NULL);
    eddyi_fiber_init(&c->fiber, c->stack->limit, c->stack->object, coroutine_main, c);
}

static void stop(struct coroutine *c)
{
    eddyi_fiber_fini(&c->fiber);
    eddyi_stack_give(c->stack);
}

static void note_where(struct coroutine *c)
{
    char here;

    c->arg = &here;
    yield(c);
    EXPECT(c->arg == &here);
}

TEST(a_fiber_runs_on_its_own_stack_and_goes_on_where_it_left)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c;

    start(&c, pool, note_where);
    resume(&c);
    EXPECT(!c.ended);
#ifndef __SANITIZE_ADDRESS__ /* which keeps variables elsewhere */
    EXPECT((char *)c.arg >= c.stack->limit && c.arg < c.stack->object);
#endif
    resume(&c);
    EXPECT(c.ended);

    stop(&c);
    eddyi_stack_pool_close(pool);
}

static void switch_out_of_line(struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    eddyi_fiber_switch(from, to);
}

/*
 * Fills every register that a call preserves with a value of its own, from @base on, calls sw(from,
 * to), and returns how many of them still have it.
 */
long registers_kept(long base, void (*sw)(struct eddyi_fiber *from, struct eddyi_fiber *to),
                    struct eddyi_fiber *from, struct eddyi_fiber *to);
/* clang-format off */
#if defined(__x86_64__)
#define REGISTERS 6
#define KEPT(reg, n)                                                                               \
    "leaq " #n "(%rdi), %rcx; cmpq %rcx, %" #reg "; sete %cl; movzbl %cl, %ecx; addq %rcx, %rax;"
__asm__(".text\n"
        ".globl registers_kept\n"
        "registers_kept:\n"
        "endbr64; pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15;"
        "pushq %rdi;"
        "movq %rsi, %rax; movq %rdx, %r8; movq %rcx, %rsi;"
        "leaq 1(%rdi), %rbx; leaq 2(%rdi), %rbp; leaq 3(%rdi), %r12;"
        "leaq 4(%rdi), %r13; leaq 5(%rdi), %r14; leaq 6(%rdi), %r15;"
        "movq %r8, %rdi; call *%rax;"
        "movq (%rsp), %rdi; xorl %eax, %eax;"
        KEPT(rbx, 1) KEPT(rbp, 2) KEPT(r12, 3) KEPT(r13, 4) KEPT(r14, 5) KEPT(r15, 6)
        "popq %rdi; popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx; ret\n");
#elif defined(__aarch64__)
#define REGISTERS 18
#define SET(n) "add x9, x0, #" #n "; mov x" #n ", x9;"
#define KEPT(n) "add x9, x1, #" #n "; cmp x9, x" #n "; cinc x0, x0, eq;"
#define SET_D(n) "add x9, x0, #" #n "; fmov d" #n ", x9;"
#define KEPT_D(n) "add x9, x1, #" #n "; fmov x10, d" #n "; cmp x9, x10; cinc x0, x0, eq;"
__asm__(".text\n"
        ".globl registers_kept\n"
        "registers_kept:\n"
        "stp x29, x30, [sp, #-176]!; stp x19, x20, [sp, #16]; stp x21, x22, [sp, #32];"
        "stp x23, x24, [sp, #48]; stp x25, x26, [sp, #64]; stp x27, x28, [sp, #80];"
        "stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]; stp d12, d13, [sp, #128];"
        "stp d14, d15, [sp, #144]; str x0, [sp, #160];"
        SET(19) SET(20) SET(21) SET(22) SET(23) SET(24) SET(25) SET(26) SET(27) SET(28)
        SET_D(8) SET_D(9) SET_D(10) SET_D(11) SET_D(12) SET_D(13) SET_D(14) SET_D(15)
        "mov x11, x1; mov x0, x2; mov x1, x3; blr x11; ldr x1, [sp, #160]; mov x0, #0;"
        KEPT(19) KEPT(20) KEPT(21) KEPT(22) KEPT(23) KEPT(24) KEPT(25) KEPT(26) KEPT(27) KEPT(28)
        KEPT_D(8) KEPT_D(9) KEPT_D(10) KEPT_D(11) KEPT_D(12) KEPT_D(13) KEPT_D(14) KEPT_D(15)
        "ldp x19, x20, [sp, #16]; ldp x21, x22, [sp, #32]; ldp x23, x24, [sp, #48];"
        "ldp x25, x26, [sp, #64]; ldp x27, x28, [sp, #80]; ldp d8, d9, [sp, #96];"
        "ldp d10, d11, [sp, #112]; ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144];"
        "ldp x29, x30, [sp], #176; ret\n");
#else
/* For CPUs whose registers this file does not name: the compiler keeps values in them itself. */
#define REGISTERS 8
long registers_kept(long base, void (*sw)(struct eddyi_fiber *from, struct eddyi_fiber *to),
                    struct eddyi_fiber *from, struct eddyi_fiber *to)
{
    long v[REGISTERS], kept = 0;

    for (long i = 0; i < REGISTERS; i++)
        __asm__("" : "=r"(v[i]) : "0"(base + i));
    long a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    sw(from, to);
    kept += (a == base) + (b == base + 1) + (c == base + 2) + (d == base + 3);
    return kept + (e == base + 4) + (f == base + 5) + (g == base + 6) + (h == base + 7);
}
#endif
/* clang-format on */

static void use_registers(struct coroutine *c)
{
    for (long i = 0; i < 3; i++)
        EXPECT_EQ(registers_kept(1000 + 100 * i, switch_out_of_line, &c->fiber, &c->caller),
                  REGISTERS);
}

TEST(a_switch_preserves_the_registers_that_a_call_preserves)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c;

    start(&c, pool, use_registers);
    eddyi_fiber_init_thread(&c.caller);
    for (long i = 0; !c.ended; i++)
        EXPECT_EQ(registers_kept(2000 + 100 * i, switch_out_of_line, &c.caller, &c.fiber),
                  REGISTERS);

    stop(&c);
    eddyi_stack_pool_close(pool);
}

static void change_rounding(struct coroutine *c)
{
    EXPECT_EQ(fegetround(), FE_UPWARD);
    fesetround(FE_DOWNWARD);
    yield(c);
    EXPECT_EQ(fegetround(), FE_TOWARDZERO);
}

TEST(the_floating_point_environment_is_the_threads_and_no_switch_changes_it)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c;

    start(&c, pool, change_rounding);
    fesetround(FE_UPWARD);
    resume(&c);
    EXPECT_EQ(fegetround(), FE_DOWNWARD);
    fesetround(FE_TOWARDZERO);
    resume(&c);
    fesetround(FE_TONEAREST);

    stop(&c);
    eddyi_stack_pool_close(pool);
}

__attribute__((noinline)) static void note_alignment(struct coroutine *c)
{
    c->arg = __builtin_frame_address(0);
}

TEST(a_fiber_begins_with_an_aligned_stack)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c, as_called;

    start(&c, pool, note_alignment);
    resume(&c);
    note_alignment(&as_called); /* what the ABI of this CPU says */
    EXPECT_EQ((uintptr_t)c.arg % 16, (uintptr_t)as_called.arg % 16);

    stop(&c);
    eddyi_stack_pool_close(pool);
}

enum { MOST_FRAMES = 100 };

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *n)
{
    return ++*(int *)n < MOST_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

__attribute__((noinline)) static int backtrace_below(int depth)
{
    volatile int n;

    if (depth == 0) {
        int count = 0;

        _Unwind_Backtrace(count_frame, &count);
        return count;
    }
    n = backtrace_below(depth - 1); /* not the last thing, or it were no call */
    return n;
}

static void count_frames(struct coroutine *c)
{
    c->arg = (void *)(intptr_t)backtrace_below(20);
}

TEST(a_backtrace_shows_the_whole_fiber_and_ends_where_it_began)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c;
    intptr_t n;

    start(&c, pool, count_frames);
    resume(&c);
    n = (intptr_t)c.arg;
    EXPECT(n >= 20);
    EXPECT(n <= 30);

    stop(&c);
    eddyi_stack_pool_close(pool);
}

enum { RING = 100 };

struct ring {
    struct coroutine members[RING];
    struct eddyi_fiber thread;
    int order[3 * RING];
    int n;
};

/* Each switches straight to the next; the last of the third round to the thread. */
static void run_in_ring(struct coroutine *c)
{
    struct ring *ring = c->arg;
    int me = (int)(c - ring->members);

    for (int round = 0; round < 3; round++) {
        struct eddyi_fiber *next = &ring->members[(me + 1) % RING].fiber;

        ring->order[ring->n++] = me;
        eddyi_fiber_switch(&c->fiber, ring->n == 3 * RING ? &ring->thread : next);
    }
}

TEST(fibers_switch_among_themselves_without_their_creator)
{
    static struct ring ring;
    struct eddyi_stack_pool *pool = open_pool();

    for (int i = 0; i < RING; i++) {
        start(&ring.members[i], pool, run_in_ring);
        ring.members[i].arg = &ring;
    }
    eddyi_fiber_init_thread(&ring.thread);
    eddyi_fiber_switch(&ring.thread, &ring.members[0].fiber);

    EXPECT_EQ(ring.n, 3 * RING);
    for (int i = 0; i < ring.n; i++)
        EXPECT_EQ(ring.order[i], i % RING);
    for (int i = 0; i < RING; i++)
        stop(&ring.members[i]);
    eddyi_stack_pool_close(pool);
}

TEST(a_fiber_that_never_ran_can_be_forgotten)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine c;

    start(&c, pool, note_where);
    stop(&c);

    EXPECT(!c.ended);
    eddyi_stack_pool_close(pool);
}

/* As a task ends: it gives back the stack it stands on, and uses it a little. */
static struct eddyi_fiber *end_on_returned_stack(void *arg)
{
    struct coroutine *c = arg;
    volatile char frame[1000];

    eddyi_stack_give(c->stack);
    memset((char *)frame, 'x', sizeof(frame));
    c->ended = frame[999] == 'x';
    return &c->caller;
}

TEST(a_fiber_can_end_on_a_stack_it_has_given_back_which_the_next_one_uses)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct eddyi_stack *first = NULL;
    struct coroutine c;

    for (int i = 0; i < 300; i++) {
        start(&c, pool, NULL);
        eddyi_fiber_init(&c.fiber, c.stack->limit, c.stack->object, end_on_returned_stack, &c);
        resume(&c);
        EXPECT(c.ended);
        if (!first)
            first = c.stack;
        EXPECT(c.stack == first);
    }
    eddyi_stack_pool_close(pool);
}

static void count_up(struct coroutine *c)
{
    for (int i = 0; i < 1000; i++) {
        ++*(int *)c->arg;
        yield(c);
    }
}

static void *run_fibers(void *arg)
{
    struct eddyi_stack_pool *pool = open_pool();
    struct coroutine a, b;

    start(&a, pool, count_up);
    start(&b, pool, count_up);
    a.arg = b.arg = arg;
    while (!a.ended || !b.ended) {
        if (!a.ended)
            resume(&a);
        if (!b.ended)
            resume(&b);
    }
    stop(&a);
    stop(&b);
    eddyi_stack_pool_close(pool);
    return NULL;
}

TEST(threads_run_their_fibers_independently)
{
    pthread_t threads[3];
    int counts[3] = {0};

    for (int i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run_fibers, &counts[i]) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(counts[i], 2000);
}

TEST(the_assembly_does_not_make_the_stack_executable)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    bool seen = false;

    REQUIRE(maps != NULL);
    while (fgets(line, sizeof(line), maps)) {
        char permissions[5] = "";

        if (!strstr(line, "[stack]"))
            continue;
        seen = true;
        sscanf(line, "%*s %4s", permissions);
        EXPECT_STR(permissions, "rw-p");
    }
    fclose(maps);
    EXPECT(seen);
}
