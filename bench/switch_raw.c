/*
 * The reference for `switch`: a handwritten switch from one stack to another and back, with six
 * registers and the stack pointer. The difference is the cost of the loop, of fairness and of
 * cancellation.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__x86_64__)

enum { STACK_SIZE = 65536, N_REGISTERS = 6 };

void bench_swap(void **ret_saved, void *to);
__asm__(".pushsection .text\n"
        ".type bench_swap, @function\n"
        "bench_swap:\n"
        "pushq %rbp\n"
        "pushq %rbx\n"
        "pushq %r12\n"
        "pushq %r13\n"
        "pushq %r14\n"
        "pushq %r15\n"
        "movq %rsp, (%rdi)\n"
        "movq %rsi, %rsp\n"
        "popq %r15\n"
        "popq %r14\n"
        "popq %r13\n"
        "popq %r12\n"
        "popq %rbx\n"
        "popq %rbp\n"
        "popq %rcx\n" /* because a ret would be mispredicted each time */
        "jmp *%rcx\n"
        ".size bench_swap, .-bench_swap\n"
        ".popsection\n");

static void *here, *there;

static void bounce(void)
{
    for (;;)
        bench_swap(&there, here);
}

int bench_switch_raw(long n, long live)
{
    char *stack = aligned_alloc(16, STACK_SIZE);
    uint64_t *top = (uint64_t *)(void *)(stack + STACK_SIZE);
    uint64_t began;

    if (!stack)
        return -ENOMEM;
    *--top = 0; /* stands for the return address of a call, for the alignment */
    *--top = (uint64_t)(uintptr_t)bounce;
    for (int i = 0; i < N_REGISTERS; i++)
        *--top = 0;
    there = top;
    began = bench_now();
    for (long i = 0; i < n / 2; i++)
        bench_swap(&here, there);
    bench_print_each("", began, (double)(n / 2 * 2), "ns");
    free(stack);
    return 0;
}

#else

int bench_switch_raw(long n, long live)
{
    return -EOPNOTSUPP;
}

#endif
