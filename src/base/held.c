/*
 * Withheld results, for tests: see fault.h.
 */
#include "base/fault.h"

#ifdef EDDY_FAULTS

#include "base/sys.h"
#include "base/thread.h"

static EDDYI_THREAD_LOCAL struct {
    eddyi_holder *asked; /* NULL: nothing is withheld */
    void *arg;
    void *op; /* the operation whose result is withheld; NULL: none */
    int result;
} held;

void eddyi_hold_results(eddyi_holder *asked, void *arg)
{
    held.asked = asked;
    held.arg = arg;
}

bool eddyi_held(void *op)
{
    return held.asked && held.asked(op, held.arg);
}

bool eddyi_held_keep(void *op, int result)
{
    if (held.op || !eddyi_held(op))
        return false;
    held.op = op;
    held.result = result;
    return true;
}

bool eddyi_held_any(void)
{
    return held.op;
}

void *eddyi_held_take(int *ret_result)
{
    void *op = held.op;

    if (!op || eddyi_held(op))
        return NULL;
    *ret_result = held.result;
    held.op = NULL;
    return op;
}

#else

typedef int eddyi_held_unused; /* a source file may not be empty */

#endif
