/*
 * Exception objects: immutable, counted, in one piece of memory.
 */
#ifndef EDDYI_EXCEPTION_H
#define EDDYI_EXCEPTION_H

#include "eddy/error.h"

#include <stdarg.h>
#include <stddef.h>

/* The code as errors have it, also if the program forgot the minus sign; EDDY_EMISUSE for 0, which
 * is none. */
static inline int eddyi_error_code(int code)
{
    return code > 0 ? -code : code < 0 ? code : EDDY_EMISUSE;
}

/* As eddy_exception_new(), from a va_list. */
eddy_exception *eddyi_exception_vnew(int code, const char *fmt, va_list args);

/* -ENOMEM and EDDY_EGENERATOREXIT, which are there also when no exception can be made. Static, so
 * nobody owns them. */
eddy_exception *eddyi_exception_no_memory(void);
eddy_exception *eddyi_exception_generator_exit(void);

/*
 * The latest failure of a task or thread. A code alone needs no memory; the exception is made when
 * somebody asks for it.
 */
struct eddyi_error {
    int code;                  /* < 0, or 0 if nothing failed yet */
    eddy_exception *exception; /* owned; NULL if the code is all there is */
};

/* Replaces what is there; takes over the reference to @e, which may be NULL. */
void eddyi_error_set(struct eddyi_error *error, int code, eddy_exception *e);
void eddyi_error_clear(struct eddyi_error *error);
/* The exception, made if need be; NULL if nothing failed. Borrowed from @error. */
const eddy_exception *eddyi_error_get(struct eddyi_error *error);

/* The code of the latest failure here, of a call that gave NULL; @otherwise if it did not say. */
int eddyi_error_latest(int otherwise);

/* Returns the error slot of whatever runs: the current task's, else the thread's. */
struct eddyi_error *eddyi_error_here(void);

/* Returns the error slot of the current task, or NULL outside of tasks. */
typedef struct eddyi_error *eddyi_error_hook(void);

/* Sets the hook that eddyi_error_here() asks first. For task/, before its first task runs. */
void eddyi_error_set_hook(eddyi_error_hook *hook);

#endif
