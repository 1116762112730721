#include "loop/part.h"

#include "base/sys.h"
#include "loop/loop.h"

void *eddyi_loop_part_find(eddy_loop *loop, const struct eddyi_part_kind *kind)
{
    EDDYI_LIST_EACH(l, &loop->parts) {
        struct eddyi_loop_part *part = eddyi_container(l, struct eddyi_loop_part, link);

        if (part->kind == kind)
            return part;
    }
    return NULL;
}

EDDYI_DIRECT void *eddyi_loop_part(eddy_loop *loop, const struct eddyi_part_kind *kind)
{
    struct eddyi_loop_part *part = eddyi_loop_part_find(loop, kind);

    if (part)
        return part;
    part = eddyi_zalloc(kind->size);
    if (!part)
        return NULL;
    part->loop = loop;
    part->kind = kind;
    if (kind->init)
        kind->init(part);
    eddyi_list_append(&loop->parts, &part->link);
    return part;
}
