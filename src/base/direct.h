/*
 * Functions on hot paths without the mark for indirect branches.
 */
#ifndef EDDYI_DIRECT_H
#define EDDYI_DIRECT_H

/*
 * Marks an internal function that is only called by its name. With -fcf-protection a function that
 * other files call begins with endbr64, so that it may be called through a pointer as well: one
 * instruction in each call. Without the mark, an attacker cannot jump to it either. The compiler
 * refuses, or warns, if the address of such a function is taken, or if only one of declaration and
 * definition has the mark.
 */
#if defined(__CET__) && defined(__has_attribute)
#if (__CET__ & 1) && __has_attribute(nocf_check)
#define EDDYI_DIRECT __attribute__((nocf_check))
#endif
#endif
#ifndef EDDYI_DIRECT
#define EDDYI_DIRECT
#endif

#endif
