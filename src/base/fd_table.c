#include "base/fd_table.h"

#include "base/sys.h"

#include <string.h>

int eddyi_fd_table_grow(void *slots, size_t *n, size_t size, int fd, void **ret)
{
    size_t grown = *n ? *n : 64;
    int rc = eddyi_sys_is_open(fd);

    if (rc < 0)
        return rc;
    while (grown <= (size_t)fd)
        grown *= 2;
    slots = eddyi_realloc(slots, grown * size);
    if (!slots)
        return -ENOMEM;
    memset((char *)slots + *n * size, 0, (grown - *n) * size);
    *n = grown;
    *ret = slots;
    return 0;
}
