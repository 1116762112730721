/*
 * Guards: pages below a stack that fault.
 *
 * A guard is installed with madvise(MADV_GUARD_INSTALL) where the kernel has it (6.13), which costs
 * no mapping. Elsewhere it is protected with mprotect, which costs two mappings, up to a number in
 * the whole process that stays below vm.max_map_count. Beyond that there is no guard; one message
 * on standard error says so.
 */
#ifndef EDDYI_GUARD_H
#define EDDYI_GUARD_H

#include <stddef.h>

enum eddyi_guard { EDDYI_GUARD_NONE, EDDYI_GUARD_INSTALLED, EDDYI_GUARD_PROTECTED };

/* Makes a guard of whole pages of memory from eddyi_sys_map(), until that memory is unmapped. */
enum eddyi_guard eddyi_guard_make(void *low, size_t size);

/* Notes that @n guards of the kind EDDYI_GUARD_PROTECTED were unmapped, so that others can be
 * made. */
void eddyi_guard_unmapped(unsigned n);

#endif
