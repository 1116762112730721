/*
 * Errors: a status everywhere, an exception object where a number is not enough.
 *
 * Every call that can fail returns an int: >= 0 is success, < 0 an error, either
 * -errno or one of the codes below. Beside the number an error can carry a message
 * and, for a group, its members; that object is an eddy_exception. It hangs on the
 * future that failed and, after a failed await, on the task that awaited.
 */
#ifndef EDDY_ERROR_H
#define EDDY_ERROR_H

#include "defs.h"

#include <errno.h>

EDDY_BEGIN_DECLS

/*
 * The codes that errno has no number for. What asyncio raises as CancelledError is
 * -ECANCELED, TimeoutError is -ETIMEDOUT, MemoryError is -ENOMEM, a deadlock of the
 * virtual clock is -EDEADLK.
 */
enum {
    EDDY_EINVALIDSTATE = -10001,  /* InvalidStateError: the future is (not) done */
    EDDY_EGROUP = -10002,         /* ExceptionGroup: see eddy_exception_member() */
    EDDY_EQUEUEFULL = -10003,     /* QueueFull */
    EDDY_EQUEUEEMPTY = -10004,    /* QueueEmpty */
    EDDY_EQUEUESHUTDOWN = -10005, /* QueueShutDown */
    EDDY_EBROKENBARRIER = -10006, /* BrokenBarrierError */
    EDDY_EINCOMPLETE = -10007,    /* IncompleteReadError */
    EDDY_ELIMIT = -10008,         /* LimitOverrunError */
    EDDY_ENOTASK = -10009,        /* called outside a task, but only a task can wait */
    EDDY_ENOLOOP = -10010,        /* no event loop runs in, or is set for, this thread */
    EDDY_ECLOSED = -10011,        /* the loop (or another object) is closed */
    EDDY_ERUNNING = -10012,       /* a loop runs already in this thread, or is still running */
    EDDY_ESTOPPED = -10013,       /* the loop stopped before the future was done */
    EDDY_EOTHERLOOP = -10014,     /* the future belongs to another loop */
    EDDY_ETHREAD = -10015,        /* called from a thread that is not the loop's */
    EDDY_EFORKED = -10016,        /* the loop was made before fork(); the child has none (loop.h) */
    EDDY_EMISUSE = -10017,        /* the call makes no sense here (RuntimeError); see the message */
    EDDY_EGENERATOREXIT = -10018, /* GeneratorExit: the generator is being closed */
    /* BrokenExecutor: the job's worker process or thread ended; see the message */
    EDDY_EBROKEN = -10019,
    /* gaierror EAI_NONAME: there is no such name, or it has no such address */
    EDDY_ENONAME = -10020,
    EDDY_ENAMEAGAIN = -10021, /* EAI_AGAIN: no name server gave an answer; later one may */
    EDDY_EBADNAME = -10022,   /* this can be no name, so nobody was asked */
    EDDY_ENOSERVICE = -10023, /* EAI_SERVICE: no such service, or not for this type of socket */
    EDDY_ENAMEFAIL = -10024,  /* EAI_FAIL: the answer of the name servers makes no sense */
    EDDY_ETLS = -10025,       /* SSLError: TLS failed; see the message */
    /* SSLCertVerificationError: the certificate is not accepted; see the message */
    EDDY_ECERT = -10026,
    EDDY_ETRUNCATED = -10027, /* SSLEOFError: a connection ended without the farewell of TLS */
    EDDY_EUSER = -20000       /* programs number their own errors from here downwards */
};

/*
 * One sentence for a status, never NULL: strerror()'s for -errno, eddy's own for the
 * codes above. The text is static.
 */
EDDY_API const char *eddy_strerror(int status);

/*
 * A new exception of @code (negative; a positive one is taken for its negative, and 0 for
 * EDDY_EMISUSE) with a printf-style message; @fmt may be NULL for none. The caller owns one
 * reference. NULL when memory is short. Immutable from then on, so any number of futures and
 * threads may share it.
 */
EDDY_API EDDY_NODISCARD EDDY_PRINTF(2, 3) eddy_exception *eddy_exception_new(int code,
                                                                             const char *fmt, ...);

/*
 * A new exception of code EDDY_EGROUP that holds @n members, in order (ExceptionGroup).
 * It takes references of its own to the members.
 */
EDDY_API EDDY_NODISCARD eddy_exception *
eddy_exception_group_new(const char *message, eddy_exception *const *members, size_t n);

EDDY_API eddy_exception *eddy_exception_ref(const eddy_exception *e);
EDDY_API void eddy_exception_unref(const eddy_exception *e); /* NULL is allowed */

EDDY_API int eddy_exception_code(const eddy_exception *e);

/* The message, "" if the exception carries none. Belongs to the exception. */
EDDY_API const char *eddy_exception_message(const eddy_exception *e);

/* How many members a group has (0 for other exceptions), and the i-th, borrowed. */
EDDY_API size_t eddy_exception_count(const eddy_exception *e);
EDDY_API const eddy_exception *eddy_exception_member(const eddy_exception *e, size_t i);

/*
 * Writes "message (what the code means)", members included, as snprintf() does.
 */
EDDY_API int eddy_exception_format(const eddy_exception *e, char *buf, size_t size);

/*
 * Attaches a message to an error on its way up: `return eddy_raise(-EIO, "read %s", path);` Returns
 * @code (negative; eddy_raise(EIO, …) gives -EIO, and 0 gives EDDY_EMISUSE: an error is never taken
 * for success). The message travels with that status: to the future of the task that returns it,
 * and to whoever awaits that. Should memory be short, the code travels alone.
 */
EDDY_API EDDY_COLD EDDY_PRINTF(2, 3) int eddy_raise(int code, const char *fmt, ...);

/* The same with an exception one has; takes a reference of its own. Returns its code; EDDY_EMISUSE
 * for NULL. */
EDDY_API int eddy_reraise(const eddy_exception *e);

/*
 * The exception behind the latest failed await, or call, of the current task; outside
 * tasks, of this thread. Borrowed: it stays valid until the next failure; keep it
 * with eddy_exception_ref(). NULL if nothing failed yet.
 */
EDDY_API const eddy_exception *eddy_error(void);

/* Returns from the calling function with a negative status; the macro's value is a status >= 0. */
#if defined(__GNUC__)
#define eddy_try(expr)                                                                             \
    __extension__({                                                                                \
        int eddyi_status = (expr);                                                                 \
        if (eddyi_status < 0)                                                                      \
            return eddyi_status;                                                                   \
        eddyi_status;                                                                              \
    })
#endif

EDDY_END_DECLS

#endif
