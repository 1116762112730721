/*
 * eddy: asyncio for C.
 *
 * Includes every public header; each of them can also be included alone. The conventions:
 *
 *   Names       eddy_<name> is asyncio.<name>; eddy_<object>_<verb> is a method of that object.
 *               Names that begin with eddyi_ are internal.
 *   Time        Seconds, as double. EDDY_FOREVER means no limit.
 *   Status      An int: >= 0 is success, < 0 is an error, either -errno or a code of eddy/error.h.
 *               A cancelled call gives -ECANCELED, a call that timed out -ETIMEDOUT. An error may
 *               carry a message: eddy_error().
 *   Outputs     Are named ret_…, come last, and are not touched on failure. NULL in place of a
 *               required output raises -EINVAL. NULL is allowed for an output that comes beside a
 *               result (ret_value, ret_arg, ret_sent), and where a comment says so.
 *   Ownership   A function that takes an awaitable consumes it (await, create_task, gather,
 *               wait_for, shield, run), even on failure, unless its comment says that it borrows
 *               (wait, as_completed). To use a future again keep a reference:
 *               eddy_await(eddy_ref(t)).
 *   Memory      A function that makes an awaitable returns NULL when memory is short; a function
 *               that consumes an awaitable accepts NULL and then returns -ENOMEM.
 *   Suspending  Only a function marked EDDY_AWAITS can suspend the calling task; any function may
 *               call it. errno does not survive a suspension.
 *   Threads     A loop and the objects that belong to it are used only from the loop's own thread.
 *
 * The comments use one phrase for each of these facts:
 *
 *   The caller owns *ret.               The caller has to release the object, or to hand it to a
 *                                       function that consumes it. "Owned" says so of a returned
 *                                       pointer.
 *   Borrows @x.                         The function neither releases @x nor takes it over.
 *                                       "Borrowed" says of a result that the caller must not
 *                                       release it.
 *   Consumes @x.                        The function takes over the caller's object or reference,
 *                                       even on failure.
 *   Takes ownership of @fd on success.  On failure the caller still owns @fd.
 *   Raises -ENOMEM.                     The function returns that code, with a message in
 *                                       eddy_error(). A function that returns a pointer or a handle
 *                                       returns NULL or an empty handle instead.
 *   Cancelled: …                        The state in which the call leaves its objects when its
 *                                       task is cancelled.
 *   May be called from any thread.      An exception to the rule on threads above.
 *   options_size                        The size of *options, passed by the macro of the function's
 *                                       name; see docs/abi.md.
 *   (rule N)                            Cites docs/semantics.md, which has the numbered rules of
 *                                       asyncio's behaviour and their tests.
 *   Slow path of f().                   An internal function that the inline function f() calls in
 *                                       the rare case.
 */
#ifndef EDDY_H
#define EDDY_H

#include "eddy/binding.h"
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
#include "eddy/log.h"
#include "eddy/loop.h"
#include "eddy/memory.h"
#include "eddy/net.h"
#include "eddy/operation.h"
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
