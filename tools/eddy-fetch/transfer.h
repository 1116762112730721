/* Fetching one URL: its attempts and their outcome. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "items.h"
#include "options.h"

#include <eddy/curl.h>
#include <eddy/defs.h>

/* The state shared by all transfers of a run. */
struct session {
    const struct options *options;
    eddy_curl *curl;
    int output_dir; /* descriptor, or AT_FDCWD */
};

/*
 * Fetches item->url with the handle @easy, whose options it replaces, and records the outcome in
 * @item. Returns 0 or the status of the last attempt.
 *
 * Cancelled: -ECANCELED, the item is ITEM_CANCELLED, and no file is left.
 */
EDDY_AWAITS int fetch_item(const struct session *session, CURL *easy, struct item *item);

#endif
