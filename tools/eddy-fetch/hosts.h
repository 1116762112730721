/*
 * Whose turn it is. With a limit for each host, the hosts that have URLs left and fewer transfers
 * than the limit stand in a queue, and each that is served goes to its end: the hosts take turns.
 * Without one there is a single queue, the list itself.
 */
#ifndef HOSTS_H
#define HOSTS_H

#include "items.h"

struct host;

struct hosts {
    struct item_list *items;
    size_t limit; /* transfers of one host at a time; 0: any number */
    size_t next;  /* without a limit: the first item that was not looked at */
    size_t n_hosts;
    struct host *hosts;        /* with a limit: each host once */
    struct host *first, *last; /* the queue */
};

/* Returns 0 or -ENOMEM. */
int hosts_init(struct hosts *h, struct item_list *items, size_t limit);

/*
 * Returns the next item to fetch, or NULL if there is none: none is left, or those left are of
 * hosts that are busy, and then the workers that are with these hosts will take them.
 */
struct item *hosts_take(struct hosts *h);

/* Says that an item that was taken has ended. */
void hosts_end(struct hosts *h, const struct item *item);

void hosts_fini(struct hosts *h);

#endif
