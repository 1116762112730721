#include "task/future.h"

#include "base/block.h"
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"

/* Reports a failure that was never retrieved and no longer can be (rule 36). */
void eddyi_future_report_unretrieved(eddy_future *f)
{
    bool is_task = f->base.kind == EDDYI_TASK;
    eddy_exception_context context = {
        .message =
            is_task ? "Task exception was never retrieved" : "Future exception was never retrieved",
        .exception = f->exception,
        .future = f,
        .task = is_task ? (eddy_task *)(void *)f : NULL,
        .where = is_task ? ((eddy_task *)(void *)f)->where : NULL,
    };
    eddy_exception *made = NULL;

    if (!f->exception)
        context.exception = made = eddy_exception_new(f->status, NULL);
    eddy_loop_call_exception_handler(f->loop, &context);
    eddy_exception_unref(made);
}

void eddyi_future_fini_slow(eddy_future *f)
{
    if (f->unretrieved) {
        f->unretrieved = false;
        f->refs++; /* the handler may take a reference and drop it again */
        eddyi_future_report_unretrieved(f);
    }
    if (!eddyi_list_empty(&f->hooks))
        eddyi_done_callbacks_drop(&f->hooks);
    eddy_exception_unref(f->exception);
    eddy_exception_unref(f->cancel_message);
}

/* One that a program made. */
struct plain {
    eddy_future future;
    const void *caller; /* the instruction that called for it */
};

static void destroy(eddy_future *f)
{
    eddyi_future_fini(f);
    eddyi_awaitable_free(&f->base, sizeof(struct plain));
}

static const struct eddyi_future_ops plain_ops = {
    .noun = "Future", .cancel = eddyi_future_cancel_plain, .destroy = destroy};

static inline eddy_future *create(eddy_loop *loop, const void *caller)
{
    struct plain *f;

    if (eddyi_loop_check(loop) < 0)
        return NULL;
    f = eddyi_block_alloc(sizeof *f);
    if (!f) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    eddyi_loop_attach_tasks(loop);
    eddyi_future_init(&f->future, loop, &plain_ops);
    f->caller = caller;
    return &f->future;
}

const void *eddyi_future_caller(const eddy_future *f)
{
    return f->ops == &plain_ops ? eddyi_container(f, struct plain, future)->caller : NULL;
}

eddy_future *eddy_loop_create_future(eddy_loop *loop)
{
    return create(loop, __builtin_return_address(0));
}

eddy_future *eddy_create_future(void)
{
    return create(eddyi_loop_running, __builtin_return_address(0));
}

eddy_future *eddy_future_ref(eddy_future *f)
{
    if (f && eddyi_was_freed(&f->base))
        eddyi_report_gone(&f->base);
    else if (f)
        f->refs++;
    return f;
}

EDDYI_DIRECT void eddyi_future_unref_last(eddy_future *f)
{
    EDDYI_ASSERT_ALWAYS(f->refs == 1);
    f->ops->destroy(f);
}

void eddy_future_unref(eddy_future *f)
{
    if (f && eddyi_was_freed(&f->base))
        eddyi_report_gone(&f->base);
    else if (f)
        eddyi_future_unref(f);
}

static void queue_hooks(eddy_future *f)
{
    struct eddyi_list *l;

    EDDYI_ASSERT(!eddyi_loop_elsewhere(f->loop));
    f->loop->tasks.cancel_round++;
    if (f->loop->drained)
        eddyi_done_callbacks_drop(&f->hooks);
    while ((l = eddyi_list_pop(&f->hooks)) != NULL) {
        struct eddyi_hook *hook = eddyi_container(l, struct eddyi_hook, link);

        if (hook->keep)
            hook->keep->refs++;
        eddyi_loop_ready(f->loop, hook->ready);
    }
}

EDDYI_DIRECT void eddyi_future_finish(eddy_future *f, int status, void *value, eddy_exception *e)
{
    EDDYI_ASSERT(f->state == EDDYI_PENDING);
    f->state = EDDYI_FINISHED;
    f->status = status;
    f->value = value;
    f->exception = e;
    f->unretrieved = status < 0;
    queue_hooks(f);
}

/* Ends a pending future as cancelled; takes ownership of @e and @message, which may be NULL. */
static void finish_cancelled(eddy_future *f, eddy_exception *e, eddy_exception *message)
{
    eddy_exception *old = f->cancel_message;

    EDDYI_ASSERT(f->state == EDDYI_PENDING);
    f->state = EDDYI_CANCELLED;
    f->status = -ECANCELED;
    f->exception = e;
    f->cancel_message = message;
    f->unretrieved = false;
    eddy_exception_unref(old);
    queue_hooks(f);
}

void eddyi_future_finish_failed(eddy_future *f, int rc, struct eddyi_error *error)
{
    eddy_exception *message = f->cancel_message;

    f->cancel_message = NULL;
    if (rc == -ECANCELED) {
        finish_cancelled(f, eddyi_error_take(error, rc), NULL);
        eddy_exception_unref(message);
    } else if (rc >= 0) {
        /* The task counts as cancelled, and its result is dropped (rule 64). */
        finish_cancelled(f, NULL, message);
    } else {
        f->cancel_message = message;
        eddyi_future_finish(f, rc, NULL, eddyi_error_take(error, rc));
    }
}

bool eddyi_future_cancel_plain(eddy_future *f, const eddy_exception *message)
{
    f->unretrieved = false;
    if (eddyi_future_done(f))
        return false;
    finish_cancelled(f, NULL, eddy_exception_ref(message));
    return true;
}

static int settable(const eddy_future *f, const char *call)
{
    if (!f)
        return eddy_raise(-ENOMEM, NULL);
    if (eddyi_is_gone(&f->base))
        return EDDY_EMISUSE;
    if (eddyi_loop_elsewhere(f->loop))
        return eddyi_loop_check(f->loop);
    if (f->base.kind == EDDYI_TASK)
        return eddy_raise(EDDY_EMISUSE, "a Task does not support %s", call);
    if (eddyi_future_done(f))
        return eddy_raise(EDDY_EINVALIDSTATE, "%s: the future is done already", call);
    return 0;
}

int eddy_future_set_result_value(eddy_future *f, int status, void *value)
{
    int rc = settable(f, "set_result");

    if (rc < 0)
        return rc;
    if (status < 0)
        return eddy_raise(EDDY_EMISUSE, "set_result: a result is not negative; use set_exception");
    eddyi_future_finish(f, status, value, NULL);
    return 0;
}

int eddy_future_set_result(eddy_future *f, int status)
{
    return eddy_future_set_result_value(f, status, NULL);
}

int eddy_future_set_value(eddy_future *f, void *value)
{
    return eddy_future_set_result_value(f, 0, value);
}

int eddy_future_set_exception(eddy_future *f, int code, const char *fmt, ...)
{
    eddy_exception *e = NULL;
    va_list args;
    int rc = settable(f, "set_exception");

    if (rc < 0)
        return rc;
    if (code >= 0)
        return eddy_raise(EDDY_EMISUSE, "set_exception: the code of an exception is negative");
    if (fmt) {
        va_start(args, fmt);
        e = eddyi_exception_vnew(code, fmt, args);
        va_end(args);
    }
    eddyi_future_finish(f, code, NULL, e);
    return 0;
}

int eddy_future_set_error(eddy_future *f, const eddy_exception *e)
{
    int rc = settable(f, "set_exception");

    if (rc < 0)
        return rc;
    if (!e)
        return eddy_raise(EDDY_EMISUSE, "set_exception: there is no exception");
    eddyi_future_finish(f, eddy_exception_code(e), NULL, eddy_exception_ref(e));
    return 0;
}

bool eddy_future_done(const eddy_future *f)
{
    return eddyi_future_done(f);
}

bool eddy_future_cancelled(const eddy_future *f)
{
    return f->state == EDDYI_CANCELLED;
}

int eddyi_future_retrieve(eddy_future *f, void **ret_value, eddy_exception **ret_exception)
{
    f->unretrieved = false;
    if (f->state == EDDYI_CANCELLED && f->exception) {
        *ret_exception = f->exception;
        f->exception = NULL;
    } else {
        *ret_exception =
            eddy_exception_ref(f->state == EDDYI_CANCELLED ? f->cancel_message : f->exception);
    }
    if (f->status >= 0 && ret_value)
        *ret_value = eddyi_future_take(f);
    return f->status;
}

int eddyi_future_raise(eddy_future *f)
{
    eddy_exception *e;
    int status = eddyi_future_retrieve(f, NULL, &e);

    eddyi_error_set(eddyi_error_here(), status, e);
    return status;
}

int(eddy_future_result_value)(eddy_future *f, void **ret_value)
{
    if (!f)
        return eddy_raise(-ENOMEM, NULL);
    if (eddyi_is_gone(&f->base))
        return EDDY_EMISUSE;
    if (!eddyi_future_done(f))
        return eddy_raise(EDDY_EINVALIDSTATE, "Result is not set.");
    return eddyi_future_retrieve_raise(f, ret_value);
}

int eddy_future_result(eddy_future *f)
{
    return eddy_future_result_value(f, NULL);
}

int eddy_future_exception(eddy_future *f, const eddy_exception **ret)
{
    if (!f)
        return eddy_raise(-ENOMEM, NULL);
    if (eddyi_is_gone(&f->base))
        return EDDY_EMISUSE;
    if (!eddyi_future_done(f))
        return eddy_raise(EDDY_EINVALIDSTATE, "Exception is not set.");
    if (f->state == EDDYI_CANCELLED)
        return eddyi_future_retrieve_raise(f, NULL);
    f->unretrieved = false;
    if (f->status < 0 && !f->exception) {
        f->exception = eddy_exception_new(f->status, NULL);
        if (!f->exception)
            f->exception = eddy_exception_ref(eddyi_exception_no_memory());
    }
    if (ret)
        *ret = f->exception;
    return 0;
}

eddy_loop *eddy_future_get_loop(const eddy_future *f)
{
    return f->loop;
}

eddy_task *eddy_future_as_task(eddy_future *f)
{
    return f && f->base.kind == EDDYI_TASK ? (eddy_task *)(void *)f : NULL;
}
