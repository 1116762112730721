/*
 * Errors: a status everywhere, an exception object where a number is not enough.
 *
 * Every call that can fail returns an int: >= 0 is success, < 0 an error, either -errno or one of
 * the codes below. Besides its number an error can carry a message and, for a group, its members;
 * they are kept in an eddy_exception. The exception belongs to the future that failed and, after a
 * failed await, to the awaiting task.
 */
#ifndef EDDY_ERROR_H
#define EDDY_ERROR_H

#include "defs.h"

#include <errno.h>

EDDY_BEGIN_DECLS

/*
 * The error codes for which errno has no number. asyncio's CancelledError is -ECANCELED,
 * TimeoutError is -ETIMEDOUT, MemoryError is -ENOMEM; a deadlock under the virtual clock is
 * -EDEADLK.
 */
enum {
    EDDY_EINVALIDSTATE = -10001,  /* InvalidStateError: the future is done, or is not done */
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
    EDDY_ERUNNING = -10012,       /* a loop already runs in this thread, or is still running */
    EDDY_ESTOPPED = -10013,       /* the loop stopped before the future was done */
    EDDY_EOTHERLOOP = -10014,     /* the future belongs to another loop */
    EDDY_ETHREAD = -10015,        /* called from a thread that is not the loop's */
    EDDY_EFORKED = -10016,        /* the loop was made before fork(); the child has none (loop.h) */
    EDDY_EMISUSE = -10017,        /* the call is not allowed here (RuntimeError); see the message */
    EDDY_EGENERATOREXIT = -10018, /* GeneratorExit: the generator is being closed */
    /* BrokenExecutor: the job's worker process or thread ended; see the message */
    EDDY_EBROKEN = -10019,
    /* gaierror EAI_NONAME: there is no such name, or it has no such address */
    EDDY_ENONAME = -10020,
    EDDY_ENAMEAGAIN = -10021, /* EAI_AGAIN: no name server answered; a later try may succeed */
    EDDY_EBADNAME = -10022,   /* not a valid name; no name server was asked */
    EDDY_ENOSERVICE = -10023, /* EAI_SERVICE: no such service, or not for this type of socket */
    EDDY_ENAMEFAIL = -10024,  /* EAI_FAIL: the name servers' answer is malformed */
    EDDY_ETLS = -10025,       /* SSLError: TLS failed; see the message */
    /* SSLCertVerificationError: the certificate is not accepted; see the message */
    EDDY_ECERT = -10026,
    EDDY_ETRUNCATED = -10027,  /* SSLEOFError: the connection ended without close_notify */
    EDDY_ETERMINATED = -10028, /* SIGTERM, with .sigterm, ended the run; see eddy_run() */
    EDDY_EEXCEPTION = -10029,  /* a C++ exception has left a lambda of eddy.hpp; see the message */
    EDDY_EUSER = -20000        /* programs number their own errors from here downwards */
};

/*
 * Returns one sentence that describes @status, never NULL: strerror()'s for -errno, eddy's own for
 * the codes above. The text is static.
 */
EDDY_API const char *eddy_strerror(int status);

/*
 * Makes an exception of @code with a printf-style message; @fmt NULL means no message. @code is
 * negative; a positive one is negated, and 0 becomes EDDY_EMISUSE. The caller owns the result.
 * Returns NULL when memory is short. An exception is immutable, so any number of futures and
 * threads may share it.
 */
EDDY_API EDDY_NODISCARD EDDY_PRINTF(2, 3) eddy_exception *eddy_exception_new(int code,
                                                                             const char *fmt, ...);

/*
 * Makes an exception of code EDDY_EGROUP that holds the @n @members, in order (ExceptionGroup).
 * Takes references of its own to the members. The caller owns the result. Returns NULL when memory
 * is short.
 */
EDDY_API EDDY_NODISCARD eddy_exception *
eddy_exception_group_new(const char *message, eddy_exception *const *members, size_t n);

/*
 * Add a reference to @e and return @e; drop one. May be called from any thread. NULL is allowed.
 */
EDDY_API eddy_exception *eddy_exception_ref(const eddy_exception *e);
EDDY_API void eddy_exception_unref(const eddy_exception *e);

/* Returns the code of @e, which is negative. */
EDDY_API int eddy_exception_code(const eddy_exception *e);

/* Returns the message of @e, "" if it has none. Borrowed from @e. */
EDDY_API const char *eddy_exception_message(const eddy_exception *e);

/* Returns the number of members of a group, 0 for other exceptions. */
EDDY_API size_t eddy_exception_count(const eddy_exception *e);

/* Returns the member at index @i. Borrowed from @e. */
EDDY_API const eddy_exception *eddy_exception_member(const eddy_exception *e, size_t i);

/*
 * Writes "message (meaning of the code)", members included, to the @size bytes at @buf. Returns the
 * length as snprintf() does.
 */
EDDY_API int eddy_exception_format(const eddy_exception *e, char *buf, size_t size);

/*
 * Attaches a printf-style message to an error on its way up: `return eddy_raise(-EIO, "read %s",
 * path);`. Returns @code, made negative: eddy_raise(EIO, …) returns -EIO, and 0 becomes
 * EDDY_EMISUSE, so an error is never taken for success. The message goes with the status: to the
 * future of the task that returns it, and to the tasks that await that future. If memory is short,
 * only the code does.
 */
EDDY_API EDDY_COLD EDDY_PRINTF(2, 3) int eddy_raise(int code, const char *fmt, ...);

/*
 * Raises the exception @e again; takes a reference of its own to @e. Returns its code, or
 * EDDY_EMISUSE for NULL.
 */
EDDY_API int eddy_reraise(const eddy_exception *e);

/*
 * Returns the exception of the latest failed await or call of the current task, or, outside of
 * tasks, of this thread; NULL if none has failed, or an eddy_await() has succeeded since. Borrowed,
 * and valid until then; eddy_exception_ref() keeps it longer. A clean-up that awaits keeps it so,
 * and calls eddy_reraise() at its end.
 */
EDDY_API const eddy_exception *eddy_error(void);

/*
 * Forgets the latest failure, which has been dealt with: a later `return -ENOENT;` does not carry
 * the message of an earlier -ENOENT. An eddy_await() that succeeds does this by itself.
 */
EDDY_API void eddy_error_clear(void);

/*
 * Prints "@what: message (meaning of the code)" of eddy_error() as a line on standard error, as
 * perror(3) does, or to the program's log (eddy/log.h); "no error" if nothing has failed. @what:
 * NULL or "" for the text alone.
 */
EDDY_API void eddy_perror(const char *what);

/*
 * Evaluates @expr; returns from the calling function if its status is negative. Otherwise the
 * macro's value is that status.
 */
#if defined(__GNUC__)
#define eddy_try(expr)                                                                             \
    __extension__({                                                                                \
        EDDYI_AUTO eddyi_status = (expr);                                                          \
        if (eddyi_status < 0)                                                                      \
            return (int)eddyi_status;                                                              \
        eddyi_status;                                                                              \
    })
#endif

EDDY_END_DECLS

#endif
