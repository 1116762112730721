/*
 * Constants of the kernel's interface that are newer than the C library's headers.
 *
 * Each has a name of ours, so that a newer C library does not clash, and is probed by using it: a
 * kernel that does not know it says so.
 */
#ifndef EDDYI_KERNEL_H
#define EDDYI_KERNEL_H

/* madvise(2), Linux 6.13: the pages fault like PROT_NONE, without a mapping of their own. EINVAL
 * before. */
#define EDDYI_MADV_GUARD_INSTALL 102

/* madvise(2), Linux 5.14: reads every page, or says why it cannot. */
#define EDDYI_MADV_POPULATE_READ 22

#endif
