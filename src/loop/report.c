/*
 * The exception handler: where errors go that nobody can receive.
 */
#include "base/log.h"
#include "eddy/error.h"
#include "loop/loop.h"

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

void eddy_loop_default_exception_handler(eddy_loop *loop, const eddy_exception_context *context)
{
    char text[512] = "", names[900] = "";

    if (context->exception)
        eddy_exception_format(context->exception, text, sizeof text);
    if (loop->task_hooks)
        loop->task_hooks->print_names(context, names, sizeof names);
    eddyi_log(EDDY_LOG_ERROR, "%s%s%s%s%s%s", context->message, names,
              context->where ? ", made at " : "", context->where ? context->where : "",
              *text ? ": " : "", text);
}

void eddy_loop_call_exception_handler(eddy_loop *loop, const eddy_exception_context *context)
{
    if (loop->exception_handler)
        loop->exception_handler(loop, context, loop->exception_handler_arg);
    else
        eddy_loop_default_exception_handler(loop, context);
}
