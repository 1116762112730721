/*
 * Helpers of the calls on files.
 */
#ifndef EDDYI_FILE_H
#define EDDYI_FILE_H

#include "eddy/file.h"
#include "io/io.h"

/* Returns @result. A negative one is raised with a message such as "file_fsync on descriptor 7" or
 * "file_stat of some/path". */
int64_t eddyi_file_ended(int64_t result, const char *call, int fd);
int64_t eddyi_file_ended_path(int64_t result, const char *call, const char *path);

/* Runs fn(arg), which may block, in a thread and returns its result. */
EDDY_AWAITS int64_t eddyi_file_call(int64_t (*fn)(void *arg), void *arg);

/* Renames @from to @to, both relative to the directory @dir. */
EDDY_AWAITS int64_t eddyi_file_rename_in(int dir, const char *from, const char *to);

/* Removes a file of the caller's own making from @dir, even if the task is cancelled: the file must
 * not be seen. */
EDDY_AWAITS void eddyi_file_unlink_own(int dir, const char *name);

#endif
