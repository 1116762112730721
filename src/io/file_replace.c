/*
 * Replacing a file, all or nothing.
 *
 * The bytes are written to a temporary file beside the old one. The temporary file takes over the
 * owner, the mode and the attributes of the old file, and then its name. The directory of both
 * files is open meanwhile, so that the names are short and stay right when the current directory
 * changes.
 */
#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LINKS = 40, ATTEMPTS = 100 };

struct replacement {
    const char *path;
    int dir; /* the file's directory, after all symbolic links; -1: not open */
    int fd;  /* the temporary file; -1: not open */
    bool exists;
    struct statx before; /* valid if it exists */
    char name[NAME_MAX + 1];
    char beside[48];
};

/* Replaces r->dir by the directory of the last part of @path, and r->name by that part. */
static int enter(struct replacement *r, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char parent[PATH_MAX];
    int from = r->dir;

    if (!*name)
        return *path ? -EISDIR : -ENOENT;
    if (strlen(name) > NAME_MAX || name - path >= PATH_MAX)
        return -ENAMETOOLONG;
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(name - path) : 1, slash ? path : ".");
    r->dir = eddyi_sys_openat(from < 0 ? AT_FDCWD : from, parent, O_PATH | O_DIRECTORY, 0);
    if (from >= 0)
        eddyi_sys_close(from);
    memcpy(r->name, name, strlen(name) + 1);
    return r->dir < 0 ? r->dir : 0;
}

/* Follows symbolic links until r->name is no link or does not exist. Returns the number of links,
 * or -errno. */
static int follow_links(struct replacement *r)
{
    char path[PATH_MAX];
    int rc = enter(r, r->path), n;

    for (int links = 0; rc == 0 && links <= LINKS; links++) {
        n = eddyi_sys_readlinkat(r->dir, r->name, path, sizeof path - 1);
        if (n == -EINVAL || n == -ENOENT)
            return links;
        if (n < 0)
            return n;
        path[n] = '\0';
        rc = enter(r, path);
    }
    return rc < 0 ? rc : -ELOOP;
}

static int look(int dir, const char *path, int flags, struct statx *ret)
{
    int rc = eddyi_sys_statx(dir, path, flags, ret);

    if (rc < 0)
        memset(ret, 0, sizeof *ret);
    return rc == -ENOENT ? 0 : rc;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
           a->stx_dev_minor == b->stx_dev_minor;
}

/*
 * Finds the file. Links that are followed by hand could lead where the kernel refuses to go, such
 * as through another user's link in /tmp (fs.protected_symlinks). So the kernel resolves the path
 * as well and must arrive at the same file. Returns 1, or 0 if the file was replaced in between.
 */
static int find(struct replacement *r)
{
    int links = follow_links(r);
    int rc = links < 0 ? links : look(r->dir, r->name, AT_SYMLINK_NOFOLLOW, &r->before);
    struct statx seen = r->before;

    if (rc == 0 && links > 0)
        rc = look(AT_FDCWD, r->path, 0, &seen);
    return rc < 0 ? rc : is_same(&r->before, &seen);
}

static void replacement_leave(struct replacement *r)
{
    if (r->dir >= 0)
        eddyi_sys_close(r->dir);
    r->dir = -1;
}

/* Creates a temporary file. The process id and a counter make its name unique; O_EXCL detects the
 * rest. */
static int open_beside(struct replacement *r)
{
    static atomic_uint count;

    do {
        snprintf(r->beside, sizeof r->beside, ".eddy-%ld-%u.tmp", eddyi_sys_pid(),
                 atomic_fetch_add(&count, 1));
        r->fd = eddyi_sys_openat(r->dir, r->beside, O_WRONLY | O_CREAT | O_EXCL,
                                 r->exists ? 0600 : 0666);
    } while (r->fd == -EEXIST);
    if (r->fd >= 0)
        eddyi_sys_block_on_file(r->fd);
    return r->fd < 0 ? r->fd : 0;
}

/* Finds the file and opens the temporary one, in a thread. */
static int64_t begin(void *arg)
{
    struct replacement *r = arg;
    int rc = find(r);

    for (int i = 1; rc == 0 && i < ATTEMPTS; i++) {
        replacement_leave(r);
        rc = find(r);
    }
    r->exists = r->before.stx_mode != 0;
    if (rc == 0)
        rc = -EBUSY;
    else if (rc > 0 && r->exists && !S_ISREG(r->before.stx_mode))
        rc = S_ISDIR(r->before.stx_mode) ? -EISDIR : -EINVAL;
    return rc < 0 ? rc : open_beside(r);
}

static bool has_mode(int fd, unsigned mode)
{
    struct statx now;

    return eddyi_sys_statx(fd, "", AT_EMPTY_PATH, &now) == 0 && (now.stx_mode & 07777) == mode;
}

/*
 * Gives the temporary file the owner, attributes and mode of the old one, in a thread, after the
 * bytes are written: writing clears bits of the mode, as does changing the owner. The mode of a
 * file with an access control list says little without that list.
 */
static int64_t take_over(void *arg)
{
    struct replacement *r = arg;
    unsigned mode = r->before.stx_mode & 07777;
    struct statx now;
    int rc = eddyi_sys_statx(r->fd, "", AT_EMPTY_PATH, &now);

    if (rc == 0 && (now.stx_uid != r->before.stx_uid || now.stx_gid != r->before.stx_gid))
        rc = eddyi_sys_fchown(r->fd, r->before.stx_uid, r->before.stx_gid);
    if (rc == 0)
        rc = eddyi_sys_copy_attributes(r->path, r->fd);
    if (rc == 0 && !has_mode(r->fd, mode)) {
        rc = eddyi_sys_fchmod(r->fd, mode);
        rc = rc < 0 ? rc : has_mode(r->fd, mode) ? 0 : -EPERM;
    }
    return rc;
}

/* Writes and closes the temporary file. The close may report that an earlier write failed. */
static int write_beside(struct replacement *r, const void *data, size_t size)
{
    int rc = eddy_file_write_fully(r->fd, data, size, 0, NULL), closed;

    if (rc == 0 && r->exists) {
        rc = (int)eddyi_file_call(take_over, r);
        if (rc == -EPERM)
            rc = eddy_raise(rc, "file_replace of %s: its owner, group or mode cannot be kept",
                            r->path);
        else
            rc = (int)eddyi_file_ended_path(rc, "file_replace", r->path);
    }
    if (rc == 0)
        rc = eddy_file_fsync(r->fd);
    closed = eddy_file_close(r->fd);
    return rc < 0 ? rc : closed;
}

static int replace(struct replacement *r, const void *data, size_t size)
{
    int rc = (int)eddyi_file_ended_path(eddyi_file_call(begin, r), "file_replace", r->path);

    if (rc < 0)
        return rc;
    rc = write_beside(r, data, size);
    if (rc == 0)
        rc = (int)eddyi_file_ended_path(eddyi_file_rename_in(r->dir, r->beside, r->name),
                                        "file_replace", r->path);
    if (rc < 0)
        eddyi_file_unlink_own(r->dir, r->beside);
    return rc;
}

int eddy_file_replace(const char *path, const void *data, size_t size)
{
    struct replacement r = {.path = path, .dir = -1, .fd = -1};
    int rc = replace(&r, data, size);

    replacement_leave(&r);
    return rc;
}
