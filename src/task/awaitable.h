/*
 * What coroutines, Futures and Tasks have in common: their first member says what they are.
 */
#ifndef EDDYI_AWAITABLE_H
#define EDDYI_AWAITABLE_H

#include "eddy/coroutine.h"

enum eddyi_kind { EDDYI_COROUTINE = 1, EDDYI_FUTURE, EDDYI_TASK };

struct eddy_awaitable {
    enum eddyi_kind kind;
};

#endif
