/*
 * The trace of a test, in order, and the reports to its loop's exception handler.
 *
 *     trace("a%d", i);              words, separated by blanks
 *     EXPECT_STR(traced(), "a1 b1 a2");
 *
 * Each test has a process of its own, so nothing is ever reset.
 */
#ifndef EDDY_TEST_TRACE_H
#define EDDY_TEST_TRACE_H

#include "eddy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    char text[4000];
    size_t length;
} trace_so_far;

static inline const char *traced(void)
{
    return trace_so_far.text;
}

__attribute__((format(printf, 1, 2), unused)) static void trace(const char *fmt, ...)
{
    size_t room = sizeof trace_so_far.text - trace_so_far.length;
    va_list args;
    int n = 0;

    if (trace_so_far.length > 0)
        n = snprintf(trace_so_far.text + trace_so_far.length, room, " ");
    trace_so_far.length += n && (size_t)n < room ? (size_t)n : 0;
    room = sizeof trace_so_far.text - trace_so_far.length;
    va_start(args, fmt);
    n = vsnprintf(trace_so_far.text + trace_so_far.length, room, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n < room)
        trace_so_far.length += (size_t)n;
}

/* Traces its argument, a string; a callback. */
__attribute__((unused)) static void trace_callback(void *word)
{
    trace("%s", (const char *)word);
}

/* Traces its argument, a string; a done-callback. */
__attribute__((unused)) static void trace_done(eddy_future *f, void *word)
{
    (void)f;
    trace("%s", (const char *)word);
}

/* The number of reports to the exception handler, and the latest one. */
static struct {
    int n;
    char message[200];
    char exception[200]; /* formatted; "" if there was none */
    int code;
    char task[60]; /* names; "" if there was none */
    char coroutine[60];
    char where[200];
} reports;

__attribute__((unused)) static void reports_add(eddy_loop *loop,
                                                const eddy_exception_context *context, void *arg)
{
    (void)loop;
    (void)arg;
    reports.n++;
    snprintf(reports.message, sizeof reports.message, "%s", context->message);
    eddy_exception_format(context->exception, reports.exception, sizeof reports.exception);
    reports.code = eddy_exception_code(context->exception);
    snprintf(reports.task, sizeof reports.task, "%s",
             context->task ? eddy_task_get_name(context->task) : "");
    snprintf(reports.coroutine, sizeof reports.coroutine, "%s",
             context->coroutine ? eddy_coroutine_name(context->coroutine) : "");
    snprintf(reports.where, sizeof reports.where, "%s", context->where ? context->where : "");
}

/* Has the loop (NULL: the running one) report here. */
__attribute__((unused)) static void reports_collect(eddy_loop *loop)
{
    eddy_loop_set_exception_handler(loop ? loop : eddy_get_running_loop(), reports_add, NULL);
}

#endif
