/*
 * Constants of the kernel's interface that are newer than the C library's headers.
 *
 * Each has a name of eddy's, so that a newer C library does not clash, and is probed by using it:
 * an older kernel refuses it.
 */
#ifndef EDDYI_KERNEL_H
#define EDDYI_KERNEL_H

/* madvise(2), Linux 6.13: the pages fault like PROT_NONE, without a mapping of their own. EINVAL
 * before. */
#define EDDYI_MADV_GUARD_INSTALL 102

/* madvise(2), Linux 5.14: reads every page, or fails with the reason. */
#define EDDYI_MADV_POPULATE_READ 22

#endif
