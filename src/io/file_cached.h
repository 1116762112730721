/*
 * Calls on files that the kernel's caches can answer, so that they need no thread.
 */
#ifndef EDDYI_FILE_CACHED_H
#define EDDYI_FILE_CACHED_H

#include "io/file.h"

#include <sys/stat.h>

/*
 * Opens as eddyi_sys_openat() does, at once. Returns a descriptor or the error; -EAGAIN if the call
 * has to be made by the backend, whose result it is then. So it is if the task's share of the turn
 * is used up, or a cancellation is pending: the task has to suspend.
 */
int64_t eddyi_cached_open(int dir, const char *path, int flags);

/* Describes an open file, at once if its file system answers from memory. Returns 0, or raises
 * -ECANCELED, or returns another error. */
EDDY_AWAITS int64_t eddyi_cached_stat(int fd, struct statx *ret);

/*
 * Closes a file, at once if nothing can make that wait: it was opened only for reading, has a name
 * (with the last descriptor of a file without one its blocks are freed), and is on a file system
 * that answers from memory. Cannot be cancelled. Returns the result of close(2).
 */
EDDY_AWAITS int eddyi_cached_close(int fd);

#endif
