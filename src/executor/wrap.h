/*
 * The future of a loop that ends as a concurrent future does: see wrap.c.
 */
#ifndef EDDYI_WRAP_H
#define EDDYI_WRAP_H

#include "executor/concurrent.h"
#include "loop/part.h"
#include "loop/ready.h"
#include "task/future.h"

struct eddyi_wrapped {
    struct eddy_future future;
    struct eddyi_loop_part pending;
    struct eddyi_ready ready;
    struct eddyi_watcher watcher;
    eddy_concurrent_future *source; /* owned */
    bool has_two;                   /* references to it: the one of whoever ended it, too */
    bool expected;                  /* counted in loop->expected */
};

/*
 * Wraps a private future, of which it consumes a reference also when it fails, in @w, which lies in
 * the same piece of memory. NULL: the loop or the future may not be used here; the error has been
 * raised.
 */
eddy_future *eddyi_wrap_private(eddy_loop *loop, eddy_concurrent_future *cf,
                                struct eddyi_wrapped *w);

#endif
