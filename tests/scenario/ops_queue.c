/* Queue, LifoQueue, PriorityQueue. Their items are the program's values. */
#include "scenario.h"

#include <string.h>

static const struct kind kind_queue = {"queue", NULL};

static int by_number(const void *a, const void *b)
{
    long long x = json_integer_value(a), y = json_integer_value(b);

    return x < y ? -1 : x > y;
}

static void free_queue(void *q)
{
    eddy_queue_fini(q);
}

static int run_queue(struct step *s)
{
    struct object *o = names_bind(s->sc, arg_string(s, 1), &kind_queue);
    size_t maxsize = arg_int(s, 3) > 0 ? (size_t)arg_int(s, 3) : 0;
    eddy_queue *q = arena_alloc(&s->sc->arena, sizeof *q);

    if (strcmp(arg_string(s, 2), "lifo") == 0)
        eddy_lifo_queue_init(q, maxsize);
    else if (strcmp(arg_string(s, 2), "priority") == 0)
        eddy_priority_queue_init(q, maxsize, by_number);
    else
        eddy_queue_init(q, maxsize);
    o->data = q;
    o->free = free_queue;
    return 0;
}

static int run_put(struct step *s)
{
    return eddy_queue_put(s->object->data, arg(s, 2));
}

static int run_put_nowait(struct step *s)
{
    return eddy_queue_put_nowait(s->object->data, arg(s, 2));
}

static int give_item(struct step *s, int status, const json_t *item)
{
    if (status >= 0)
        show_json(&s->value, item);
    return status;
}

static int run_get(struct step *s)
{
    json_t *item = NULL;
    int status = eddy_queue_get(s->object->data, &item);

    return give_item(s, status, item);
}

static int run_get_nowait(struct step *s)
{
    json_t *item = NULL;
    int status = eddy_queue_get_nowait(s->object->data, &item);

    return give_item(s, status, item);
}

static int run_qsize(struct step *s)
{
    text_add_int(&s->value, (long long)eddy_queue_qsize(s->object->data));
    return 0;
}

static int run_task_done(struct step *s)
{
    return eddy_queue_task_done(s->object->data);
}

static int run_join(struct step *s)
{
    return eddy_queue_join(s->object->data);
}

static int run_shutdown(struct step *s)
{
    eddy_queue_shutdown(s->object->data, json_is_true(arg(s, 2)));
    return 0;
}

static const struct op ops[] = {
    {"queue", OP_SILENT, USES_NOTHING, NULL, run_queue, 0},
    {"put", OP_OBSERVED, USES_FIRST, &kind_queue, run_put, 3},
    {"put_nowait", OP_PLAIN, USES_FIRST, &kind_queue, run_put_nowait, 0},
    {"get", OP_OBSERVED, USES_FIRST, &kind_queue, run_get, 0},
    {"get_nowait", OP_PLAIN, USES_FIRST, &kind_queue, run_get_nowait, 0},
    {"qsize", OP_PLAIN, USES_FIRST, &kind_queue, run_qsize, 0},
    {"task_done", OP_PLAIN, USES_FIRST, &kind_queue, run_task_done, 0},
    {"join", OP_OBSERVED, USES_FIRST, &kind_queue, run_join, 0},
    {"shutdown", OP_PLAIN, USES_FIRST, &kind_queue, run_shutdown, 0},
};
OPS_REGISTER(ops)
