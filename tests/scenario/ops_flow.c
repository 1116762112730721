/* Ops that steer: log, return, raise, try, repeat. */
#include "scenario.h"

#include <errno.h>
#include <string.h>

static int run_log(struct step *s)
{
    trace(s->sc, "log ", arg_string(s, 1));
    return FLOW_ON;
}

static int run_return(struct step *s)
{
    s->frame->result = arg(s, 1);
    return FLOW_RETURN;
}

static int run_raise(struct step *s)
{
    trace(s->sc, "raise ", arg_string(s, 1));
    return frame_raise(s->frame, take_error(eddy_raise(USER_ERROR, "%s", arg_string(s, 1))));
}

static bool kind_fits(const char *kind, int code)
{
    return strcmp(kind, "any") == 0 || (strcmp(kind, "cancelled") == 0 && code == -ECANCELED) ||
           (strcmp(kind, "timeout") == 0 && code == -ETIMEDOUT) ||
           (strcmp(kind, "user") == 0 && code == USER_ERROR) ||
           (strcmp(kind, "group") == 0 && code == EDDY_EGROUP);
}

/* Runs the first handler that fits the error of the frame, which is then no longer on its way. */
static enum flow handle(struct step *s, const json_t *handlers)
{
    for (size_t i = 0; i < json_array_size(handlers); i++) {
        const json_t *handler = json_array_get(handlers, i);
        const char *kind = json_string_value(json_array_get(handler, 0));
        struct text line = {.arena = &s->sc->arena};

        if (!kind || !kind_fits(kind, eddy_exception_code(s->frame->error)))
            continue;
        text_add(&line, "except ");
        text_add(&line, kind);
        text_add(&line, " ");
        show_error(&line, s->frame->error);
        trace(s->sc, text_get(&line), "");
        frame_clear_error(s->frame);
        return run_block(s->frame, json_array_get(handler, 1));
    }
    return FLOW_RAISED;
}

/* The last block runs however the others ended; only if it ends like any block does their end
 * count. */
static enum flow finally(struct step *s, const json_t *ops, enum flow flow)
{
    eddy_exception *error = s->frame->error;
    json_t *result = s->frame->result;
    enum flow last;

    s->frame->error = NULL;
    last = run_block(s->frame, ops);
    if (last != FLOW_ON) {
        eddy_exception_unref(error);
        return last;
    }
    s->frame->error = error;
    s->frame->result = result;
    return flow;
}

static int run_try(struct step *s)
{
    enum flow flow = run_block(s->frame, arg(s, 1));

    if (flow == FLOW_RAISED && !s->sc->over)
        flow = handle(s, arg(s, 2));
    if (!s->sc->over)
        flow = finally(s, arg(s, 3), flow);
    return flow;
}

static int run_repeat(struct step *s)
{
    enum flow flow = FLOW_ON;

    for (long long i = 0; i < arg_int(s, 1) && flow == FLOW_ON && count_step(s->sc); i++)
        flow = run_block(s->frame, arg(s, 2));
    return flow;
}

static const struct op ops[] = {
    {"log", OP_FLOW, USES_NOTHING, NULL, run_log, 0},
    {"return", OP_FLOW, USES_NOTHING, NULL, run_return, 0},
    {"raise", OP_FLOW, USES_NOTHING, NULL, run_raise, 0},
    {"try", OP_FLOW, USES_NOTHING, NULL, run_try, 0},
    {"repeat", OP_FLOW, USES_NOTHING, NULL, run_repeat, 0},
};
OPS_REGISTER(ops)
