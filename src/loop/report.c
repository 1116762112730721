/*
 * The exception handler, for errors that no caller receives.
 */
#include "base/log.h"
#include "base/options.h"
#include "eddy/error.h"
#include "loop/loop.h"

_Atomic(eddyi_print_names_fn *) eddyi_print_names_hook;

/* As EDDYI_OPTIONS; but what a newer program says beyond the known is left out. */
#define EDDYI_CONTEXT(context, size)                                                               \
    eddy_exception_context eddyi_own;                                                              \
    if ((size) != sizeof eddyi_own) {                                                              \
        (void)eddyi_options_take(&eddyi_own, sizeof eddyi_own, (context), (size));                 \
        (context) = &eddyi_own;                                                                    \
    }                                                                                              \
    (void)0

void eddy_loop_set_exception_handler(eddy_loop *loop, eddy_exception_handler *handler, void *arg)
{
    loop->report.handler = handler;
    loop->report.handler_arg = arg;
}

eddy_exception_handler *eddy_loop_get_exception_handler(const eddy_loop *loop, void **ret_arg)
{
    if (ret_arg)
        *ret_arg = loop->report.handler_arg;
    return loop->report.handler;
}

void(eddy_loop_default_exception_handler)(eddy_loop *loop, const eddy_exception_context *context,
                                          size_t context_size)
{
    EDDYI_CONTEXT(context, context_size);
    eddyi_print_names_fn *print_names = atomic_load(&eddyi_print_names_hook);
    char text[512] = "", names[900] = "";

    if (context->exception)
        eddy_exception_format(context->exception, text, sizeof text);
    if (print_names)
        print_names(context, names, sizeof names);
    eddyi_log(EDDY_LOG_ERROR, "%s%s%s%s%s%s", context->message, names,
              context->where ? ", made at " : "", context->where ? context->where : "",
              *text ? ": " : "", text);
}

void(eddy_loop_call_exception_handler)(eddy_loop *loop, const eddy_exception_context *context,
                                       size_t context_size)
{
    EDDYI_CONTEXT(context, context_size);
    if (loop->report.handler)
        loop->report.handler(loop, context, loop->report.handler_arg);
    else
        eddy_loop_default_exception_handler(loop, context);
}
