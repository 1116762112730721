/* Lock, Event, Condition, Semaphore, Barrier. */
#include "scenario.h"

static const struct kind kind_lock = {"lock", NULL};
static const struct kind kind_event = {"event", NULL};
static const struct kind kind_condition = {"condition", NULL};
static const struct kind kind_semaphore = {"semaphore", NULL};
static const struct kind kind_barrier = {"barrier", NULL};

/* Binds a name to a new object of @size bytes, all zero. */
static void *bind_new(struct step *s, const struct kind *kind, size_t size)
{
    struct object *o = names_bind(s->sc, arg_string(s, 1), kind);

    o->data = arena_alloc(&s->sc->arena, size);
    return o->data;
}

static int run_lock(struct step *s)
{
    bind_new(s, &kind_lock, sizeof(eddy_lock));
    return 0;
}

static int run_event(struct step *s)
{
    bind_new(s, &kind_event, sizeof(eddy_event));
    return 0;
}

static int run_condition(struct step *s)
{
    bind_new(s, &kind_condition, sizeof(eddy_condition));
    return 0;
}

static int run_semaphore(struct step *s)
{
    long long value = arg_int(s, 2);

    if (value < 0)
        return eddy_raise(EDDY_EMISUSE, "Semaphore initial value must be >= 0");
    eddy_semaphore *semaphore = bind_new(s, &kind_semaphore, sizeof *semaphore);
    if (json_is_true(arg(s, 3)))
        *semaphore = (eddy_semaphore)EDDY_BOUNDED_SEMAPHORE_INIT((size_t)value);
    else
        *semaphore = (eddy_semaphore)EDDY_SEMAPHORE_INIT((size_t)value);
    return 0;
}

static int run_barrier(struct step *s)
{
    long long parties = arg_int(s, 2);

    if (parties < 1)
        return eddy_raise(EDDY_EMISUSE, "parties must be > 0");
    *(eddy_barrier *)bind_new(s, &kind_barrier, sizeof(eddy_barrier)) =
        (eddy_barrier)EDDY_BARRIER_INIT((int)parties);
    return 0;
}

static int wrong_kind(const struct step *s)
{
    return eddy_raise(EDDY_EMISUSE, "'%s' is no lock", s->object->name);
}

static int give_bool(struct step *s, bool yes)
{
    text_add(&s->value, yes ? "true" : "false");
    return 0;
}

/* True, as asyncio's acquire and wait give it. */
static int give_true(struct step *s, int status)
{
    return status < 0 ? status : give_bool(s, true);
}

static int run_acquire(struct step *s)
{
    void *it = s->object->data;

    if (object_is(s->object, &kind_lock))
        return give_true(s, eddy_lock_acquire(it));
    if (object_is(s->object, &kind_condition))
        return give_true(s, eddy_condition_acquire(it));
    if (object_is(s->object, &kind_semaphore))
        return give_true(s, eddy_semaphore_acquire(it));
    return wrong_kind(s);
}

static int run_release(struct step *s)
{
    void *it = s->object->data;

    if (object_is(s->object, &kind_lock))
        return eddy_lock_release(it);
    if (object_is(s->object, &kind_condition))
        return eddy_condition_release(it);
    if (object_is(s->object, &kind_semaphore))
        return eddy_semaphore_release(it);
    return wrong_kind(s);
}

static int run_locked(struct step *s)
{
    const void *it = s->object->data;

    if (object_is(s->object, &kind_lock))
        return give_bool(s, eddy_lock_locked(it));
    if (object_is(s->object, &kind_condition))
        return give_bool(s, eddy_condition_locked(it));
    if (object_is(s->object, &kind_semaphore))
        return give_bool(s, eddy_semaphore_locked(it));
    return wrong_kind(s);
}

static int run_event_set(struct step *s)
{
    eddy_event_set(s->object->data);
    return 0;
}

static int run_event_clear(struct step *s)
{
    eddy_event_clear(s->object->data);
    return 0;
}

static int run_is_set(struct step *s)
{
    return give_bool(s, eddy_event_is_set(s->object->data));
}

static int run_event_wait(struct step *s)
{
    return give_true(s, eddy_event_wait(s->object->data));
}

static int run_notify(struct step *s)
{
    return eddy_condition_notify(s->object->data, (size_t)arg_int(s, 2));
}

static int run_notify_all(struct step *s)
{
    return eddy_condition_notify_all(s->object->data);
}

/* Prints for itself, since waiting without the lock is an error that goes no further. */
static int run_cond_wait(struct step *s)
{
    struct text text = {.arena = &s->sc->arena}, yes = {.arena = &s->sc->arena};
    eddy_exception *e;
    int status;

    text_add(&text, "cond_wait ");
    text_add(&text, s->object->name);
    status = eddy_condition_wait(s->object->data);
    if (status >= 0) {
        text_add(&yes, "true");
        trace_value(s->sc, text_get(&text), &yes);
        return FLOW_ON;
    }
    e = take_error(status);
    trace_error(s->sc, text_get(&text), e);
    if (status != EDDY_EMISUSE)
        return frame_raise(s->frame, e);
    eddy_exception_unref(e);
    return FLOW_ON;
}

static int run_barrier_wait(struct step *s)
{
    int index = eddy_barrier_wait(s->object->data);

    if (index >= 0)
        text_add_int(&s->value, index);
    return index;
}

static int run_barrier_abort(struct step *s)
{
    return eddy_barrier_abort(s->object->data);
}

static int run_barrier_reset(struct step *s)
{
    return eddy_barrier_reset(s->object->data);
}

static const struct op ops[] = {
    {"lock", OP_SILENT, USES_NOTHING, NULL, run_lock, 0},
    {"event", OP_SILENT, USES_NOTHING, NULL, run_event, 0},
    {"condition", OP_SILENT, USES_NOTHING, NULL, run_condition, 0},
    {"semaphore", OP_SILENT, USES_NOTHING, NULL, run_semaphore, 0},
    {"barrier", OP_SILENT, USES_NOTHING, NULL, run_barrier, 0},
    {"acquire", OP_OBSERVED, USES_FIRST, NULL, run_acquire, 0},
    {"release", OP_PLAIN, USES_FIRST, NULL, run_release, 0},
    {"locked", OP_PLAIN, USES_FIRST, NULL, run_locked, 0},
    {"event_set", OP_SILENT, USES_FIRST, &kind_event, run_event_set, 0},
    {"event_clear", OP_SILENT, USES_FIRST, &kind_event, run_event_clear, 0},
    {"is_set", OP_PLAIN, USES_FIRST, &kind_event, run_is_set, 0},
    {"event_wait", OP_OBSERVED, USES_FIRST, &kind_event, run_event_wait, 0},
    {"notify", OP_PLAIN, USES_FIRST, &kind_condition, run_notify, 0},
    {"notify_all", OP_PLAIN, USES_FIRST, &kind_condition, run_notify_all, 0},
    {"cond_wait", OP_BLOCK, USES_FIRST, &kind_condition, run_cond_wait, 0},
    {"barrier_wait", OP_OBSERVED, USES_FIRST, &kind_barrier, run_barrier_wait, 0},
    {"barrier_abort", OP_OBSERVED, USES_FIRST, &kind_barrier, run_barrier_abort, 0},
    {"barrier_reset", OP_OBSERVED, USES_FIRST, &kind_barrier, run_barrier_reset, 0},
};
OPS_REGISTER(ops)
