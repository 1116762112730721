#include "process/identity.h"

#include "base/sys.h"
#include "eddy/error.h"

static int user(const char *name, int64_t *ret)
{
    unsigned id;
    int rc = eddyi_sys_user_id(name, &id);

    if (rc < 0)
        return eddy_raise(rc == -ESRCH ? -EINVAL : rc, "user '%s'%s", name,
                          rc == -ESRCH ? ": there is none" : "");
    *ret = id;
    return 0;
}

static int group(const char *name, unsigned *ret)
{
    int rc = eddyi_sys_group_id(name, ret);

    if (rc < 0)
        return eddy_raise(rc == -ESRCH ? -EINVAL : rc, "group '%s'%s", name,
                          rc == -ESRCH ? ": there is none" : "");
    return 0;
}

static int extra_groups(struct eddyi_program *p, const char *const *names)
{
    size_t n = 0;
    int rc = 0;

    while (names[n])
        n++;
    p->groups = eddyi_alloc(n * sizeof *p->groups);
    if (!p->groups)
        return eddy_raise(-ENOMEM, NULL);
    p->n_groups = n;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = group(names[i], &p->groups[i]);
    return rc;
}

int eddyi_identity_set(struct eddyi_program *p, const eddy_subprocess_options *o)
{
    unsigned id;

    p->uid = p->gid = p->umask = -1;
    if (o->umask < EDDY_NO_UMASK || o->umask > 0777)
        return eddy_raise(-EINVAL, "umask %#o: there is no such thing", (unsigned)o->umask);
    if (o->umask != 0)
        p->umask = o->umask == EDDY_NO_UMASK ? 0 : o->umask;
    if (o->user)
        eddy_try(user(o->user, &p->uid));
    if (o->group) {
        eddy_try(group(o->group, &id));
        p->gid = id;
    }
    return o->extra_groups ? extra_groups(p, o->extra_groups) : 0;
}

void eddyi_identity_fini(struct eddyi_program *p)
{
    eddyi_free(p->groups);
    p->groups = NULL;
}
