/*
 * The switch for AArch64, AAPCS64. A suspended stack, from its pointer upwards, in pairs of 8
 * bytes:
 *
 *     x29 lr | x19 x20 | x21 x22 | x23 x24 | x25 x26 | x27 x28 | d8 d9 | d10 d11 | d12 d13 |
 *     d14 d15
 *
 * Calls and returns stay in pairs across switches, as in fiber_x86_64.S. x18 belongs to the
 * platform and is not touched.
 *
 * The saved frame has the same shape on both sides, so the unwind information holds on either side
 * of the exchange.
 */
        .text

/* void eddyi_fiber_jump(struct eddyi_fiber *from, const struct eddyi_fiber *to) */
        .globl  eddyi_fiber_jump
        .hidden eddyi_fiber_jump
        .type   eddyi_fiber_jump, %function
        .p2align 4
eddyi_fiber_jump:
        .cfi_startproc
        hint    #34                     /* bti c: may be called through a pointer */
        ldr     x9, [x0, #8]            /* from->limit */
        cmp     sp, x9                  /* is sp below it? */
        b.lo    .Lwatched               /* then the fiber has left its stack */
        adrp    x9, eddyi_fiber_watched /* is C++ state part of a fiber? */
        ldrb    w9, [x9, #:lo12:eddyi_fiber_watched]
        cbnz    w9, .Lwatched           /* the slow path calls eddyi_fiber_jump_now */
        .globl  eddyi_fiber_jump_now
        .hidden eddyi_fiber_jump_now
eddyi_fiber_jump_now:
        stp     x29, x30, [sp, #-160]!  /* room for the frame; frame pointer and return address */
        .cfi_adjust_cfa_offset 160
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x19, x20, [sp, #16]     /* the ten general registers a call preserves */
        .cfi_rel_offset x19, 16
        .cfi_rel_offset x20, 24
        stp     x21, x22, [sp, #32]     /* second pair */
        .cfi_rel_offset x21, 32
        .cfi_rel_offset x22, 40
        stp     x23, x24, [sp, #48]     /* third */
        .cfi_rel_offset x23, 48
        .cfi_rel_offset x24, 56
        stp     x25, x26, [sp, #64]     /* fourth */
        .cfi_rel_offset x25, 64
        .cfi_rel_offset x26, 72
        stp     x27, x28, [sp, #80]     /* fifth */
        .cfi_rel_offset x27, 80
        .cfi_rel_offset x28, 88
        stp     d8, d9, [sp, #96]       /* the low halves of v8 to v15, all that a call preserves */
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        stp     d10, d11, [sp, #112]    /* second pair */
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        stp     d12, d13, [sp, #128]    /* third */
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        stp     d14, d15, [sp, #144]    /* fourth */
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        mov     x9, sp                  /* sp itself cannot be stored */
        str     x9, [x0]                /* from->sp */
        ldr     x9, [x1]                /* to->sp */
        mov     sp, x9                  /* from here on @to runs */
        ldp     x19, x20, [sp, #16]     /* the registers of @to */
        .cfi_restore x19
        .cfi_restore x20
        ldp     x21, x22, [sp, #32]     /* second pair */
        .cfi_restore x21
        .cfi_restore x22
        ldp     x23, x24, [sp, #48]     /* third */
        .cfi_restore x23
        .cfi_restore x24
        ldp     x25, x26, [sp, #64]     /* fourth */
        .cfi_restore x25
        .cfi_restore x26
        ldp     x27, x28, [sp, #80]     /* fifth */
        .cfi_restore x27
        .cfi_restore x28
        ldp     d8, d9, [sp, #96]       /* and floating point */
        .cfi_restore d8
        .cfi_restore d9
        ldp     d10, d11, [sp, #112]    /* second pair */
        .cfi_restore d10
        .cfi_restore d11
        ldp     d12, d13, [sp, #128]    /* third */
        .cfi_restore d12
        .cfi_restore d13
        ldp     d14, d15, [sp, #144]    /* fourth */
        .cfi_restore d14
        .cfi_restore d15
        ldp     x29, x30, [sp], #160    /* frame pointer, return address; the frame is gone */
        .cfi_adjust_cfa_offset -160
        .cfi_restore x29
        .cfi_restore x30
        adr     x9, .Lstart             /* is @to new? */
        cmp     x30, x9                 /* then it continues at .Lstart */
        b.eq    .Lstart                 /* and has no call to return to */
        ret                             /* returns from its own call of this function */
.Lwatched:
        b       eddyi_fiber_jump_watched /* slow path: C++ state, or the stack was left */
        .cfi_endproc
        .size   eddyi_fiber_jump, .-eddyi_fiber_jump

/*
 * void *eddyi_fiber_prepare(void *top, struct eddyi_fiber *(*entry)(void *), void *arg)
 *
 * Two zero words end the stack for debuggers that walk it without unwind information.
 */
        .globl  eddyi_fiber_prepare
        .hidden eddyi_fiber_prepare
        .type   eddyi_fiber_prepare, %function
        .p2align 4
eddyi_fiber_prepare:
        .cfi_startproc
        hint    #34                     /* bti c: may be called through a pointer */
        stp     xzr, xzr, [x0, #-16]!   /* end of the stack */
        adr     x9, .Lstart             /* where the first jump arrives */
        stp     xzr, x9, [x0, #-160]!   /* x29: no frame above; address to continue at */
        stp     x1, x2, [x0, #16]       /* x19: entry; x20: arg */
        stp     xzr, xzr, [x0, #32]     /* x21, x22 */
        stp     xzr, xzr, [x0, #48]     /* x23, x24 */
        stp     xzr, xzr, [x0, #64]     /* x25, x26 */
        stp     xzr, xzr, [x0, #80]     /* x27, x28 */
        stp     xzr, xzr, [x0, #96]     /* d8, d9 */
        stp     xzr, xzr, [x0, #112]    /* d10, d11 */
        stp     xzr, xzr, [x0, #128]    /* d12, d13 */
        stp     xzr, xzr, [x0, #144]    /* d14, d15 */
        ret                             /* x0 goes into fiber->sp */
        .cfi_endproc
        .size   eddyi_fiber_prepare, .-eddyi_fiber_prepare

/*
 * The outermost frame of a fiber. Unwinders stop here: the return address of the frame is declared
 * undefined. Unwinders look up the address before a return address, hence the nop at the beginning.
 */
        .type   eddyi_fiber_start, %function
        .p2align 4
eddyi_fiber_start:
        .cfi_startproc
        .cfi_undefined x30
        nop                             /* never executed; belongs to this frame for unwinders */
.Lstart:
        mov     x0, x20                 /* arg */
        blr     x19                     /* entry(arg) returns the fiber to run next */
        ldr     x9, [x0]                /* its sp */
        mov     sp, x9                  /* this stack is left for good */
        ldp     x19, x20, [sp, #16]     /* its registers, as in a switch */
        ldp     x21, x22, [sp, #32]     /* second pair */
        ldp     x23, x24, [sp, #48]     /* third */
        ldp     x25, x26, [sp, #64]     /* fourth */
        ldp     x27, x28, [sp, #80]     /* fifth */
        ldp     d8, d9, [sp, #96]       /* and floating point */
        ldp     d10, d11, [sp, #112]    /* second pair */
        ldp     d12, d13, [sp, #128]    /* third */
        ldp     d14, d15, [sp, #144]    /* fourth */
        ldp     x29, x30, [sp], #160    /* frame pointer, address to continue at */
        adr     x9, .Lstart             /* is the next fiber new? */
        cmp     x30, x9                 /* then it continues at .Lstart */
        b.eq    .Lstart                 /* and begins there */
        ret                             /* otherwise it continues where it was suspended */
        .cfi_endproc
        .size   eddyi_fiber_start, .-eddyi_fiber_start

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
