/*
 * Withheld results, for tests: see fault.h.
 */
#include "base/fault.h"

#ifdef EDDY_FAULTS

#include "base/sys.h"
#include "base/thread.h"

static EDDYI_THREAD_LOCAL struct {
    eddyi_withholder *asked; /* NULL: nothing is withheld */
    void *arg;
    void *op; /* the operation whose result is withheld; NULL: none */
    int result;
} withheld;

void eddyi_withhold_results(eddyi_withholder *asked, void *arg)
{
    withheld.asked = asked;
    withheld.arg = arg;
}

bool eddyi_is_withheld(void *op)
{
    return withheld.asked && withheld.asked(op, withheld.arg);
}

bool eddyi_withhold(void *op, int result)
{
    if (withheld.op || !eddyi_is_withheld(op))
        return false;
    withheld.op = op;
    withheld.result = result;
    return true;
}

bool eddyi_any_withheld(void)
{
    return withheld.op;
}

void *eddyi_withheld_take(int *ret_result)
{
    void *op = withheld.op;

    if (!op || eddyi_is_withheld(op))
        return NULL;
    *ret_result = withheld.result;
    withheld.op = NULL;
    return op;
}

#else

typedef int eddyi_withheld_unused; /* a source file may not be empty */

#endif
