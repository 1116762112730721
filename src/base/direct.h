/*
 * Functions on the hot paths without the mark for indirect branches.
 */
#ifndef EDDYI_DIRECT_H
#define EDDYI_DIRECT_H

/*
 * For a function of the library's own that is only called by its name. With -fcf-protection a
 * function that other files call begins with endbr64, so that it may be called through a pointer as
 * well: an instruction in each call. One that has no such mark is no place for an attacker to jump
 * to, either. The compiler refuses, or warns, where the address of such a function is taken, and
 * where only one of declaration and definition says so.
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
