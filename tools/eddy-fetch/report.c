/* The table at the end. */
#include "report.h"
#include "format.h"

#include <stdio.h>
#include <string.h>

/* Longer errors are cut in the table; standard error and the JSON have all of them. */
enum { ERROR_COLUMNS = 60 };

void totals_compute(struct totals *t, const struct item_list *list, double seconds)
{
    *t = (struct totals){.seconds = seconds};
    t->n_ok = item_list_count(list, ITEM_DONE);
    t->n_failed = item_list_count(list, ITEM_FAILED);
    t->n_cancelled = list->n - t->n_ok - t->n_failed;
    for (size_t i = 0; i < list->n; i++) {
        t->bytes += list->items[i].bytes;
        t->summed_seconds += list->items[i].seconds;
    }
}

static int error_columns(const struct item_list *list)
{
    size_t columns = strlen("ERROR");

    for (size_t i = 0; i < list->n; i++) {
        size_t length = strlen(item_error(&list->items[i]));

        columns = length > columns ? length : columns;
    }
    return columns < ERROR_COLUMNS ? (int)columns : ERROR_COLUMNS;
}

static void print_row(FILE *to, const struct item *item, int columns)
{
    char error[ERROR_COLUMNS + 1], status[24] = "-";

    if (item->http_status)
        snprintf(status, sizeof status, "%ld", item->http_status);
    format_clipped(error, item_error(item), (size_t)columns);
    fprintf(to, "%6s %12llu %9.3f  %-*s  %s\n", status, (unsigned long long)item->bytes,
            item->seconds, columns, error, item->shown);
}

void report_table(FILE *to, const struct item_list *list, const struct totals *t)
{
    int columns = error_columns(list);
    char bytes[BYTES_TEXT];

    fprintf(to, "%6s %12s %9s  %-*s  %s\n", "STATUS", "BYTES", "SECONDS", columns, "ERROR", "URL");
    for (size_t i = 0; i < list->n; i++)
        print_row(to, &list->items[i], columns);
    fprintf(to, "%zu URL%s: %zu ok, %zu failed", list->n, list->n == 1 ? "" : "s", t->n_ok,
            t->n_failed);
    if (t->n_cancelled)
        fprintf(to, ", %zu cancelled or not started", t->n_cancelled);
    fprintf(to, "; %s in %.2f s (the URLs' own times add up to %.2f s)\n",
            format_bytes(bytes, t->bytes), t->seconds, t->summed_seconds);
}
