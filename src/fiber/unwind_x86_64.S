/*
 * A call that seems to come from a suspended fiber, whose frame is drawn in fiber_x86_64.S. At the
 * return address of the call, the unwind information describes not the frame of this function, but
 * the registers that the fiber left on its stack.
 */
        .text

/* void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg) */
        .globl  eddyi_unwind_from
        .hidden eddyi_unwind_from
        .type   eddyi_unwind_from, @function
        .p2align 4
eddyi_unwind_from:
        .cfi_startproc
        endbr64                         /* may be called through a pointer */
        pushq   %rbx                    /* rbx will hold sp: unwinders find it, fn preserves it */
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        movq    %rdi, %rbx              /* sp */
        movq    %rdx, %rdi              /* arg */
        .cfi_remember_state
        .cfi_def_cfa %rbx, 56           /* from here on: as if the fiber's jump had made the call */
        .cfi_offset %r15, -56
        .cfi_offset %r14, -48
        .cfi_offset %r13, -40
        .cfi_offset %r12, -32
        .cfi_offset %rbx, -24
        .cfi_offset %rbp, -16
        .cfi_offset %rip, -8
        call    *%rsi                   /* fn(arg) */
        .cfi_restore_state
        popq    %rbx                    /* its old value */
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        ret
        .cfi_endproc
        .size   eddyi_unwind_from, .-eddyi_unwind_from

        .section .note.GNU-stack, "", @progbits

#if defined(__CET__) && (__CET__ & 1)
/* This file supports indirect branch tracking, and shadow stacks as well. */
        .section .note.gnu.property, "a", @note
        .p2align 3
        .long   4                       /* size of the name */
        .long   16                      /* size of the property */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"                   /* name */
        .long   0xc0000002              /* GNU_PROPERTY_X86_FEATURE_1_AND */
        .long   4                       /* size of the value */
        .long   3                       /* IBT and SHSTK */
        .long   0                       /* padding */
#endif
