/*
 * eddy: asyncio for C.
 *
 * One header for everything; each area's own header can be included alone. The conventions,
 * once:
 *
 *   Names eddy_<name> is asyncio.<name>; eddy_<object>_<verb> a method. eddyi_… is internal. Time
 *   seconds as double; EDDY_FOREVER is no limit. Status int, >= 0 success, < 0 an error: -errno or
 *   a code of eddy/error.h. Cancelled is -ECANCELED, a timeout is -ETIMEDOUT. A message may come
 *   with it: eddy_error(). Outputs named ret_…, last; untouched on failure. Handing over whoever is
 *   handed an awaitable consumes it (await, create_task, gather, wait_for, shield, run), also when
 *   the call fails. To use a future again keep a reference: eddy_await(eddy_ref(t)). eddy_wait,
 *   as_completed and whatever only looks borrow. Memory what makes an awaitable returns NULL when
 *   memory is short, what consumes one takes NULL and gives -ENOMEM. Suspending a function marked
 *   EDDY_AWAITS may suspend the calling task; nothing else does. Any function may call one. errno
 *   does not survive a suspension. Threads a loop and all that belongs to it are used from the
 *   loop's own thread.
 */
#ifndef EDDY_H
#define EDDY_H

#include "eddy/carrier.h"
#include "eddy/contextvars.h"
#include "eddy/coroutine.h"
#include "eddy/datagram.h"
#include "eddy/datagram_transport.h"
#include "eddy/debug.h"
#include "eddy/defs.h"
#include "eddy/error.h"
#include "eddy/executor.h"
#include "eddy/file.h"
#include "eddy/future.h"
#include "eddy/generator.h"
#include "eddy/group.h"
#include "eddy/loop.h"
#include "eddy/net.h"
#include "eddy/protocol.h"
#include "eddy/queue.h"
#include "eddy/run.h"
#include "eddy/server.h"
#include "eddy/signal.h"
#include "eddy/sock.h"
#include "eddy/stream.h"
#include "eddy/subprocess.h"
#include "eddy/subprocess_transport.h"
#include "eddy/sync.h"
#include "eddy/task.h"
#include "eddy/threads.h"
#include "eddy/timeout.h"
#include "eddy/tls.h"
#include "eddy/transport.h"
#include "eddy/version.h"
#include "eddy/wait.h"
#include "eddy/workers.h"

#endif
