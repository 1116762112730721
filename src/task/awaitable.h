/*
 * What coroutines, Futures and Tasks have in common: their first member says what they are.
 */
#ifndef EDDYI_AWAITABLE_H
#define EDDYI_AWAITABLE_H

#include "eddy/coroutine.h"

enum eddyi_kind { EDDYI_COROUTINE = 1, EDDYI_FUTURE, EDDYI_TASK };

struct eddy_awaitable {
    enum eddyi_kind kind : 8;
    bool
        marked; /* seen already by whoever is going through several, without running anything of the user's meanwhile */
    uint16_t gathered; /* the number of the gather that has seen it last, of which there is none 0 */
};

/*
 * Closes the coroutines among several awaitables, each once though it may be named twice; and gives up the references to
 * futures if those were handed over as well.
 */
void eddyi_awaitables_drop(eddy_awaitable *const *aws, size_t n, bool futures);

#endif
