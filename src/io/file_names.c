/*
 * Calls on files by name.
 */
#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"
#include "io/file_cached.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

static void convert(const struct statx *from, struct stat *to)
{
    memset(to, 0, sizeof *to);
    to->st_dev = makedev(from->stx_dev_major, from->stx_dev_minor);
    to->st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor);
    to->st_ino = from->stx_ino;
    to->st_mode = from->stx_mode;
    to->st_nlink = from->stx_nlink;
    to->st_uid = from->stx_uid;
    to->st_gid = from->stx_gid;
    to->st_size = (off_t)from->stx_size;
    to->st_blksize = (blksize_t)from->stx_blksize;
    to->st_blocks = (blkcnt_t)from->stx_blocks;
    to->st_atim = (struct timespec){from->stx_atime.tv_sec, from->stx_atime.tv_nsec};
    to->st_mtim = (struct timespec){from->stx_mtime.tv_sec, from->stx_mtime.tv_nsec};
    to->st_ctim = (struct timespec){from->stx_ctime.tv_sec, from->stx_ctime.tv_nsec};
}

static int64_t stat_by_backend(const char *path, int flags, struct statx *ret)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin_shared(&c, AT_FDCWD);

    if (rc < 0)
        return rc;
    c.o.op.kind = EDDYI_OP_STAT;
    c.o.op.stat.path = path;
    c.o.op.stat.flags = flags;
    c.o.op.stat.ret = ret;
    return eddyi_io_wait(&c);
}

/*
 * Describes the file with the name @path. If the name is cached, that is done by a descriptor,
 * because statx(2) by name cannot be confined to the caches.
 */
static int64_t stat_by_name(const char *path, int flags, struct stat *ret)
{
    int follow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
    struct statx found;
    int64_t fd = ret ? eddyi_cached_open(AT_FDCWD, path, O_PATH | follow) : -EINVAL, rc;

    if (!ret || fd == -ENOENT || fd == -ENOTDIR)
        return fd;
    if (fd >= 0) {
        rc = eddyi_cached_stat((int)fd, &found);
        eddyi_sys_close((int)fd);
    } else {
        rc = stat_by_backend(path, flags, &found);
    }
    if (rc == 0)
        convert(&found, ret);
    return rc;
}

static int64_t stat_by_descriptor(int fd, struct stat *ret)
{
    struct statx found;
    int64_t rc = ret ? eddyi_cached_stat(fd, &found) : -EINVAL;

    if (rc == 0)
        convert(&found, ret);
    return rc;
}

int eddy_file_stat(const char *path, struct stat *ret)
{
    return (int)eddyi_file_ended_path(stat_by_name(path, 0, ret), "file_stat", path);
}

int eddy_file_lstat(const char *path, struct stat *ret)
{
    return (int)eddyi_file_ended_path(stat_by_name(path, AT_SYMLINK_NOFOLLOW, ret), "file_lstat",
                                      path);
}

int eddy_file_fstat(int fd, struct stat *ret)
{
    /* The kernel takes -100 for AT_FDCWD and would describe the current directory. */
    int64_t rc = fd < 0 ? -EBADF : stat_by_descriptor(fd, ret);

    return (int)eddyi_file_ended(rc, "file_fstat", fd);
}

static int64_t by_path(enum eddyi_op_kind kind, const char *path, int flags, unsigned mode)
{
    struct eddyi_io_call c;
    int64_t rc = eddyi_io_begin_shared(&c, AT_FDCWD);

    if (rc < 0)
        return rc;
    c.o.op.kind = kind;
    c.o.op.file.path = path;
    c.o.op.file.flags = flags;
    c.o.op.file.mode = mode;
    return eddyi_io_wait(&c);
}

int eddy_file_unlink(const char *path)
{
    return (int)eddyi_file_ended_path(by_path(EDDYI_OP_UNLINK, path, 0, 0), "file_unlink", path);
}

void eddyi_file_unlink_own(int dir, const char *name)
{
    struct eddyi_io_call c;
    int64_t rc = eddyi_io_begin_shared(&c, dir);

    if (rc == 0) {
        c.shielded = true;
        c.o.op.kind = EDDYI_OP_UNLINK;
        c.o.op.file.path = name;
        c.o.op.file.flags = 0;
        rc = eddyi_io_wait(&c);
    }
    if (rc < 0)
        eddyi_sys_unlinkat(dir, name, 0);
}

int eddy_file_rmdir(const char *path)
{
    return (int)eddyi_file_ended_path(by_path(EDDYI_OP_UNLINK, path, AT_REMOVEDIR, 0), "file_rmdir",
                                      path);
}

int eddy_file_mkdir(const char *path, mode_t mode)
{
    return (int)eddyi_file_ended_path(by_path(EDDYI_OP_MKDIR, path, 0, mode), "file_mkdir", path);
}

int64_t eddyi_file_rename_in(int dir, const char *from, const char *to)
{
    struct eddyi_io_call c;
    int64_t rc = eddyi_io_begin_shared(&c, dir);

    if (rc < 0)
        return rc;
    c.o.op.kind = EDDYI_OP_RENAME;
    c.o.op.rename.from = from;
    c.o.op.rename.to = to;
    return eddyi_io_wait(&c);
}

int eddy_file_rename(const char *from, const char *to)
{
    return (int)eddyi_file_ended_path(eddyi_file_rename_in(AT_FDCWD, from, to), "file_rename",
                                      from);
}
