/* Scopes, Python's `async with`: timeout and group, and the ops on them. */
#include "scenario.h"

/*
 * Prints how a scope ended and decides what goes on: @flow is how its block ended, @status what
 * eddy's exit made of it, whose error takes the place of the block's.
 */
static enum flow end_scope(struct step *s, enum flow flow, int status)
{
    struct text text = {.arena = &s->sc->arena};

    text_add(&text, arg_string(s, 0));
    text_add(&text, " ");
    text_add(&text, arg_string(s, 1));
    if (status < 0) {
        frame_raise(s->frame, take_error(status));
        trace_error(s->sc, text_get(&text), s->frame->error);
        return FLOW_RAISED;
    }
    frame_clear_error(s->frame);
    trace(s->sc, text_get(&text), " exit");
    return flow == FLOW_RETURN ? FLOW_RETURN : FLOW_ON;
}

/* Hands a block's error back to eddy, which learns from it how the block ended. */
static int block_status(struct step *s, enum flow flow)
{
    return flow == FLOW_RAISED ? eddy_reraise(s->frame->error) : 0;
}

static int run_timeout(struct step *s)
{
    eddy_timeout *tm = arena_alloc(&s->sc->arena, sizeof *tm);
    enum flow flow;

    names_bind(s->sc, arg_string(s, 1), &kind_timeout)->timeout = tm;
    eddy_timeout_enter(tm, arg_seconds(s, 2));
    flow = run_block(s->frame, arg(s, 3));
    return end_scope(s, flow, eddy_timeout_exit(tm, block_status(s, flow)));
}

static int run_group(struct step *s)
{
    eddy_group *tg = arena_alloc(&s->sc->arena, sizeof *tg);
    enum flow flow;

    names_bind(s->sc, arg_string(s, 1), &kind_group)->group = tg;
    eddy_group_enter(tg);
    flow = run_block(s->frame, arg(s, 2));
    return end_scope(s, flow, eddy_group_exit(tg, block_status(s, flow)));
}

static int run_reschedule(struct step *s)
{
    bool limited = json_is_integer(arg(s, 2));
    double when = limited ? eddy_loop_time(s->sc->loop) + arg_seconds(s, 2) : EDDY_FOREVER;

    return eddy_timeout_reschedule(s->object->timeout, when);
}

static int run_expired(struct step *s)
{
    text_add(&s->value, eddy_timeout_expired(s->object->timeout) ? "true" : "false");
    return 0;
}

static int run_group_task(struct step *s)
{
    eddy_coroutine *coro = make_coroutine(s->sc, arg_string(s, 3), NULL, 0);
    eddy_task *t = NULL;

    (void)eddy_group_create_task(s->object->group, coro, .name = arg_string(s, 2), .ret_task = &t);
    return names_bind_future(s->sc, arg_string(s, 2), &kind_task, t ? eddy_task_future(t) : NULL);
}

static const struct op ops[] = {
    {"timeout", OP_BLOCK, USES_NOTHING, NULL, run_timeout, 0},
    {"group", OP_BLOCK, USES_NOTHING, NULL, run_group, 0},
    {"reschedule", OP_PLAIN, USES_FIRST, &kind_timeout, run_reschedule, 0},
    {"expired", OP_PLAIN, USES_FIRST, &kind_timeout, run_expired, 0},
    {"group_task", OP_SILENT, USES_FIRST, &kind_group, run_group_task, 0},
};
OPS_REGISTER(ops)
