/* Decides which lines are due, and when. bars.c draws the bars. */
#include "progress.h"
#include "bars.h"
#include "format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds between two redrawings. */
#define REDRAW 0.1

static void redraw(void *arg)
{
    struct progress *p = arg;

    bars_draw(p);
    /* Without memory for the timer the bars stand still until the next URL ends; nothing else
     * suffers. */
    p->timer = eddy_loop_call_later(p->loop, REDRAW, redraw, p);
}

int progress_init(struct progress *p, size_t total, size_t refused, size_t parallel, bool quiet)
{
    eddy_loop *loop = eddy_get_running_loop();

    *p = (struct progress){
        .loop = loop, .total = total, .n_failed = refused, .started = eddy_loop_time(loop)};
    if (!quiet)
        p->mode = bars_possible() ? SHOW_BARS : SHOW_LINES;
    p->active = calloc(parallel, sizeof *p->active);
    if (!p->active)
        return -ENOMEM;
    if (p->mode == SHOW_BARS)
        redraw(p);
    return 0;
}

void progress_begin(struct progress *p, const struct item *item)
{
    p->active[p->n_active++] = item;
}

static void forget(struct progress *p, const struct item *item)
{
    for (size_t i = 0; i < p->n_active; i++) {
        if (p->active[i] == item) {
            p->n_active--;
            memmove(&p->active[i], &p->active[i + 1], (p->n_active - i) * sizeof *p->active);
            return;
        }
    }
}

static void print_line(const struct progress *p, const struct item *item)
{
    char bytes[BYTES_TEXT];

    if (item->state == ITEM_FAILED)
        fprintf(stderr, "eddy-fetch: %s: %s\n", item->shown, item_error(item));
    else if (item->state == ITEM_DONE && p->mode == SHOW_LINES)
        fprintf(stderr, "[%zu/%zu] %ld  %s  %.2f s  %s\n", p->n_done + p->n_failed, p->total,
                item->http_status, format_bytes(bytes, item->bytes), item->seconds, item->shown);
}

void progress_end(struct progress *p, const struct item *item)
{
    forget(p, item);
    p->bytes += item->bytes;
    p->n_done += item->state == ITEM_DONE;
    p->n_failed += item->state == ITEM_FAILED;
    if (p->mode != SHOW_BARS) {
        print_line(p, item);
    } else if (item->state == ITEM_FAILED) {
        bars_erase(p);
        print_line(p, item);
        bars_draw(p);
    }
}

void progress_fini(struct progress *p)
{
    eddy_handle_cancel(p->timer);
    if (p->mode == SHOW_BARS)
        bars_erase(p);
    free(p->active);
    p->active = NULL;
}
