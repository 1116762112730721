/*
 * What the calls on files share.
 */
#ifndef EDDYI_FILE_H
#define EDDYI_FILE_H

#include "eddy/file.h"
#include "io/io.h"

/* A result on its way out, as a raised error where it is one: "file_fsync on descriptor 7",
 * "file_stat of some/path". */
int64_t eddyi_file_ended(int64_t result, const char *call, int fd);
int64_t eddyi_file_ended_path(int64_t result, const char *call, const char *path);

/* Runs fn(arg), which may block, in a thread, and gives its result. */
EDDY_AWAITS int64_t eddyi_file_call(int64_t (*fn)(void *arg), void *arg);

/* Renames, both names being from the directory @dir. */
EDDY_AWAITS int64_t eddyi_file_rename_in(int dir, const char *from, const char *to);

/* Removes from @dir what the caller made and nobody shall see, even when the task is cancelled. */
EDDY_AWAITS void eddyi_file_unlink_own(int dir, const char *name);

#endif
