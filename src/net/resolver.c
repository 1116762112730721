#include "net/resolver.h"

#include "base/sys.h"
#include "eddy/error.h"

static void close_part(struct eddyi_loop_part *part)
{
    struct eddyi_resolver *r = eddyi_container(part, struct eddyi_resolver, part);

    eddyi_system_close(r);
    eddyi_free(r);
}

struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop)
{
    static const char key;
    struct eddyi_loop_part *part = eddyi_loop_part_find(loop, &key);
    struct eddyi_resolver *r;

    if (part)
        return eddyi_container(part, struct eddyi_resolver, part);
    r = eddyi_zalloc(sizeof *r);
    if (!r) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    r->loop = loop;
    r->part.key = &key;
    r->part.close = close_part;
    eddyi_loop_part_add(loop, &r->part);
    return r;
}
