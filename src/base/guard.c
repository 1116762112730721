#include "base/guard.h"

#include "base/kernel.h"
#include "base/log.h"
#include "base/sys.h"

#include <stdatomic.h>
#include <stdio.h>

/* mprotect splits one mapping in two, and vm.max_map_count is 65530 by default. */
#define PROTECTED_MAX 30000

/* The result of probing MADV_GUARD_INSTALL; concurrent probes find the same. */
enum { UNPROBED, WORKS, UNKNOWN };
static atomic_int installing;

static atomic_uint n_protected;

static bool install(void *low, size_t size)
{
    int state = atomic_load_explicit(&installing, memory_order_relaxed);
    int rc;

    if (state == UNKNOWN)
        return false;
    rc = eddyi_sys_guard_install(low, size);
    if (rc < 0 && rc != -EINVAL)
        return false;
    if (state == WORKS)
        return rc == 0;
    /* qemu's emulation of Linux accepts any advice and ignores it. A page that can be populated is
     * no guard. */
    if (rc == 0 && eddyi_sys_advise(low, size, EDDYI_MADV_POPULATE_READ) < 0)
        state = WORKS;
    else
        state = UNKNOWN;
    atomic_store_explicit(&installing, state, memory_order_relaxed);
    return state == WORKS;
}

static bool protect(void *low, size_t size)
{
    if (atomic_fetch_add_explicit(&n_protected, 1, memory_order_relaxed) < PROTECTED_MAX &&
        eddyi_sys_protect_none(low, size) == 0)
        return true;
    eddyi_guard_unmapped(1);
    return false;
}

static void warn(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&said))
        eddyi_log(EDDY_LOG_WARNING,
                  "task stacks made from now on have no guard pages: this kernel has no "
                  "MADV_GUARD_INSTALL (Linux 6.13), and vm.max_map_count allows no more of the "
                  "other kind. A stack overflow may go unnoticed.");
}

enum eddyi_guard eddyi_guard_make(void *low, size_t size)
{
    if (install(low, size))
        return EDDYI_GUARD_INSTALLED;
    if (protect(low, size))
        return EDDYI_GUARD_PROTECTED;
    warn();
    return EDDYI_GUARD_NONE;
}

void eddyi_guard_unmapped(unsigned n)
{
    atomic_fetch_sub_explicit(&n_protected, n, memory_order_relaxed);
}
