/*
 * Tables as text: columns as wide as their contents.
 */
#ifndef EDDY_TOOL_TEXT_H
#define EDDY_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct table {
    size_t n_columns, n_cells, room;
    const char *const *titles; /* of the columns */
    char **cells;              /* owned; row by row */
    int failed;                /* memory was short: later cells are missing */
};

void table_init(struct table *t, const char *const *titles, size_t n_columns);

/* Adds the next cell. A row is full when it has as many cells as there are columns. */
void table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Prints the titles and at most @max_rows rows; lines are cut at @width columns (0: not at all).
 */
void table_print(const struct table *t, size_t max_rows, size_t width);

void table_free(struct table *t);

/* Writes a duration: "0.3 s", "12 s", "3 min", "5 h", "2 d". */
void format_duration(double seconds, char *buf, size_t size);

/* Appends as much of a printable text as fits. No character is cut. Returns false if some is left
 * out. */
bool append_text(char *buf, size_t size, const char *text);

#endif
