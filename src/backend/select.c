/*
 * The choice of the backend, and the reason for it.
 */
#include "backend/backend.h"
#include "base/log.h"
#include "base/sys.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_flag warned = ATOMIC_FLAG_INIT;

/* Returns the backend that $EDDY_BACKEND asks for. Any other value is reported once, and
 * ignored. */
static eddy_backend from_environment(void)
{
    const char *name = secure_getenv("EDDY_BACKEND");

    if (!name || !*name)
        return EDDY_BACKEND_DEFAULT;
    if (strcmp(name, "epoll") == 0)
        return EDDY_BACKEND_EPOLL;
    if (strcmp(name, "io_uring") == 0)
        return EDDY_BACKEND_IO_URING;
    if (!atomic_flag_test_and_set(&warned))
        eddyi_log(EDDY_LOG_WARNING,
                  "EDDY_BACKEND=%s is ignored: it can be \"io_uring\" or \"epoll\"", name);
    return EDDY_BACKEND_DEFAULT;
}

static int open_io_uring(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
#ifdef EDDY_WITH_URING
    return eddyi_backend_io_uring.open(ret, reason, reason_size);
#else
    snprintf(reason, reason_size, "eddy was built without io_uring");
    return -ENOSYS;
#endif
}

static int open_default(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
    eddy_backend wanted = from_environment();

    if (wanted == EDDY_BACKEND_EPOLL) {
        snprintf(reason, reason_size, "EDDY_BACKEND=epoll");
        return eddyi_backend_epoll.open(ret, NULL, 0);
    }
    /* Whatever the reason: a shortage that epoll meets as well is reported by epoll. */
    if (open_io_uring(ret, reason, reason_size) == 0)
        return 0;
    if (wanted == EDDY_BACKEND_IO_URING && !atomic_flag_test_and_set(&warned))
        eddyi_log(EDDY_LOG_WARNING, "EDDY_BACKEND=io_uring is refused, epoll is used instead: %s",
                  reason);
    return eddyi_backend_epoll.open(ret, NULL, 0);
}

int eddyi_backend_open(eddy_backend wanted, struct eddyi_backend **ret, char *reason,
                       size_t reason_size)
{
    if (reason_size > 0)
        reason[0] = '\0';
    switch (wanted) {
    case EDDY_BACKEND_DEFAULT:
        return open_default(ret, reason, reason_size);
    case EDDY_BACKEND_IO_URING:
        return open_io_uring(ret, reason, reason_size);
    case EDDY_BACKEND_EPOLL:
        return eddyi_backend_epoll.open(ret, reason, reason_size);
    case EDDY_BACKEND_VIRTUAL:
        return eddyi_backend_virtual.open(ret, reason, reason_size);
    }
    snprintf(reason, reason_size, "there is no backend number %d", (int)wanted);
    return -EINVAL;
}
