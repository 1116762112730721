/*
 * Constants of the kernel's interface that are newer than the C library's headers.
 *
 * Each has a name of eddy's, so that a newer C library does not clash, and is probed by using it:
 * an older kernel refuses it.
 */
#ifndef EDDYI_KERNEL_H
#define EDDYI_KERNEL_H

#include <stdint.h>

/* madvise(2), Linux 6.13: the pages fault like PROT_NONE, without a mapping of their own. EINVAL
 * before. */
#define EDDYI_MADV_GUARD_INSTALL 102

/* madvise(2), Linux 5.14: reads every page, or fails with the reason. */
#define EDDYI_MADV_POPULATE_READ 22

/* openat2(2), Linux 5.12: only what the caches can resolve is opened; EAGAIN for the rest. EINVAL
 * before. */
#define EDDYI_RESOLVE_CACHED 0x20

/* cachestat(2), Linux 6.5, on every processor that eddy runs on: counts the pages of a range of a
 * file that are in memory. ENOSYS before. */
#define EDDYI_SYS_CACHESTAT 451
struct eddyi_cachestat_range {
    uint64_t offset, length;
};
struct eddyi_cachestat {
    uint64_t cached, dirty, writeback, evicted, recently_evicted; /* pages */
};

/* pwritev2(2), Linux 6.18: a pipe without a reader causes no SIGPIPE. EOPNOTSUPP before. */
#define EDDYI_RWF_NOSIGNAL 0x100

/* statx(2), Linux 6.8: an identifier of the mount that is never used again. Ignored before. */
#define EDDYI_STATX_MNT_ID_UNIQUE 0x4000

#endif
