/*
 * The switch for x86-64, System V ABI. A suspended stack, from its pointer upwards:
 *
 *     r15 | r14 | r13 | r12 | rbx | rbp | address to continue at
 *
 * The processor predicts the target of a return from the calls before it, and each misprediction
 * costs about 5 ns. So calls and returns stay in pairs across switches. A resumed fiber was
 * suspended by a call and is resumed by a return, which is predicted well because tasks suspend at
 * one place in the code. A new fiber is entered by a jump, since no call returns there; when it has
 * ended, as if by a return to its caller, the processor's record of calls is the one from before it
 * began. (Two tasks that yield to each other: 8 ns; with an indirect jump as the resume 29 ns,
 * since every later return was mispredicted.)
 *
 * The saved frame has the same shape on both sides, so the unwind information holds on either side
 * of the exchange.
 */
        .text

/* void eddyi_fiber_jump(struct eddyi_fiber *from, const struct eddyi_fiber *to) */
        .globl  eddyi_fiber_jump
        .hidden eddyi_fiber_jump
        .type   eddyi_fiber_jump, @function
        .p2align 4
eddyi_fiber_jump:
        .cfi_startproc
        cmpq    8(%rdi), %rsp           /* below from->limit? Called by name only, so no endbr64 */
        jb      eddyi_fiber_jump_watched /* then the fiber has left its stack */
        cmpb    $0, eddyi_fiber_watched(%rip) /* is C++ state part of a fiber? */
        jne     eddyi_fiber_jump_watched /* the slow path calls eddyi_fiber_jump_now */
        .globl  eddyi_fiber_jump_now
        .hidden eddyi_fiber_jump_now
eddyi_fiber_jump_now:
        pushq   %rbp                    /* save the six registers a call preserves */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx                    /* second */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12                    /* third */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13                    /* fourth */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14                    /* fifth */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15                    /* sixth; the return address lies above them */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        movq    %rsp, (%rdi)            /* from->sp */
        movq    (%rsi), %rsp            /* to->sp: from here on @to runs */
        popq    %r15                    /* the registers of @to, in reverse */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14                    /* fifth */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13                    /* fourth */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12                    /* third */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx                    /* second */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp                    /* first */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        leaq    .Lstart(%rip), %rcx     /* is @to new? */
        cmpq    %rcx, (%rsp)            /* then it continues at .Lstart */
        je      .Lenter                 /* and has no call to return to */
        ret                             /* returns from its own call of this function */
        .cfi_endproc
        .size   eddyi_fiber_jump, .-eddyi_fiber_jump

/*
 * void *eddyi_fiber_prepare(void *top, struct eddyi_fiber *(*entry)(void *), void *arg)
 *
 * Two zero words end the stack for debuggers that walk it without unwind information.
 */
        .globl  eddyi_fiber_prepare
        .hidden eddyi_fiber_prepare
        .type   eddyi_fiber_prepare, @function
        .p2align 4
eddyi_fiber_prepare:
        .cfi_startproc
        endbr64                         /* may be called through a pointer */
        xorl    %ecx, %ecx              /* zero */
        movq    %rcx, -8(%rdi)          /* end of the stack */
        movq    %rcx, -16(%rdi)         /* a second zero, which also aligns the rest */
        leaq    .Lstart(%rip), %rax     /* where the first jump arrives */
        movq    %rax, -24(%rdi)         /* address to continue at */
        movq    %rcx, -32(%rdi)         /* rbp: no frame above */
        movq    %rsi, -40(%rdi)         /* rbx: entry */
        movq    %rdx, -48(%rdi)         /* r12: arg */
        movq    %rcx, -56(%rdi)         /* r13 */
        movq    %rcx, -64(%rdi)         /* r14 */
        movq    %rcx, -72(%rdi)         /* r15 */
        leaq    -72(%rdi), %rax         /* the stack pointer of the suspended fiber */
        ret                             /* goes into fiber->sp */
        .cfi_endproc
        .size   eddyi_fiber_prepare, .-eddyi_fiber_prepare

/*
 * The outermost frame of a fiber. Unwinders stop here: the return address of the frame is declared
 * undefined. Unwinders look up the address before a return address, hence the nop at the beginning.
 */
        .type   eddyi_fiber_start, @function
        .p2align 4
eddyi_fiber_start:
        .cfi_startproc
        .cfi_undefined %rip
.Lenter: addq   $8, %rsp                /* takes the address off the stack */
.Lstart: movq   %r12, %rdi              /* arg */
        call    *%rbx                   /* entry(arg) returns the fiber to run next */
        movq    (%rax), %rsp            /* its sp; this stack is left for good */
        popq    %r15                    /* its registers, as in a switch */
        popq    %r14                    /* second */
        popq    %r13                    /* third */
        popq    %r12                    /* fourth */
        popq    %rbx                    /* fifth */
        popq    %rbp                    /* sixth */
        leaq    .Lstart(%rip), %rcx     /* is the next fiber new? */
        cmpq    %rcx, (%rsp)            /* then it continues at .Lstart */
        je      .Lenter                 /* and begins there */
        ret                             /* otherwise it continues where it was suspended */
        .cfi_endproc
        .size   eddyi_fiber_start, .-eddyi_fiber_start

        .section .note.GNU-stack, "", @progbits

#if defined(__CET__) && (__CET__ & 1)
/* This file supports indirect branch tracking but not shadow stacks: the property declares the
 * former only. */
        .section .note.gnu.property, "a", @note
        .p2align 3
        .long   4                       /* size of the name */
        .long   16                      /* size of the property */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"                   /* name */
        .long   0xc0000002              /* GNU_PROPERTY_X86_FEATURE_1_AND */
        .long   4                       /* size of the value */
        .long   1                       /* IBT */
        .long   0                       /* padding */
#endif
