/*
 * Coroutines and blocks of ops, and the three ways in which an op tells how it went.
 *
 * An error on its way up hangs on the frame, as a reference: eddy_error() holds only the latest
 * failure, and a handler or a last block may fail in between. Where the error crosses eddy again,
 * at the end of a coroutine or of a scope, eddy_reraise() gives it back.
 */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

eddy_exception *take_error(int status)
{
    const eddy_exception *e = eddy_error();
    eddy_exception *own;

    if (e && eddy_exception_code(e) == status)
        return eddy_exception_ref(e);
    own = eddy_exception_new(status, NULL);
    if (!own) {
        fprintf(stderr, "scenario-runner: out of memory\n");
        exit(1);
    }
    return own;
}

enum flow frame_raise(struct frame *f, eddy_exception *e)
{
    eddy_exception_unref(f->error);
    f->error = e;
    return FLOW_RAISED;
}

void frame_clear_error(struct frame *f)
{
    eddy_exception_unref(f->error);
    f->error = NULL;
}

/* Returns the first name that operation @p op uses and that is not bound, or NULL. */
static const char *unbound_name(const struct op *op, struct step *s)
{
    bool list = op->uses == USES_LIST_FIRST || op->uses == USES_LIST_SECOND;
    size_t at = op->uses == USES_SECOND || op->uses == USES_LIST_SECOND ? 2 : 1;

    if (op->uses == USES_NOTHING)
        return NULL;
    if (!list) {
        s->object = names_find(s->sc, arg_string(s, at));
        return s->object ? NULL : arg_string(s, at);
    }
    for (size_t i = 0; i < json_array_size(arg(s, at)); i++) {
        const char *name = json_string_value(json_array_get(arg(s, at), i));

        if (name && !names_find(s->sc, name))
            return name;
    }
    return NULL;
}

/* The first @n words of an op, or all. */
static const char *label(struct step *s, size_t n)
{
    struct text t = {.arena = &s->sc->arena};

    for (size_t i = 0; i < json_array_size(s->op) && i < n; i++) {
        if (json_is_object(arg(s, i)))
            continue;
        if (i)
            text_add(&t, " ");
        text_add_word(&t, arg(s, i));
    }
    return text_get(&t);
}

static int call_op(const struct op *op, struct step *s)
{
    if ((op->style == OP_OBSERVED || op->style == OP_BLOCK) && !s->frame->in_task)
        return eddy_raise(EDDY_EMISUSE, "a plain callback cannot wait");
    if (op->wants && !object_is(s->object, op->wants))
        return eddy_raise(EDDY_EMISUSE, "%s is no %s", s->object->name, op->wants->name);
    return op->run(s);
}

/* Runs an op that does not print for itself, and prints. */
static enum flow observe(const struct op *op, struct step *s)
{
    int status = call_op(op, s);
    eddy_exception *e = status < 0 ? take_error(status) : NULL;
    const char *text = s->text;

    if (!text && (e || op->style != OP_SILENT))
        text = label(s, op->style != OP_OBSERVED ? SIZE_MAX : op->words ? (size_t)op->words : 2);
    if (e)
        trace_error(s->sc, text, e);
    else if (op->style != OP_SILENT)
        trace_value(s->sc, text, &s->value);

    if (e && op->style == OP_OBSERVED)
        return frame_raise(s->frame, e);
    eddy_exception_unref(e);
    return FLOW_ON;
}

static enum flow run_op(struct frame *f, const json_t *json)
{
    struct step s = {.sc = f->sc, .frame = f, .op = json, .value = {.arena = &f->sc->arena}};
    const struct op *op = ops_find(arg_string(&s, 0));
    const char *name;

    if (!op) {
        trace(s.sc, arg_string(&s, 0), " unknown");
        return FLOW_ON;
    }
    name = unbound_name(op, &s);
    if (name) {
        struct text t = {.arena = &s.sc->arena};

        text_add(&t, op->word);
        text_add(&t, " unbound ");
        trace(s.sc, text_get(&t), name);
        return FLOW_ON;
    }
    if (op->style == OP_FLOW || (op->style == OP_BLOCK && f->in_task))
        return (enum flow)op->run(&s);
    return observe(op, &s);
}

enum flow run_block(struct frame *f, const json_t *ops)
{
    enum flow flow = FLOW_ON;

    if (f->depth >= MAX_DEPTH)
        return frame_raise(f, take_error(eddy_raise(EDDY_EMISUSE, "nested too deeply")));

    f->depth++;
    for (size_t i = 0; flow == FLOW_ON && i < json_array_size(ops); i++) {
        if (count_step(f->sc))
            flow = run_op(f, json_array_get(ops, i));
        else
            flow = frame_raise(f, take_error(eddy_raise(-ECANCELED, NULL)));
    }
    f->depth--;
    return flow;
}

static int end_coroutine(struct frame *f, const char *name, enum flow flow)
{
    struct text text = {.arena = &f->sc->arena}, value = {.arena = &f->sc->arena};
    json_t *result = flow == FLOW_RETURN ? f->result : json_null();
    int status;

    text_add(&text, "end ");
    text_add(&text, name);
    if (flow != FLOW_RAISED) {
        show_json(&value, result);
        trace_value(f->sc, text_get(&text), &value);
        return eddy_return(result);
    }
    trace_error(f->sc, text_get(&text), f->error);
    status = eddy_reraise(f->error);
    frame_clear_error(f);
    return status;
}

static eddy_async(coroutine, (struct scenario *, sc), (const char *, name), (const char *, label),
                  (int, depth))
{
    struct frame f = {.sc = sc, .in_task = true, .depth = depth};
    const json_t *ops = json_object_get(sc->coros, name);

    if (label)
        eddy_try(eddy_task_set_name(eddy_current_task(), label));
    if (!ops)
        return eddy_raise(EDDY_EMISUSE, "no coroutine %s", name);
    if (depth >= MAX_DEPTH)
        return eddy_raise(EDDY_EMISUSE, "nested too deeply");
    return end_coroutine(&f, name, run_block(&f, ops));
}

eddy_coroutine *make_coroutine(struct scenario *sc, const char *name, const char *label, int depth)
{
    sc->coroutines++;
    return coroutine(sc, name, label, depth);
}
