/*
 * A call that seems to come from a suspended fiber, whose frame is drawn in fiber_aarch64.S. At the
 * return address of the call, the unwind information describes not the frame of this function, but
 * the registers that the fiber left on its stack.
 */
        .text

/* void eddyi_unwind_from(void *sp, void (*fn)(void *arg), void *arg) */
        .globl  eddyi_unwind_from
        .hidden eddyi_unwind_from
        .type   eddyi_unwind_from, %function
        .p2align 4
eddyi_unwind_from:
        .cfi_startproc
        hint    #34                     /* bti c: may be called through a pointer */
        stp     x29, x30, [sp, #-32]!   /* frame pointer and return address */
        .cfi_adjust_cfa_offset 32
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        str     x19, [sp, #16]          /* x19 will hold sp: unwinders find it, fn preserves it */
        .cfi_rel_offset x19, 16
        mov     x19, x0                 /* sp */
        mov     x0, x2                  /* arg */
        .cfi_remember_state
        .cfi_def_cfa x19, 160           /* from here on: as if the fiber's jump had made the call */
        .cfi_offset x29, -160
        .cfi_offset x30, -152
        .cfi_offset x19, -144
        .cfi_offset x20, -136
        .cfi_offset x21, -128
        .cfi_offset x22, -120
        .cfi_offset x23, -112
        .cfi_offset x24, -104
        .cfi_offset x25, -96
        .cfi_offset x26, -88
        .cfi_offset x27, -80
        .cfi_offset x28, -72
        .cfi_offset d8, -64
        .cfi_offset d9, -56
        .cfi_offset d10, -48
        .cfi_offset d11, -40
        .cfi_offset d12, -32
        .cfi_offset d13, -24
        .cfi_offset d14, -16
        .cfi_offset d15, -8
        blr     x1                      /* fn(arg) */
        .cfi_restore_state
        ldr     x19, [sp, #16]          /* its old value */
        .cfi_restore x19
        ldp     x29, x30, [sp], #32     /* the frame is gone */
        .cfi_adjust_cfa_offset -32
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_endproc
        .size   eddyi_unwind_from, .-eddyi_unwind_from

        .section .note.GNU-stack, "", %progbits

#if defined(__ARM_FEATURE_BTI_DEFAULT)
/* Branch target identification works with this file. */
        .section .note.gnu.property, "a", %note
        .p2align 3
        .long   4                       /* size of the name */
        .long   16                      /* size of the property */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"                   /* name */
        .long   0xc0000000              /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
        .long   4                       /* size of the value */
        .long   1                       /* BTI */
        .long   0                       /* padding */
#endif
