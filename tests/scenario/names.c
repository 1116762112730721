/*
 * One table of names for the whole program. A name bound again hides what it stood for; the older
 * object stays until the program has ended, because callbacks and gathers may still point to it.
 */
#include "scenario.h"

#include <errno.h>
#include <string.h>

const struct kind kind_future = {"future", NULL};
const struct kind kind_task = {"task", &kind_future};
const struct kind kind_gather = {"gather", &kind_future};
const struct kind kind_shield = {"shield", &kind_future};
const struct kind kind_handle = {"handle", NULL};
const struct kind kind_timeout = {"timeout", NULL};
const struct kind kind_group = {"group", NULL};

static struct object **find_link(struct scenario *sc, const char *name)
{
    struct object **link = &sc->names;

    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next_name;
    return link;
}

struct object *names_find(struct scenario *sc, const char *name)
{
    return *find_link(sc, name);
}

static struct object *new_object(struct scenario *sc)
{
    struct object *o = arena_alloc(&sc->arena, sizeof *o);

    o->next_object = sc->objects;
    sc->objects = o;
    return o;
}

struct object *names_bind(struct scenario *sc, const char *name, const struct kind *kind)
{
    struct object *o = new_object(sc);
    struct object **link = find_link(sc, name);

    if (*link)
        *link = (*link)->next_name;
    o->kind = kind;
    o->name = name;
    o->next_name = sc->names;
    sc->names = o;
    return o;
}

void names_keep(struct scenario *sc, void *data, void (*free)(void *data))
{
    struct object *o = new_object(sc);

    o->data = data;
    o->free = free;
}

int names_bind_future(struct scenario *sc, const char *name, const struct kind *kind,
                      eddy_future *f)
{
    if (!f)
        return eddy_error() ? eddy_exception_code(eddy_error()) : -ENOMEM;
    names_bind(sc, name, kind)->future = f;
    return 0;
}

bool object_is(const struct object *o, const struct kind *kind)
{
    const struct kind *k = o->kind;

    while (k && k != kind)
        k = k->is_a;
    return k != NULL;
}

void names_free(struct scenario *sc)
{
    for (struct object *o = sc->objects; o; o = o->next_object) {
        eddy_unref(o->future);
        if (o->free)
            o->free(o->data);
    }
    sc->objects = sc->names = NULL;
}
