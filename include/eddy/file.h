/*
 * Files, without making the loop wait for a disk. asyncio has nothing of the kind.
 *
 * Descriptors are the operating system's own, and nothing is buffered here. What can be answered
 * from memory, such as a read of what is cached, is answered at once, without suspending; the rest
 * is done by the kernel (io_uring) or by a few threads of the loop's. This works on the virtual
 * clock, too: time stands still meanwhile.
 *
 * All return >= 0, or -errno as a raised error with the path or the descriptor in its message.
 * Cancelled: -ECANCELED if nothing has happened as yet; whatever has happened is reported as usual,
 * and the cancellation strikes at the next suspension. A call that is under way may have to be
 * waited for even then, since the buffer belongs to the kernel.
 *
 * Names are looked at as whoever the calling thread is at the call (setfsuid(2), setfsgid(2)),
 * whichever thread does it, and when; -EPERM if that thread may not become it. What else of a
 * thread's credentials is its own, such as groups that were set by a bare system call, is not
 * followed; those of a process are every thread's.
 *
 * An @offset is a position in the file; with -1 the file's own position is used, and moved, which
 * is also how pipes and terminals are read and written: then as with the calls of eddy/sock.h one
 * task may read and one write (-EBUSY).
 */
#ifndef EDDY_FILE_H
#define EDDY_FILE_H

#include "defs.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

/*
 * open(2), close-on-exec. Returns the descriptor. A FIFO or terminal is opened non-blocking: nobody
 * need be at the other end, though to write to a FIFO without a reader is -ENXIO. A file on which
 * another process has a lease is opened once that is given up; with O_NONBLOCK in @flags it is
 * -EAGAIN.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_open(const char *path, int flags, mode_t mode);

/*
 * Closes it, whatever is returned, which may be a late error of an earlier write. Is not cancelled.
 * Outside of a task, or while the loop closes, this blocks.
 */
EDDY_API EDDY_AWAITS int eddy_file_close(int fd);

/*
 * Reads up to @size bytes. Returns how many: with an @offset fewer only at the end of the file;
 * without one what read(2) would give, 0 at the end. -EISDIR for a directory. A FIFO is at its end
 * while nobody has it open for writing, also before anybody had: eddy_poll() waits for the first
 * who writes.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_read(int fd, void *buf, size_t size,
                                                           int64_t offset);
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t
/* one preadv(2): may fall short */
eddy_file_readv(int fd, const struct iovec *iov, int n, int64_t offset);

/* One pwrite(2): returns how many bytes were written, which may be fewer than @size when the disk
 * is full. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_write(int fd, const void *buf, size_t size,
                                                            int64_t offset);
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_writev(int fd, const struct iovec *iov, int n,
                                                             int64_t offset);

/* Writes all @size bytes. Returns 0 or -errno; *ret_written, which may be NULL, has how many were
 * written in either case. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_write_fully(int fd, const void *buf, size_t size,
                                                              int64_t offset, size_t *ret_written);

/* Until the data is on the disk, with all that belongs to the file, or with only what is needed to
 * read it. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fsync(int fd);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fdatasync(int fd);

/* What a path leads to, what it is itself if it is a symbolic link, and what a descriptor is. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_stat(const char *path, struct stat *ret);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_lstat(const char *path, struct stat *ret);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fstat(int fd, struct stat *ret);

EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_rename(const char *from, const char *to);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_unlink(const char *path);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_mkdir(const char *path, mode_t mode);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_rmdir(const char *path);

/* A file without a name in @directory, open for reading and writing; it vanishes with its
 * descriptor. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_open_temporary(const char *directory);

/* mkstemp(3): a new file; the XXXXXX that @pattern ends with are replaced. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_make_temporary(char *pattern);

/*
 * Copies some bytes, @size at most, from the position of one file to that of another, by the kernel
 * where it can. Returns how many, 0 at the end of @in: to copy a file, call it until then, and show
 * progress in between. A hole in @in becomes one at the end of @out, and counts as copied. -EINVAL
 * if both are one file, or if one of them is a pipe, a socket or a terminal: a thread that waits
 * for those cannot be cancelled. Read those with eddy_file_read(), and write them with
 * eddy_file_write_fully().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_copy(int in, int out, size_t size);

/*
 * Reads a whole file: *ret_data, to be given to eddy_file_free(), has *ret_size bytes, and a 0
 * behind them. EDDY_ELIMIT if there are more than @limit. A file that changes meanwhile is what the
 * reads find.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_read_all(const char *path, size_t limit,
                                                           void **ret_data, size_t *ret_size);
EDDY_API void eddy_file_free(void *data); /* NULL is allowed */

/* Makes @path a file of these bytes. Failed or cancelled half-way: it has some of them. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_write_all(const char *path, const void *data,
                                                            size_t size);

/*
 * The same, all or nothing: whoever opens @path, even after a crash, finds what was there before or
 * these bytes. They are written to a file beside it, which is synced and renamed. Failed or
 * cancelled: nothing has changed, and that file is gone.
 *
 * The new file has the mode, the owner, the access control list and the user attributes of the old
 * one; -EPERM, if the process may not give it those. Of a symbolic link the file it leads to is
 * replaced. Other hard links keep the old bytes. A file that did not exist gets the mode that
 * open(2) would give it. -EISDIR for a directory, -EINVAL for other things that are no file.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_replace(const char *path, const void *data,
                                                          size_t size);

/* Directories, entry by entry, without "." and "..", in the file system's order. */
typedef struct eddy_dir eddy_dir;

typedef struct eddy_dir_entry {
    const char *name; /* until the next call on the directory */
    /* DT_REG, DT_DIR, … of readdir(3); DT_UNKNOWN where the file system does not say */
    int type;
} eddy_dir_entry;

EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_dir_open(const char *path, eddy_dir **ret);
/* 1; 0: no more */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_dir_next(eddy_dir *d, eddy_dir_entry *ret);
/* NULL is allowed */
EDDY_API EDDY_AWAITS void eddy_dir_close(eddy_dir *d);

EDDY_END_DECLS

#endif
