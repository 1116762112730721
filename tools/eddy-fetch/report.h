/* The results, once everything has ended. */
#ifndef REPORT_H
#define REPORT_H

#include "items.h"

struct totals {
    size_t n_ok, n_failed, n_cancelled; /* the ones not started count as cancelled */
    uint64_t bytes;
    double seconds;        /* that passed */
    double summed_seconds; /* of the URLs, each for itself */
};

void totals_compute(struct totals *totals, const struct item_list *list, double seconds);

/* Writes a table for people, or a JSON document, to standard output. */
void report_table(const struct item_list *list, const struct totals *totals);
void report_json(const struct item_list *list, const struct totals *totals, const char *output_dir);

#endif
