/*
 * Bars: each drawing is assembled in memory and written at once, so that nothing flickers. A line
 * is always narrower than the terminal, whose size is read each time; lines drawn when it was wider
 * have been wrapped by it since, and take several rows.
 */
#include "bars.h"
#include "format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MIN_COLUMNS = 20, MAX_COLUMNS = 200, MAX_BAR = 20, ROW_BYTES = MAX_COLUMNS + 1 };

struct screen {
    size_t rows, columns;
};

/* The bytes to write: escape sequences and rows. */
struct drawing {
    char text[(MAX_BARS + 1) * (ROW_BYTES + 4) + 16];
    size_t length;
};

bool bars_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static struct screen screen_size(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        return (struct screen){24, 80};
    return (struct screen){size.ws_row, size.ws_col};
}

/* Moves to the beginning of the bars and clears from there. */
static void draw_erasure(struct progress *p, struct drawing *d, struct screen screen)
{
    size_t rows = 0;

    for (size_t i = 0; i < p->n_drawn; i++)
        rows += p->drawn[i] ? (p->drawn[i] - 1) / screen.columns + 1 : 1;
    if (rows > 0)
        d->length += (size_t)sprintf(d->text + d->length, "\r\x1b[%zuA\x1b[J", rows);
    p->n_drawn = 0;
}

static void draw_row(struct progress *p, struct drawing *d, struct screen screen, const char *row)
{
    size_t columns = screen.columns > MAX_COLUMNS ? MAX_COLUMNS : screen.columns;
    char *at = d->text + d->length;

    format_clipped(at, row, columns - 1);
    p->drawn[p->n_drawn++] = strlen(at);
    d->length += strlen(at);
    d->text[d->length++] = '\n';
}

/* Returns the columns of a bar: 0 where the numbers and the URL need them all. */
static int bar_width(struct screen screen)
{
    return screen.columns >= 100 ? MAX_BAR : screen.columns >= 70 ? 10 : 0;
}

static double part_done(const struct item *item)
{
    return item->expected ? fmin((double)item->bytes / (double)item->expected, 1) : 0;
}

static void write_bar(char bar[MAX_BAR + 4], int width, double part)
{
    if (width == 0) {
        bar[0] = '\0';
        return;
    }
    bar[0] = '[';
    memset(bar + 1, ' ', (size_t)width);
    memset(bar + 1, '#', (size_t)(part * width));
    strcpy(bar + 1 + width, "] ");
}

/* Writes the end of the URL, which distinguishes it best, in the columns that there are. */
static void write_url(char *buf, size_t columns, const char *url)
{
    size_t length = strlen(url);

    if (length <= columns)
        strcpy(buf, url);
    else if (columns > 3)
        sprintf(buf, "...%s", url + length - (columns - 3));
    else
        buf[0] = '\0';
}

static void draw_item(struct progress *p, struct drawing *d, struct screen screen,
                      const struct item *item)
{
    char row[ROW_BYTES], bar[MAX_BAR + 4], bytes[BYTES_TEXT], percent[8] = "   -";
    size_t columns = screen.columns > MAX_COLUMNS ? MAX_COLUMNS : screen.columns;
    size_t n;

    if (item->expected)
        snprintf(percent, sizeof percent, "%3.0f%%", floor(100 * part_done(item)));
    write_bar(bar, bar_width(screen), part_done(item));
    n = (size_t)snprintf(row, sizeof row, "%s %s%10s %6.1f s  ", percent, bar,
                         format_bytes(bytes, item->bytes), eddy_loop_time(p->loop) - item->started);
    if (n < columns)
        write_url(row + n, columns - 1 - n, item->shown);
    draw_row(p, d, screen, row);
}

static void draw_total(struct progress *p, struct drawing *d, struct screen screen)
{
    char row[ROW_BYTES], bytes[BYTES_TEXT];
    uint64_t sum = p->bytes;

    for (size_t i = 0; i < p->n_active; i++)
        sum += p->active[i]->bytes;
    snprintf(row, sizeof row, "%zu of %zu ended: %zu ok, %zu failed; %zu running, %s, %.1f s",
             p->n_done + p->n_failed, p->total, p->n_done, p->n_failed, p->n_active,
             format_bytes(bytes, sum), eddy_loop_time(p->loop) - p->started);
    draw_row(p, d, screen, row);
}

static void show(const struct drawing *d)
{
    fwrite(d->text, 1, d->length, stderr);
    fflush(stderr);
}

void bars_draw(struct progress *p)
{
    struct drawing d = {.length = 0};
    struct screen screen = screen_size();
    size_t n = p->n_active < MAX_BARS ? p->n_active : MAX_BARS;

    draw_erasure(p, &d, screen);
    if (screen.columns >= MIN_COLUMNS && screen.rows >= 4) {
        if (n > screen.rows - 3)
            n = screen.rows - 3;
        for (size_t i = 0; i < n; i++)
            draw_item(p, &d, screen, p->active[i]);
        draw_total(p, &d, screen);
    }
    show(&d);
}

void bars_erase(struct progress *p)
{
    struct drawing d = {.length = 0};

    draw_erasure(p, &d, screen_size());
    show(&d);
}
