/*
 * Intrusive lists: the links are members of the linked structs, so linking never allocates.
 *
 * A doubly linked ring with a head of the same type; an element can leave from anywhere.
 */
#ifndef EDDYI_LIST_H
#define EDDYI_LIST_H

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>

struct eddyi_list {
    struct eddyi_list *next, *prev; /* an element that is in no list points to itself */
};

/* Returns the struct that contains @member at address @ptr. */
#define eddyi_container(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define EDDYI_LIST_EACH(it, head)                                                                  \
    for (struct eddyi_list *it = (head)->next; it != (head); it = it->next)

static inline void eddyi_list_init(struct eddyi_list *l)
{
    l->next = l->prev = l;
}

static inline bool eddyi_list_empty(const struct eddyi_list *l)
{
    return l->next == l;
}

static inline void eddyi_list_append(struct eddyi_list *head, struct eddyi_list *l)
{
    struct eddyi_list *last = head->prev;

    EDDYI_ASSERT(last->next == head && last != l);
    l->prev = last;
    l->next = head;
    last->next = l;
    head->prev = l;
}

/* Removes an element; harmless if it is in no list. */
static inline void eddyi_list_remove(struct eddyi_list *l)
{
    struct eddyi_list *next = l->next, *prev = l->prev;

    EDDYI_ASSERT(next->prev == l && prev->next == l);
    prev->next = next;
    next->prev = prev;
    eddyi_list_init(l);
}

static inline struct eddyi_list *eddyi_list_pop(struct eddyi_list *head)
{
    struct eddyi_list *l = head->next;

    if (l == head)
        return NULL;
    eddyi_list_remove(l);
    return l;
}

/* Moves all but the first element of @from, which has one, to @to, which is empty; the first is in
 * no list then. */
static inline void eddyi_list_move_rest(struct eddyi_list *to, struct eddyi_list *from)
{
    struct eddyi_list *first = from->next, *second = first->next, *last = from->prev;

    if (second != from) {
        to->next = second;
        to->prev = last;
        second->prev = to;
        last->next = to;
    }
    eddyi_list_init(first);
    eddyi_list_init(from);
}

/* Moves all elements of @from to the end of @to. */
static inline void eddyi_list_move_all(struct eddyi_list *to, struct eddyi_list *from)
{
    struct eddyi_list *first = from->next, *last = from->prev, *before = to->prev;

    if (first == from)
        return;
    first->prev = before;
    before->next = first;
    last->next = to;
    to->prev = last;
    eddyi_list_init(from);
}

#endif
