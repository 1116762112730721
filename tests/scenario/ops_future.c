/* Ops on Futures and Tasks that never suspend. */
#include "scenario.h"

#include <string.h>

static int run_future(struct step *s)
{
    return names_bind_future(s->sc, arg_string(s, 1), &kind_future, eddy_create_future());
}

static int run_set_result(struct step *s)
{
    return eddy_future_set_result_value(s->object->future, 0, arg(s, 2));
}

static int run_set_exception(struct step *s)
{
    return eddy_future_set_exception(s->object->future, USER_ERROR, "%s", arg_string(s, 2));
}

static int give_bool(struct step *s, bool value)
{
    text_add(&s->value, value ? "true" : "false");
    return 0;
}

static int give_int(struct step *s, long long value)
{
    text_add_int(&s->value, value);
    return 0;
}

/* A refused cancellation says false, as that of a future that is done, and raises an error of its
 * own. */
static int run_cancel(struct step *s)
{
    eddy_exception *before = eddy_error() ? eddy_exception_ref(eddy_error()) : NULL;
    bool accepted = eddy_future_cancel(s->object->future, json_string_value(arg(s, 2)));
    bool refused = !accepted && eddy_error() != before;

    eddy_exception_unref(before);
    return refused ? eddy_exception_code(eddy_error()) : give_bool(s, accepted);
}

static int run_done(struct step *s)
{
    return give_bool(s, eddy_future_done(s->object->future));
}

static int run_cancelled(struct step *s)
{
    return give_bool(s, eddy_future_cancelled(s->object->future));
}

static int run_result(struct step *s)
{
    void *value = NULL;
    int status = eddy_future_result_value(s->object->future, &value);

    if (status >= 0)
        show_result(&s->value, s->object, value);
    return status;
}

static int run_exception(struct step *s)
{
    const eddy_exception *e = NULL;
    int status = eddy_future_exception(s->object->future, &e);

    if (status >= 0 && e)
        show_error(&s->value, e);
    return status;
}

static int run_cancelling(struct step *s)
{
    return give_int(s, eddy_task_cancelling(eddy_future_as_task(s->object->future)));
}

static int run_uncancel(struct step *s)
{
    return give_int(s, eddy_task_uncancel(eddy_future_as_task(s->object->future)));
}

static int run_all_tasks(struct step *s)
{
    return give_int(s, (long long)eddy_all_tasks(NULL, NULL, 0));
}

static int run_task(struct step *s)
{
    bool eager = json_is_true(json_object_get(arg(s, 3), "eager"));
    eddy_coroutine *coro =
        make_coroutine(s->sc, arg_string(s, 2), NULL, eager ? s->frame->depth + 1 : 0);
    eddy_task *t = eddy_create_task(coro, .name = arg_string(s, 1), .eager_start = eager);

    return names_bind_future(s->sc, arg_string(s, 1), &kind_task, t ? eddy_task_future(t) : NULL);
}

static const struct op ops[] = {
    {"future", OP_SILENT, USES_NOTHING, NULL, run_future, 0},
    {"task", OP_SILENT, USES_NOTHING, NULL, run_task, 0},
    {"set_result", OP_PLAIN, USES_FIRST, &kind_future, run_set_result, 0},
    {"set_exception", OP_PLAIN, USES_FIRST, &kind_future, run_set_exception, 0},
    {"cancel", OP_PLAIN, USES_FIRST, &kind_future, run_cancel, 0},
    {"done", OP_PLAIN, USES_FIRST, &kind_future, run_done, 0},
    {"cancelled", OP_PLAIN, USES_FIRST, &kind_future, run_cancelled, 0},
    {"result", OP_PLAIN, USES_FIRST, &kind_future, run_result, 0},
    {"exception", OP_PLAIN, USES_FIRST, &kind_future, run_exception, 0},
    {"cancelling", OP_PLAIN, USES_FIRST, &kind_task, run_cancelling, 0},
    {"uncancel", OP_PLAIN, USES_FIRST, &kind_task, run_uncancel, 0},
    {"all_tasks", OP_PLAIN, USES_NOTHING, NULL, run_all_tasks, 0},
};
OPS_REGISTER(ops)
