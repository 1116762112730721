/* The log: what eddy itself has to say, in place of standard error. */
#ifndef EDDY_LOG_H
#define EDDY_LOG_H

#include "defs.h"

EDDY_BEGIN_DECLS

typedef enum eddy_log_level {
    EDDY_LOG_INFO,    /* was asked for: slow callbacks in debug mode, dumps of EDDY_DUMP_SIGNAL */
    EDDY_LOG_WARNING, /* a misuse, or a setting that is ignored; the program goes on */
    EDDY_LOG_ERROR, /* a failure that no task can receive; see eddy_loop_set_exception_handler() */
    EDDY_LOG_FATAL  /* the process is about to be ended by eddy: an overflow, a broken invariant */
} eddy_log_level;

/*
 * Receives one message: a sentence without a line feed and without "eddy: " before it. May be
 * called in any thread, in several at the same time, and between any two calls of a task: @fn must
 * not suspend, and must not use the loop. @text is valid until @fn returns.
 *
 * With EDDY_LOG_FATAL it may be called in a signal handler, or in a child process after fork(): it
 * may then use async-signal-safe functions only, such as write(2). The process ends when it
 * returns.
 */
typedef void eddy_log_fn(eddy_log_level level, const char *text, void *arg);

/*
 * Passes eddy's messages to fn(@arg), and writes none to standard error. @fn NULL has them written
 * to standard error, each as a line that begins with "eddy: ", as at the start of the program. Call
 * this before other threads use eddy.
 *
 * Some text goes to standard error all the same: eddy_perror(), since it says so; and the dump of a
 * loop that hangs, which EDDY_DUMP_SIGNAL asks for in a signal handler. OpenSSL, c-ares and the C
 * library write nothing by themselves.
 */
EDDY_API void eddy_set_log(eddy_log_fn *fn, void *arg);

EDDY_END_DECLS

#endif
