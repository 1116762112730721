/*
 * Functions on hot paths without the stack protector's check, which takes six instructions per
 * call.
 */
#ifndef EDDYI_UNGUARDED_H
#define EDDYI_UNGUARDED_H

/*
 * Marks a function that has structs on its stack whose address is passed on, which is what
 * -fstack-protector-strong looks for, but nothing that is written to by index or length: no write
 * can run past its end.
 */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define EDDYI_UNGUARDED __attribute__((no_stack_protector))
#endif
#endif
#ifndef EDDYI_UNGUARDED
#define EDDYI_UNGUARDED
#endif

#endif
