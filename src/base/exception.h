/*
 * Exception objects: immutable, reference-counted, in one piece of memory.
 */
#ifndef EDDYI_EXCEPTION_H
#define EDDYI_EXCEPTION_H

#include "base/thread.h"
#include "eddy/error.h"

#include <stdarg.h>
#include <stddef.h>

/* Returns the code as errors have it, even if the program forgot the minus sign; EDDY_EMISUSE for
 * 0, which is no error. */
static inline int eddyi_error_code(int code)
{
    return code > 0 ? -code : code < 0 ? code : EDDY_EMISUSE;
}

/* Creates an exception as eddy_exception_new() does, from a va_list. */
eddy_exception *eddyi_exception_vnew(int code, const char *fmt, va_list args);

/* The exceptions for -ENOMEM and EDDY_EGENERATOREXIT, which exist even if no exception can be
 * created. Static: they have no owner. */
eddy_exception *eddyi_exception_no_memory(void);
eddy_exception *eddyi_exception_generator_exit(void);

/*
 * The latest failure of a task or thread. A code alone needs no memory; the exception is created
 * when it is asked for.
 */
struct eddyi_error {
    int code;                  /* < 0, or 0 if nothing has failed yet */
    eddy_exception *exception; /* owned; NULL if the code says everything */
};

/* Replaces the failure. Takes ownership of the reference to @e (NULL is allowed). */
void eddyi_error_set(struct eddyi_error *error, int code, eddy_exception *e);
void eddyi_error_clear(struct eddyi_error *error);

/* Returns the code of the latest failure here, after a call that returned NULL; @otherwise if that
 * call raised nothing. */
int eddyi_error_latest(int otherwise);

/*
 * A message belongs to the failure that it was raised with. It is told by the status: these two are
 * the only places that compare.
 */
/* Returns the exception of the latest failure here if its code is @status, else NULL. Borrowed,
 * valid until the next failure. */
const eddy_exception *eddyi_error_of(int status);
/* Takes the exception of @error out if its code is @status, else returns NULL; clears @error. The
 * caller owns the result. */
eddy_exception *eddyi_error_take(struct eddyi_error *error, int status);

/* Writes the message of @status, if the latest failure here has it, and its meaning to @buf. */
void eddyi_error_format(int status, char *buf, size_t size);

/* Enclose a clean-up that may fail or run code of the program, so that the failure on its way out
 * stays the latest one: the first takes it out, the other replaces with it what came since. The
 * caller owns the failure meanwhile. */
struct eddyi_error eddyi_error_put_aside(void);
void eddyi_error_put_back(struct eddyi_error kept);

/* Returns the error slot of whatever runs: the current task's, else the thread's. */
struct eddyi_error *eddyi_error_here(void);

/*
 * The slot of a task is in the task. loop/ tells this thread, while a loop runs in it, where the
 * pointer to the running task is; task/ tells how far behind the beginning of a task its slot is,
 * before its first task.
 */
extern EDDYI_THREAD_LOCAL eddy_task *const *eddyi_error_task;
void eddyi_error_set_offset(size_t offset);

#endif
