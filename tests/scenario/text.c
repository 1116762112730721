#include "text.h"

#include <stdio.h>
#include <string.h>

void text_add(struct text *t, const char *more)
{
    size_t n = strlen(more);

    if (t->length + n + 1 > t->capacity) {
        size_t capacity = 2 * t->capacity + n + 64;
        char *data = arena_alloc(t->arena, capacity);

        if (t->length)
            memcpy(data, t->data, t->length);
        t->data = data;
        t->capacity = capacity;
    }
    memcpy(t->data + t->length, more, n + 1);
    t->length += n;
}

void text_add_int(struct text *t, long long n)
{
    char digits[32];

    snprintf(digits, sizeof digits, "%lld", n);
    text_add(t, digits);
}

static void add_list(struct text *t, const json_t *list)
{
    text_add(t, "[");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *coro = json_object_get(item, "coro");

        if (i)
            text_add(t, " ");
        if (coro)
            text_add(t, "~");
        text_add_word(t, coro ? coro : item);
    }
    text_add(t, "]");
}

void text_add_word(struct text *t, const json_t *word)
{
    if (json_is_string(word))
        text_add(t, json_string_value(word));
    else if (json_is_integer(word))
        text_add_int(t, json_integer_value(word));
    else if (json_is_boolean(word))
        text_add(t, json_is_true(word) ? "true" : "false");
    else if (json_is_array(word))
        add_list(t, word);
    else if (json_is_null(word))
        text_add(t, "null");
}

const char *text_get(const struct text *t)
{
    return t->data ? t->data : "";
}
