/* Plain callbacks: add_done_callback, call_soon, call_later, cancel_handle; and what they see,
 * context variables. */
#include "scenario.h"

#include <string.h>

/* One scheduled or added callback; in the arena. */
struct callback {
    struct scenario *sc;
    const json_t *ops; /* of call_soon and call_later */
    const char *name;  /* of add_done_callback */
    const struct object *object;
};

struct variable {
    eddy_contextvar var;
    struct variable *next;
};

static void show_end(struct text *t, const struct object *o, eddy_future *f)
{
    const eddy_exception *e = NULL;
    void *value = NULL;

    if (eddy_future_cancelled(f)) {
        text_add(t, "cancelled");
    } else if (eddy_future_exception(f, &e) >= 0 && e) {
        show_error(t, e);
    } else if (eddy_future_result_value(f, &value) >= 0) {
        show_result(t, o, value);
    }
}

static void on_done(eddy_future *f, void *arg)
{
    struct callback *c = arg;
    struct text line = {.arena = &c->sc->arena};

    text_add(&line, "callback ");
    text_add(&line, c->name);
    text_add(&line, " ");
    text_add(&line, c->object->name);
    text_add(&line, " ");
    show_end(&line, c->object, f);
    trace(c->sc, text_get(&line), "");
}

static void on_call(void *arg)
{
    struct callback *c = arg;
    struct frame f = {.sc = c->sc};

    run_block(&f, c->ops);
    frame_clear_error(&f);
}

static struct callback *new_callback(struct step *s, const json_t *ops)
{
    struct callback *c = arena_alloc(&s->sc->arena, sizeof *c);

    c->sc = s->sc;
    c->ops = ops;
    return c;
}

static int run_add_done_callback(struct step *s)
{
    struct callback *c = new_callback(s, NULL);

    c->name = arg_string(s, 2);
    c->object = s->object;
    return eddy_future_add_done_callback(s->object->future, on_done, c);
}

static int bind_handle(struct step *s, eddy_handle handle)
{
    if (!handle.slot)
        return eddy_error() ? eddy_exception_code(eddy_error()) : EDDY_EMISUSE;
    names_bind(s->sc, arg_string(s, 1), &kind_handle)->handle = handle;
    return 0;
}

static int run_call_soon(struct step *s)
{
    return bind_handle(s, eddy_loop_call_soon(s->sc->loop, on_call, new_callback(s, arg(s, 2))));
}

static int run_call_later(struct step *s)
{
    return bind_handle(s, eddy_loop_call_later(s->sc->loop, arg_seconds(s, 2), on_call,
                                               new_callback(s, arg(s, 3))));
}

static int run_cancel_handle(struct step *s)
{
    eddy_handle_cancel(s->object->handle);
    return 0;
}

static const eddy_contextvar *find_variable(struct step *s)
{
    const char *name = arg_string(s, 1);
    struct variable *v = s->sc->variables;

    while (v && strcmp(v->var.name, name) != 0)
        v = v->next;
    if (!v) {
        v = arena_alloc(&s->sc->arena, sizeof *v);
        v->var = (eddy_contextvar)EDDY_CONTEXTVAR(name, NULL);
        v->next = s->sc->variables;
        s->sc->variables = v;
    }
    return &v->var;
}

static int run_var_set(struct step *s)
{
    return eddy_contextvar_set(find_variable(s), arg(s, 2), NULL);
}

static int run_var_get(struct step *s)
{
    show_json(&s->value, eddy_contextvar_get(find_variable(s)));
    return 0;
}

static const struct op ops[] = {
    {"add_done_callback", OP_SILENT, USES_FIRST, &kind_future, run_add_done_callback, 0},
    {"call_soon", OP_SILENT, USES_NOTHING, NULL, run_call_soon, 0},
    {"call_later", OP_SILENT, USES_NOTHING, NULL, run_call_later, 0},
    {"cancel_handle", OP_SILENT, USES_FIRST, &kind_handle, run_cancel_handle, 0},
    {"var_set", OP_SILENT, USES_NOTHING, NULL, run_var_set, 0},
    {"var_get", OP_PLAIN, USES_NOTHING, NULL, run_var_get, 0},
};
OPS_REGISTER(ops)
