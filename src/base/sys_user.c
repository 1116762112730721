/*
 * The calls of sys.h about users and groups. They read files, or ask the services in nsswitch.conf,
 * and block.
 */
#include "base/sys.h"

#include <grp.h>
#include <pwd.h>

enum { RECORD = 65536 }; /* bytes; for a group with thousands of members */

/* Parses a number. Returns false if @text is none. */
static bool number_of(const char *text, unsigned *ret)
{
    char *end;
    unsigned long n;

    if (*text < '0' || *text > '9')
        return false;
    n = strtoul(text, &end, 10);
    if (*end || n >= UINT32_MAX)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int look_up(const char *name, bool group, char *space, unsigned *ret)
{
    struct passwd user, *found_user = NULL;
    struct group record, *found_group = NULL;
    int rc;

    do
        rc = group ? getgrnam_r(name, &record, space, RECORD, &found_group)
                   : getpwnam_r(name, &user, space, RECORD, &found_user);
    while (rc == EINTR);
    if (rc != 0 || (!found_user && !found_group))
        return rc == 0 || rc == ENOENT ? -ESRCH : -rc;
    *ret = group ? record.gr_gid : user.pw_uid;
    return 0;
}

static int id_of(const char *call, const char *name, bool group, unsigned *ret)
{
    char *space;
    int rc;

    if (number_of(name, ret))
        return 0;
    rc = eddyi_fault(call);
    if (rc < 0)
        return rc;
    space = eddyi_alloc(RECORD);
    rc = space ? look_up(name, group, space, ret) : -ENOMEM;
    eddyi_free(space);
    return rc;
}

int eddyi_sys_user_id(const char *name, unsigned *ret)
{
    return id_of("getpwnam", name, false, ret);
}

int eddyi_sys_group_id(const char *name, unsigned *ret)
{
    return id_of("getgrnam", name, true, ret);
}
