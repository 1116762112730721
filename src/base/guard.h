/*
 * Guards: pages that fault, below a stack.
 *
 * Installed with madvise(MADV_GUARD_INSTALL) where the kernel has it (6.13), which costs no
 * mapping. Elsewhere protected with mprotect, which costs two: up to a number, in the whole
 * process, that stays below vm.max_map_count. Beyond that there is no guard, which is said once on
 * standard error.
 */
#ifndef EDDYI_GUARD_H
#define EDDYI_GUARD_H

#include <stddef.h>

enum eddyi_guard { EDDYI_GUARD_NONE, EDDYI_GUARD_INSTALLED, EDDYI_GUARD_PROTECTED };

/* Makes whole pages a guard, of memory from eddyi_sys_map(). It is one until the memory is
 * unmapped. */
enum eddyi_guard eddyi_guard_make(void *low, size_t size);

/* So many guards of the sort EDDYI_GUARD_PROTECTED were unmapped, and others can be made. */
void eddyi_guard_unmapped(unsigned n);

#endif
