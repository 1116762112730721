/*
 * The part of the one door (sys.h) that asks the kernel's caches: calls on files that never wait
 * for a disk or a server, and calls that tell which those are.
 */
#ifndef EDDYI_SYS_CACHED_H
#define EDDYI_SYS_CACHED_H

#include "base/sys.h"

/*
 * Opens as eddyi_sys_openat() does, if the kernel's caches suffice. Returns -EAGAIN if only
 * eddyi_sys_openat() can tell: the name is not cached, the file would be made or emptied, or the
 * kernel cannot open this way (before Linux 5.12).
 */
int eddyi_sys_open_cached(int dir, const char *path, int flags);

/* Clears O_NONBLOCK of a file or directory that was opened with @flags. */
void eddyi_sys_block_on_opened(int fd, int flags);

/*
 * Describes an open file without asking a server: what a remote file system answers may be out of
 * date. *ret_mount identifies the mount, 0 if the kernel does not tell (before Linux 5.8).
 */
int eddyi_sys_statx_cached(int fd, struct statx *ret, uint64_t *ret_mount);

/* Returns true if @fd is on a file system that answers from memory whatever it has in memory; it
 * may block. */
bool eddyi_sys_is_local(int fd);

bool eddyi_sys_is_for_reading(int fd); /* and for nothing else */

/* Returns true if these bytes of a file are in memory, so that no disk has to be waited for; false
 * also if the kernel does not tell (before Linux 6.5; others' files, by its version). */
bool eddyi_sys_is_cached(int fd, int64_t offset, size_t size);

/* Sends from @in, at @offset, to a socket that is known to be non-blocking; never SIGPIPE. */
long eddyi_sys_sendfile_nonblocking(int out, int in, int64_t offset, size_t size);

#endif
