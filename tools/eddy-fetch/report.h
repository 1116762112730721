/* The results, once everything has ended. */
#ifndef REPORT_H
#define REPORT_H

#include "items.h"

struct totals {
    size_t n_ok, n_failed, n_cancelled; /* items that were not started count as cancelled */
    uint64_t bytes;
    double seconds;        /* elapsed */
    double summed_seconds; /* of all URLs, added up */
};

void totals_compute(struct totals *totals, const struct item_list *list, double seconds);

/* Write a table for people, or a JSON document, to standard output. */
void report_table(const struct item_list *list, const struct totals *totals);
void report_json(const struct item_list *list, const struct totals *totals, const char *output_dir);

#endif
