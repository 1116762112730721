/* A string that grows, in an arena. Starts as {.arena = a}; data is NULL while it is empty. */
#ifndef SCENARIO_TEXT_H
#define SCENARIO_TEXT_H

#include "arena.h"

#include <jansson.h>

struct text {
    struct arena *arena;
    char *data;
    size_t length;
    size_t capacity;
};

void text_add(struct text *t, const char *more);
void text_add_int(struct text *t, long long n);

/* A JSON value as the language spells it inside a label: null, true, words without quotes, [a b
 * ~c1]. */
void text_add_word(struct text *t, const json_t *word);

/* "" while it is empty. */
const char *text_get(const struct text *t);

#endif
