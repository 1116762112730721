/*
 * The identity with which a thread uses files. setfsuid(2) and setfsgid(2) change one thread, and
 * never report a failure.
 */
#include "base/sys.h"

#include <sys/fsuid.h>

enum { NOBODY = -1 }; /* changes nothing */

struct eddyi_identity eddyi_sys_identity(void)
{
    return (struct eddyi_identity){(unsigned)setfsuid((uid_t)NOBODY),
                                   (unsigned)setfsgid((gid_t)NOBODY)};
}

/* Changes the identity, the group first: with the user the privilege goes. */
int eddyi_sys_become(struct eddyi_identity who)
{
    struct eddyi_identity now = eddyi_sys_identity();
    int f = eddyi_is_same_identity(now, who) ? 0 : eddyi_fault("setfsuid");

    if (f < 0)
        return f;
    if (now.gid != who.gid)
        setfsgid(who.gid);
    if (now.uid != who.uid)
        setfsuid(who.uid);
    return eddyi_is_same_identity(eddyi_sys_identity(), who) ? 0 : -EPERM;
}
