/*
 * Messages of eddy's own: to the program's log, or to standard error.
 */
#ifndef EDDYI_LOG_H
#define EDDYI_LOG_H

#include "eddy/log.h"

#include <stdbool.h>
#include <stddef.h>

/* Logs one message, a sentence without a line feed. */
EDDY_COLD EDDY_PRINTF(2, 3) void eddyi_log(eddy_log_level level, const char *fmt, ...);

/* Logs one message that standard error gets with @prefix, not "eddy", before it. */
EDDY_COLD void eddyi_log_as(eddy_log_level level, const char *prefix, const char *text);

/*
 * Logs @text as fatal, in one write(2) where it goes to standard error. May be called in a signal
 * handler; allocates and locks nothing. The caller then ends the process.
 */
EDDY_COLD void eddyi_log_fatal(const char *text);

/* Logs each complete line of the @n bytes at @text, and returns how many bytes those are. */
EDDY_COLD size_t eddyi_log_lines(eddy_log_level level, char *text, size_t n);

/* Drops all warnings, or no longer: for runs in which the test kit makes calls fail, since they
 * would warn of shortages that do not exist. */
void eddyi_log_drop_warnings(bool dropped);

/* Returns true if messages go to the program. */
bool eddyi_log_is_taken(void);

#endif
