/*
 * The future of a loop that ends when a concurrent future does; see wrap.c.
 */
#ifndef EDDYI_WRAP_H
#define EDDYI_WRAP_H

#include "executor/concurrent.h"
#include "loop/ready.h"
#include "task/future.h"

struct eddyi_wrapped {
    struct eddy_future future;
    struct eddyi_pending pending;
    struct eddyi_ready ready;
    struct eddyi_watcher watcher;
    eddy_concurrent_future *source; /* owned */
    /* it owns two references to the source: one is of the thread that ended the source */
    bool has_two;
    bool expected; /* counted in loop->expected */
};

/*
 * Wraps a private future in @w, which lies in the same piece of memory. Consumes a reference to
 * @cf, even on failure. Raises an error and returns NULL if the loop or the future may not be used
 * here.
 */
eddy_future *eddyi_wrap_private(eddy_loop *loop, eddy_concurrent_future *cf,
                                struct eddyi_wrapped *w);

#endif
