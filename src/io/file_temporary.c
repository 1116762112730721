/*
 * Temporary files.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int64_t make(void *pattern)
{
    return eddyi_sys_make_temporary(pattern);
}

int eddy_file_make_temporary(char *pattern)
{
    return (int)eddyi_file_ended_path(eddyi_file_call(make, pattern), "file_make_temporary",
                                      pattern);
}

static int64_t make_and_unlink(void *pattern)
{
    int fd = eddyi_sys_make_temporary(pattern);

    if (fd >= 0)
        eddyi_sys_unlinkat(AT_FDCWD, pattern, 0);
    return fd;
}

static int64_t open_by_name(const char *directory)
{
    static const char name[] = "/.eddy-XXXXXX";
    size_t size = strlen(directory) + sizeof name;
    char *pattern = eddyi_alloc(size);
    int64_t fd;

    if (!pattern)
        return -ENOMEM;
    snprintf(pattern, size, "%s%s", directory, name);
    fd = eddyi_file_call(make_and_unlink, pattern);
    eddyi_free(pattern);
    return fd;
}

int eddy_file_open_temporary(const char *directory)
{
    int64_t fd = eddy_file_open(directory, O_TMPFILE | O_RDWR, 0600);

    /* The file system has no unnamed files. EISDIR, ENOENT and EINVAL come from kernels that do not
     * know the flag. */
    if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -ENOENT || fd == -EINVAL)
        fd = open_by_name(directory);
    return (int)eddyi_file_ended_path(fd, "file_open_temporary", directory);
}
