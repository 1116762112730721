/*
 * The attributes of a file besides its bytes, owner and mode: the access control list, and users'
 * attributes. Attributes of the system, such as capabilities and labels, go with the bytes that
 * they were given for.
 */
#include "base/sys.h"

#include <string.h>
#include <sys/xattr.h>

static const char ACL[] = "system.posix_acl_access", USERS[] = "user.";

static long get(const char *path, const char *name, void *buf, size_t size)
{
    int f = eddyi_fault("getxattr");

    return f < 0 ? f
                 : eddyi_sys_result(name ? getxattr(path, name, buf, size)
                                         : listxattr(path, buf, size));
}

static int set(int fd, const char *name, const void *value, size_t size)
{
    int f = eddyi_fault("fsetxattr");

    return f < 0 ? f : (int)eddyi_sys_result(fsetxattr(fd, name, value, size, 0));
}

/* Reads an attribute, or without a name the list of all names, into memory. The caller owns *ret.
 * Returns the size, 0 if there is none. */
static long read_whole(const char *path, const char *name, char **ret)
{
    long n = get(path, name, NULL, 0);

    if (n <= 0)
        return n == -EOPNOTSUPP || n == -ENODATA ? 0 : n;
    *ret = eddyi_alloc((size_t)n);
    n = *ret ? get(path, name, *ret, (size_t)n) : -ENOMEM;
    if (n <= 0)
        eddyi_free(*ret);
    return n == -ENODATA ? 0 : n;
}

static int copy(const char *from, int to, const char *name)
{
    char *value;
    long n = read_whole(from, name, &value);
    int rc;

    if (n <= 0)
        return (int)n;
    rc = set(to, name, value, (size_t)n);
    eddyi_free(value);
    return rc;
}

int eddyi_sys_copy_attributes(const char *from, int to)
{
    bool has_acl = false;
    char *names = NULL;
    long size = read_whole(from, NULL, &names);
    int rc = size < 0 ? (int)size : 0;

    for (char *name = names, *next; rc == 0 && size > 0 && name < names + size; name = next) {
        next = name + strlen(name) + 1;
        if (strcmp(name, ACL) == 0)
            has_acl = true;
        else if (strncmp(name, USERS, sizeof USERS - 1) != 0)
            continue;
        rc = copy(from, to, name);
    }
    if (size > 0)
        eddyi_free(names);
    /* An access control list that came from the directory. */
    if (rc == 0 && !has_acl && fremovexattr(to, ACL) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
        rc = -errno;
    return rc;
}
