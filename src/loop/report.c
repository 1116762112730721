/*
 * The exception handler: where errors go that nobody can receive.
 */
#include "base/printable.h"
#include "eddy/error.h"
#include "eddy/task.h"
#include "loop/loop.h"

#include <stdio.h>

void eddy_loop_set_exception_handler(eddy_loop *loop, eddy_exception_handler *handler, void *arg)
{
    loop->exception_handler = handler;
    loop->exception_handler_arg = arg;
}

eddy_exception_handler *eddy_loop_get_exception_handler(const eddy_loop *loop, void **ret_arg)
{
    if (ret_arg)
        *ret_arg = loop->exception_handler_arg;
    return loop->exception_handler;
}

/* A name may come from a peer, and goes to a terminal. */
static void print_name(const char *noun, const char *name)
{
    char text[400];

    eddyi_printable(name, SIZE_MAX, text, sizeof text);
    fprintf(stderr, ": %s '%s'", noun, text);
}

void eddy_loop_default_exception_handler(eddy_loop *loop, const eddy_exception_context *context)
{
    char text[512] = "";

    if (context->exception)
        eddy_exception_format(context->exception, text, sizeof text);
    flockfile(stderr);
    fprintf(stderr, "eddy: %s", context->message);
    if (context->task)
        print_name("task", eddy_task_get_name(context->task));
    if (context->coroutine)
        print_name("coroutine", eddy_coroutine_name(context->coroutine));
    if (context->where)
        fprintf(stderr, ", made at %s", context->where);
    fprintf(stderr, "%s%s\n", *text ? ": " : "", text);
    funlockfile(stderr);
}

void eddy_loop_call_exception_handler(eddy_loop *loop, const eddy_exception_context *context)
{
    if (loop->exception_handler)
        loop->exception_handler(loop, context, loop->exception_handler_arg);
    else
        eddy_loop_default_exception_handler(loop, context);
}
