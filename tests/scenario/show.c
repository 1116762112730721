/* Prints the trace: lines, values, errors. */
#include "scenario.h"

#include <errno.h>
#include <math.h>

/* Groups within groups and lists within lists can be nested and multiplied without end. */
#define MAX_SHOWN_DEPTH 200
#define MAX_SHOWN_LENGTH 100000

void trace_as(struct scenario *sc, const char *who, const char *text, const char *outcome)
{
    struct text line = {.arena = &sc->arena};

    if (sc->over)
        return;
    if (json_array_size(sc->trace) == MAX_LINES - 1) {
        cut(sc);
        return;
    }
    text_add_int(&line, llround(eddy_loop_time(sc->loop) * TICKS_PER_SECOND));
    text_add(&line, " ");
    text_add(&line, who);
    text_add(&line, " ");
    text_add(&line, text);
    text_add(&line, outcome);
    json_array_append_new(sc->trace, json_string(text_get(&line)));
}

void trace(struct scenario *sc, const char *text, const char *outcome)
{
    eddy_task *t = eddy_current_task();

    trace_as(sc, t ? eddy_task_get_name(t) : "-", text, outcome);
}

static void trace_outcome(struct scenario *sc, const char *text, const char *sign,
                          const char *outcome)
{
    struct text after = {.arena = &sc->arena};

    text_add(&after, sign);
    text_add(&after, outcome);
    trace(sc, text, text_get(&after));
}

void trace_value(struct scenario *sc, const char *text, const struct text *value)
{
    trace_outcome(sc, text, " -> ", value->length ? value->data : "none");
}

void trace_error(struct scenario *sc, const char *text, const eddy_exception *e)
{
    struct text error = {.arena = &sc->arena};

    show_error(&error, e);
    trace_outcome(sc, text, " !! ", text_get(&error));
}

static void show_error_at(struct text *t, const eddy_exception *e, int depth);

static void show_group(struct text *t, const eddy_exception *e, int depth)
{
    text_add(t, "group(");
    for (size_t i = 0; i < eddy_exception_count(e) && t->length < MAX_SHOWN_LENGTH; i++) {
        if (i)
            text_add(t, ", ");
        show_error_at(t, eddy_exception_member(e, i), depth + 1);
    }
    text_add(t, ")");
}

static void show_cancelled(struct text *t, const char *message)
{
    text_add(t, "cancelled");
    if (*message) {
        text_add(t, "(");
        text_add(t, message);
        text_add(t, ")");
    }
}

static const char *code_name(int code)
{
    switch (code) {
    case -ETIMEDOUT:
        return "timeout";
    case -ENOMEM:
        return "no_memory";
    case EDDY_EINVALIDSTATE:
        return "invalid_state";
    case EDDY_EQUEUEFULL:
        return "queue_full";
    case EDDY_EQUEUEEMPTY:
        return "queue_empty";
    case EDDY_EQUEUESHUTDOWN:
        return "queue_shutdown";
    case EDDY_EBROKENBARRIER:
        return "broken_barrier";
    default:
        return "misuse";
    }
}

static void show_error_at(struct text *t, const eddy_exception *e, int depth)
{
    int code = eddy_exception_code(e);

    if (depth > MAX_SHOWN_DEPTH)
        text_add(t, "...");
    else if (code == EDDY_EGROUP)
        show_group(t, e, depth);
    else if (code == -ECANCELED)
        show_cancelled(t, eddy_exception_message(e));
    else
        text_add(t, code == USER_ERROR ? eddy_exception_message(e) : code_name(code));
}

void show_error(struct text *t, const eddy_exception *e)
{
    show_error_at(t, e, 0);
}

void show_json(struct text *t, const json_t *value)
{
    if (!value || json_is_null(value))
        text_add(t, "none");
    else
        text_add_word(t, value);
}

static void show_result_at(struct text *t, const struct object *o, const json_t *value, int depth);

/*
 * An outcome of a gather. A child that was cancelled is there as CancelledError(''), which carries
 * a message even if that is empty; a child that failed with a CancelledError, as a gather itself
 * does, keeps that error as it is.
 */
static void show_outcome(struct text *t, const struct object *child, const eddy_outcome *outcome,
                         int depth)
{
    if (outcome->status >= 0) {
        show_result_at(t, child, outcome->value, depth);
    } else if (outcome->status == -ECANCELED && (!child || eddy_future_cancelled(child->future))) {
        text_add(t, "cancelled(");
        text_add(t, outcome->exception ? eddy_exception_message(outcome->exception) : "");
        text_add(t, ")");
    } else if (outcome->exception) {
        show_error(t, outcome->exception);
    } else {
        text_add(t, outcome->status == -ECANCELED ? "cancelled" : code_name(outcome->status));
    }
}

static void show_list(struct text *t, const struct object *gather, int depth)
{
    const eddy_outcome *outcomes = eddy_gather_outcomes(gather->future);

    text_add(t, "[");
    for (size_t i = 0; outcomes && i < gather->n_inner && t->length < MAX_SHOWN_LENGTH; i++) {
        if (i)
            text_add(t, ", ");
        show_outcome(t, gather->inner[i], &outcomes[i], depth + 1);
    }
    text_add(t, "]");
}

static void show_result_at(struct text *t, const struct object *o, const json_t *value, int depth)
{
    while (o && !value && o->kind == &kind_shield)
        o = o->inner[0];
    if (depth > MAX_SHOWN_DEPTH)
        text_add(t, "...");
    else if (o && !value && o->kind == &kind_gather)
        show_list(t, o, depth);
    else
        show_json(t, value);
}

void show_result(struct text *t, const struct object *o, const json_t *value)
{
    show_result_at(t, o, value, 0);
}
