#include "text.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, const char *const *titles, size_t n_columns)
{
    *t = (struct table){.titles = titles, .n_columns = n_columns};
}

void table_add(struct table *t, const char *fmt, ...)
{
    size_t at = t->n_cells;
    va_list args;
    char *cell;
    int n;

    if (at == t->room) {
        char **grown = realloc(t->cells, (t->room ? 2 * t->room : 256) * sizeof *grown);

        if (!grown) {
            t->failed = 1;
            return;
        }
        t->room = t->room ? 2 * t->room : 256;
        t->cells = grown;
    }
    va_start(args, fmt);
    n = vasprintf(&cell, fmt, args);
    va_end(args);
    if (n < 0) {
        t->failed = 1;
        return;
    }
    t->cells[t->n_cells++] = cell;
}

/* Returns how many columns of a terminal a text takes: continuation bytes of a character take
 * none. */
static size_t width_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct table *t, size_t column, size_t rows)
{
    size_t width = width_of(t->titles[column]);

    for (size_t row = 0; row < rows; row++) {
        size_t w = width_of(t->cells[row * t->n_columns + column]);

        width = w > width ? w : width;
    }
    return width;
}

/*
 * Prints a text, padded to a width unless it is the last of its line, within the room that is left.
 */
static void print_cell(const char *s, size_t width, int last, size_t *room)
{
    size_t w = width_of(s), pad = last ? 0 : width - w + 2;

    for (; *s && (*room > 0 || (*s & 0xc0) == 0x80); s++) {
        *room -= (*s & 0xc0) != 0x80;
        putchar(*s);
    }
    pad = pad < *room ? pad : *room;
    *room -= pad;
    printf("%*s", (int)pad, "");
}

void table_print(const struct table *t, size_t max_rows, size_t max_width)
{
    size_t rows = t->n_cells / t->n_columns, *widths = calloc(t->n_columns, sizeof *widths);

    rows = rows < max_rows ? rows : max_rows;
    for (size_t c = 0; widths && c < t->n_columns; c++)
        widths[c] = column_width(t, c, rows);
    for (size_t row = 0; widths && row <= rows; row++) {
        size_t room = max_width ? max_width : (size_t)-1;

        for (size_t c = 0; c < t->n_columns; c++)
            print_cell(row == 0 ? t->titles[c] : t->cells[(row - 1) * t->n_columns + c], widths[c],
                       c + 1 == t->n_columns, &room);
        putchar('\n');
    }
    free(widths);
}

void table_free(struct table *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
}

void format_duration(double seconds, char *buf, size_t size)
{
    if (seconds < 10)
        snprintf(buf, size, "%.1f s", seconds);
    else if (seconds < 120)
        snprintf(buf, size, "%.0f s", seconds);
    else if (seconds < 2 * 3600)
        snprintf(buf, size, "%.0f min", seconds / 60);
    else if (seconds < 48 * 3600)
        snprintf(buf, size, "%.0f h", seconds / 3600);
    else
        snprintf(buf, size, "%.0f d", seconds / (24 * 3600));
}

bool append_text(char *buf, size_t size, const char *text)
{
    size_t n = strlen(buf), length = strlen(text);

    return eddyi_printable(text, length, buf + n, size - n) == length;
}
