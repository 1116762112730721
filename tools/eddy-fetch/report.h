/* The results, once everything has ended. */
#ifndef REPORT_H
#define REPORT_H

#include "items.h"

#include <stdio.h>

struct totals {
    size_t n_ok, n_failed, n_cancelled; /* items that were not started count as cancelled */
    uint64_t bytes;
    double seconds;        /* elapsed */
    double summed_seconds; /* of all URLs, added up */
};

void totals_compute(struct totals *totals, const struct item_list *list, double seconds);

/* Writes a table for people. */
void report_table(FILE *to, const struct item_list *list, const struct totals *totals);

/*
 * Write JSON to standard output: one document; a line for an item that has ended; lines for the
 * items that were never begun. @output_dir, or NULL, goes before the names of files.
 */
void report_json(const struct item_list *list, const struct totals *totals, const char *output_dir);
void report_line(const struct item *item, const char *output_dir);
void report_rest(const struct item_list *list, const char *output_dir);

#endif
