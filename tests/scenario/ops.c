/* The table of ops, put together from the tables of all ops_*.c before main() runs; and an op's
 * arguments. */
#include "scenario.h"

#include <string.h>

static struct op_table *tables;

void ops_register(struct op_table *table)
{
    table->next = tables;
    tables = table;
}

const struct op *ops_find(const char *word)
{
    for (const struct op_table *t = tables; t; t = t->next)
        for (size_t i = 0; i < t->n; i++)
            if (strcmp(t->ops[i].word, word) == 0)
                return &t->ops[i];
    return NULL;
}

json_t *arg(const struct step *s, size_t i)
{
    return json_array_get(s->op, i);
}

const char *arg_string(const struct step *s, size_t i)
{
    const char *text = json_string_value(arg(s, i));

    return text ? text : "";
}

long long arg_int(const struct step *s, size_t i)
{
    return json_integer_value(arg(s, i));
}

double arg_seconds(const struct step *s, size_t i)
{
    return json_is_number(arg(s, i)) ? json_number_value(arg(s, i)) / TICKS_PER_SECOND
                                     : EDDY_FOREVER;
}
