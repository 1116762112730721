/* Waiting for one: sleep, await, call, wait_for. Waiting for several: gather, shield, wait,
 * as_completed. */
#include "scenario.h"

#include <errno.h>
#include <string.h>

static int run_sleep(struct step *s)
{
    return eddy_sleep(arg_seconds(s, 1));
}

static int run_await(struct step *s)
{
    void *value = NULL;
    int status = eddy_await_value(eddy_ref(s->object->future), &value);

    if (status >= 0)
        show_result(&s->value, s->object, value);
    return status;
}

static eddy_coroutine *called(struct step *s)
{
    return make_coroutine(s->sc, arg_string(s, 1), NULL, s->frame->depth);
}

static int give_json(struct step *s, int status, const json_t *value)
{
    if (status >= 0)
        show_json(&s->value, value);
    return status;
}

static int run_call(struct step *s)
{
    void *value = NULL;
    int status = eddy_await_value(called(s), &value);

    return give_json(s, status, value);
}

static int run_wait_for(struct step *s)
{
    void *value = NULL;
    int status =
        eddy_await_value(eddy_wait_for(eddy_ref(s->object->future), arg_seconds(s, 2)), &value);

    if (status >= 0)
        show_result(&s->value, s->object, value);
    return status;
}

static int run_wait_for_call(struct step *s)
{
    void *value = NULL;
    int status = eddy_await_value(eddy_wait_for(called(s), arg_seconds(s, 2)), &value);

    return give_json(s, status, value);
}

/* Returns the objects that the names in @p list stand for; NULL for {"coro": …}. */
static struct object **find_objects(struct step *s, const json_t *list)
{
    size_t n = json_array_size(list);
    struct object **objects = arena_alloc(&s->sc->arena, n * sizeof *objects);

    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));

        objects[i] = name ? names_find(s->sc, name) : NULL;
    }
    return objects;
}

/* 0, or the error for a name that stands for nothing one can await, or for a coroutine where none
 * may be. */
static int check_futures(struct object **objects, size_t n, bool coroutines)
{
    for (size_t i = 0; i < n; i++) {
        if (objects[i] ? !objects[i]->future : !coroutines)
            return eddy_raise(EDDY_EMISUSE, "argument %zu is no future", i);
    }
    return 0;
}

static int run_gather(struct step *s)
{
    const json_t *list = arg(s, 2);
    size_t n = json_array_size(list);
    struct object **objects = find_objects(s, list), *gather;
    eddy_awaitable **aws = arena_alloc(&s->sc->arena, n * sizeof *aws);
    int status;

    eddy_try(check_futures(objects, n, true));
    for (size_t i = 0; i < n; i++) {
        const char *coro = json_string_value(json_object_get(json_array_get(list, i), "coro"));
        struct text task_name = {.arena = &s->sc->arena};

        text_add(&task_name, "~");
        text_add(&task_name, coro ? coro : "");
        aws[i] =
            objects[i]
                ? EDDY_AWAITABLE(eddy_ref(objects[i]->future))
                : EDDY_AWAITABLE(make_coroutine(s->sc, coro ? coro : "", text_get(&task_name), 0));
    }
    status = names_bind_future(s->sc, arg_string(s, 1), &kind_gather,
                               eddy_gather_list(aws, n, json_is_true(arg(s, 3))));
    if (status < 0)
        return status;
    gather = names_find(s->sc, arg_string(s, 1));
    gather->inner = objects;
    gather->n_inner = n;
    return 0;
}

static int run_shield(struct step *s)
{
    struct object **inner = arena_alloc(&s->sc->arena, sizeof *inner);
    struct object *shield;

    eddy_try(names_bind_future(s->sc, arg_string(s, 1), &kind_shield,
                               eddy_shield(eddy_ref(s->object->future))));
    inner[0] = s->object;
    shield = names_find(s->sc, arg_string(s, 1));
    shield->inner = inner;
    shield->n_inner = 1;
    return 0;
}

static eddy_future **futures_of(struct step *s, struct object **objects, size_t n)
{
    eddy_future **fs = arena_alloc(&s->sc->arena, n * sizeof *fs);

    for (size_t i = 0; i < n; i++)
        fs[i] = objects[i]->future;
    return fs;
}

/* " [a c]": those in the op's list that are done, or those that are not. */
static void show_names(struct step *s, eddy_future **fs, size_t n, bool done)
{
    bool first = true;

    text_add(&s->value, " [");
    for (size_t i = 0; i < n; i++) {
        if (eddy_future_done(fs[i]) != done)
            continue;
        text_add(&s->value, first ? "" : " ");
        text_add_word(&s->value, json_array_get(arg(s, 1), i));
        first = false;
    }
    text_add(&s->value, "]");
}

static enum eddy_return_when return_when(const char *when)
{
    return strcmp(when, "first") == 0       ? EDDY_FIRST_COMPLETED
           : strcmp(when, "exception") == 0 ? EDDY_FIRST_EXCEPTION
                                            : EDDY_ALL_COMPLETED;
}

static int run_wait(struct step *s)
{
    size_t n = json_array_size(arg(s, 1));
    struct object **objects = find_objects(s, arg(s, 1));
    struct text text = {.arena = &s->sc->arena};
    eddy_future **fs;

    text_add(&text, "wait ");
    text_add(&text, arg_string(s, 3));
    s->text = text_get(&text);
    eddy_try(check_futures(objects, n, false));
    fs = futures_of(s, objects, n);
    eddy_try(eddy_wait(fs, n, arg_seconds(s, 2), return_when(arg_string(s, 3))));

    text_add(&s->value, "done");
    show_names(s, fs, n, true);
    text_add(&s->value, " pending");
    show_names(s, fs, n, false);
    return 0;
}

static void trace_completed(struct step *s, struct object **objects, size_t n, eddy_future *f)
{
    struct text text = {.arena = &s->sc->arena};
    struct text shown = {.arena = &s->sc->arena};
    void *value = NULL;
    size_t i = 0;
    int status;

    while (i + 1 < n && objects[i]->future != f)
        i++;
    text_add(&text, "as_completed ");
    text_add_word(&text, json_array_get(arg(s, 1), i));
    status = eddy_future_result_value(f, &value);
    if (status >= 0) {
        show_result(&shown, objects[i], value);
        trace_value(s->sc, text_get(&text), &shown);
    } else {
        eddy_exception *e = take_error(status);

        trace_error(s->sc, text_get(&text), e);
        eddy_exception_unref(e);
    }
}

static void free_completions(void *it)
{
    eddy_completions_free(it);
}

static int trace_all_completed(struct step *s, struct object **objects, size_t n)
{
    eddy_awaitable **aws = arena_alloc(&s->sc->arena, n * sizeof *aws);
    eddy_completions *it;
    eddy_future *f;
    int status = check_futures(objects, n, false);

    if (status < 0)
        return status;
    for (size_t i = 0; i < n; i++)
        aws[i] = EDDY_AWAITABLE(objects[i]->future);
    it = eddy_as_completed(aws, n, arg_seconds(s, 2));
    if (!it)
        return -ENOMEM;
    /* Left early, Python's iterator lives on, and its timer too: the clock may still move up to its
     * deadline. */
    names_keep(s->sc, it, free_completions);
    while ((status = eddy_completions_anext(it, &f)) > 0)
        trace_completed(s, objects, n, f);
    return status;
}

static int run_as_completed(struct step *s)
{
    size_t n = json_array_size(arg(s, 1));
    int status = trace_all_completed(s, find_objects(s, arg(s, 1)), n);

    if (status < 0) {
        frame_raise(s->frame, take_error(status));
        trace_error(s->sc, "as_completed", s->frame->error);
        return FLOW_RAISED;
    }
    trace(s->sc, "as_completed end", "");
    return FLOW_ON;
}

static const struct op ops[] = {
    {"sleep", OP_OBSERVED, USES_NOTHING, NULL, run_sleep, 0},
    {"await", OP_OBSERVED, USES_FIRST, &kind_future, run_await, 0},
    {"call", OP_OBSERVED, USES_NOTHING, NULL, run_call, 0},
    {"wait_for", OP_OBSERVED, USES_FIRST, &kind_future, run_wait_for, 0},
    {"wait_for_call", OP_OBSERVED, USES_NOTHING, NULL, run_wait_for_call, 0},
    {"gather", OP_SILENT, USES_LIST_SECOND, NULL, run_gather, 0},
    {"shield", OP_SILENT, USES_SECOND, &kind_future, run_shield, 0},
    {"wait", OP_OBSERVED, USES_LIST_FIRST, NULL, run_wait, 0},
    {"as_completed", OP_BLOCK, USES_LIST_FIRST, NULL, run_as_completed, 0},
};
OPS_REGISTER(ops)
