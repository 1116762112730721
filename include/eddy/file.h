/*
 * Files, read and written without blocking the loop. asyncio has no counterpart.
 *
 * Descriptors are those of the operating system, and nothing is buffered here. An operation that
 * can be completed from memory, such as a read of cached data, completes at once, without
 * suspending; others are executed by the kernel (io_uring) or by a few threads of the loop. This
 * works under the virtual clock too: time does not advance meanwhile.
 *
 * All functions return >= 0, or raise -errno with the path or the descriptor in its message.
 *
 * Cancelled: returns -ECANCELED if the operation has had no effect yet; otherwise its result is
 * returned as usual, and the cancellation takes effect at the next suspension. Even then an
 * operation in flight may have to be awaited, since the buffer belongs to the kernel.
 *
 * Paths are resolved with the file system user and group IDs that the calling thread has at the
 * call (setfsuid(2), setfsgid(2)), whichever thread executes the operation, and whenever; -EPERM if
 * that thread may not assume them. Other credentials of a single thread, such as groups set by a
 * bare system call, are not followed; credentials of the process apply to all threads.
 *
 * An @offset is a position in the file. -1 means the file's own position, which then moves; pipes
 * and terminals are read and written this way. As with the functions of eddy/sock.h, one task may
 * then read and one write (-EBUSY).
 */
#ifndef EDDY_FILE_H
#define EDDY_FILE_H

#include "defs.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

/*
 * Opens a file as open(2) does, close-on-exec. Returns the descriptor, which the caller owns. A
 * FIFO or terminal is opened non-blocking: the other end need not be open, but opening a FIFO
 * without a reader for writing gives -ENXIO. A file on which another process holds a lease is
 * opened once the lease is given up; with O_NONBLOCK in @flags the call gives -EAGAIN.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_open(const char *path, int flags, mode_t mode);

/*
 * Closes @fd, whatever the result, which may be a late error of an earlier write. Cannot be
 * cancelled. Blocks outside of a task, and while the loop closes.
 */
EDDY_API EDDY_AWAITS int eddy_file_close(int fd);

/*
 * Reads up to @size bytes, and returns their number. With an @offset it returns fewer than @size
 * only at the end of the file; with -1 it returns what read(2) would, 0 at the end. Raises -EISDIR
 * for a directory. A FIFO is at its end while no process has it open for writing, also before the
 * first one has; eddy_poll() waits for the first writer.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_read(int fd, void *buf, size_t size,
                                                           int64_t offset);

/*
 * Reads with one preadv(2) into the @n buffers of @iov, and returns the number of bytes, which may
 * be less than the buffers hold.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_readv(int fd, const struct iovec *iov, int n,
                                                            int64_t offset);

/*
 * Write with one pwrite(2) or pwritev(2), and return the number of bytes, which may be less than
 * requested when the disk is full.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_write(int fd, const void *buf, size_t size,
                                                            int64_t offset);
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_writev(int fd, const struct iovec *iov, int n,
                                                             int64_t offset);

/*
 * Writes all @size bytes. Returns 0 or -errno; in either case *ret_written (may be NULL) is the
 * number of bytes that were written.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_write_fully(int fd, const void *buf, size_t size,
                                                              int64_t offset, size_t *ret_written);

/*
 * Wait until the data is on the disk: with all metadata of the file (fsync), or only with the
 * metadata needed to read it (fdatasync).
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fsync(int fd);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fdatasync(int fd);

/*
 * Get the status of the file that a path leads to, of a symbolic link itself, or of a descriptor,
 * as stat(2), lstat(2) and fstat(2) do.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_stat(const char *path, struct stat *ret);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_lstat(const char *path, struct stat *ret);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_fstat(int fd, struct stat *ret);

/* Do what the system calls of the same names do: rename(2), unlink(2), mkdir(2), rmdir(2). */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_rename(const char *from, const char *to);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_unlink(const char *path);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_mkdir(const char *path, mode_t mode);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_rmdir(const char *path);

/*
 * Makes a file without a name in @directory, open for reading and writing. Returns the descriptor,
 * which the caller owns; the file vanishes with it.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_open_temporary(const char *directory);

/*
 * Makes a file with a new name, as mkstemp(3) does: replaces the XXXXXX at the end of @pattern.
 * Returns the descriptor, which the caller owns.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_make_temporary(char *pattern);

/*
 * Copies up to @size bytes from the position of the file @in to that of @out, in the kernel if
 * possible. Returns their number, 0 at the end of @in: to copy a whole file, repeat the call until
 * then. A hole in @in becomes one at the end of @out, and counts as copied.
 *
 * Raises -EINVAL if both are the same file, or if one of them is a pipe, a socket or a terminal: a
 * thread that waits for those cannot be cancelled. Use eddy_file_read() and eddy_file_write_fully()
 * for them.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_file_copy(int in, int out, size_t size);

/*
 * Reads a whole file: *ret_data gets its *ret_size bytes, followed by a null byte. The caller owns
 * *ret_data, and frees it with eddy_file_free(). Raises EDDY_ELIMIT if the file has more than
 * @limit bytes. A file that changes meanwhile is read as the single reads find it.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_read_all(const char *path, size_t limit,
                                                           void **ret_data, size_t *ret_size);
#define eddy_file_read_all(path, limit, ret_data, ret_size)                                        \
    eddy_file_read_all((path), (limit), EDDYI_OUT(ret_data), (ret_size))

/* Frees the memory of eddy_file_read_all(). NULL is allowed. */
EDDY_API void eddy_file_free(void *data);

/*
 * Makes or overwrites the file @path with the @size bytes at @data.
 *
 * Cancelled, and on failure: the file may have only some of the bytes.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_write_all(const char *path, const void *data,
                                                            size_t size);

/*
 * Replaces the file @path atomically: a process that opens @path, even after a crash, finds either
 * the former contents or the @size bytes at @data. The bytes are written to a file in the same
 * directory, which is synced and renamed.
 *
 * The new file has the mode, the owner, the access control list and the user attributes of the
 * former one; raises -EPERM if the process may not set them. If @path is a symbolic link, the file
 * it leads to is replaced. Other hard links keep the former contents. A file that did not exist
 * gets the mode that open(2) would give it. Raises -EISDIR for a directory, -EINVAL for anything
 * else that is not a regular file.
 *
 * Cancelled, and on failure: nothing has changed, and the new file is removed.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_file_replace(const char *path, const void *data,
                                                          size_t size);

/* A directory, read entry by entry, without "." and "..", in the file system's order. */
typedef struct eddy_dir eddy_dir;

/* An entry of a directory. */
typedef struct eddy_dir_entry {
    const char *name; /* valid until the next call on the directory */
    /* DT_REG, DT_DIR, … of readdir(3); DT_UNKNOWN if the file system does not report it */
    int type;
} eddy_dir_entry;

/*
 * Opens a directory, as opendir(3) does. The caller owns *ret, and closes it with eddy_dir_close().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_dir_open(const char *path, eddy_dir **ret);

/* Stores the next entry in *ret. Returns 1, or 0 at the end. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_dir_next(eddy_dir *d, eddy_dir_entry *ret);

/* Closes and frees @d. NULL is allowed. */
EDDY_API EDDY_AWAITS void eddy_dir_close(eddy_dir *d);

EDDY_END_DECLS

#endif
