/* The log: a function that receives eddy's messages in place of standard error. */
#ifndef EDDY_LOG_H
#define EDDY_LOG_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* The severity of a message. */
typedef enum eddy_log_level {
    EDDY_LOG_INFO,    /* requested: slow callbacks in debug mode, dumps of EDDY_DUMP_SIGNAL */
    EDDY_LOG_WARNING, /* a misuse, or a setting that is ignored; the program goes on */
    EDDY_LOG_ERROR, /* a failure that no task can receive; see eddy_loop_set_exception_handler() */
    EDDY_LOG_FATAL  /* eddy is about to end the process: an overflow, a broken invariant */
} eddy_log_level;

/*
 * Receives one message: a sentence without a line feed and without the prefix "eddy: ". The
 * function is called in any thread, in several at the same time, and between any two calls of a
 * task; it must not suspend, and must not use the loop. @text is valid until the function returns.
 *
 * With EDDY_LOG_FATAL the function may be called in a signal handler, or in a child process after
 * fork(), and may then use only async-signal-safe functions, such as write(2). The process ends
 * when the function returns.
 */
typedef void eddy_log_fn(eddy_log_level level, const char *text, void *arg);

/*
 * Passes eddy's messages to fn(level, text, @arg), and writes none to standard error. @fn NULL
 * restores the default: each message is written to standard error as a line that begins with "eddy:
 * ". Must be called before other threads use eddy.
 *
 * Two texts always go to standard error: that of eddy_perror(), and the dump of a hung loop, which
 * EDDY_DUMP_SIGNAL makes in a signal handler. OpenSSL, c-ares and the C library write nothing.
 */
EDDY_API void eddy_set_log(eddy_log_fn *fn, void *arg);

EDDY_END_DECLS

#endif
