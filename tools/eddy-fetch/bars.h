/* Progress bars at the bottom of a terminal on standard error. */
#ifndef BARS_H
#define BARS_H

#include "progress.h"

/* Returns true if standard error is a terminal that can move its cursor. */
bool bars_possible(void);

/* Draws a bar for each of the oldest URLs in progress, and a line for the whole, over the previous
 * drawing. */
void bars_draw(struct progress *p);

/* Removes the bars from the screen; the cursor stands where they began. */
void bars_erase(struct progress *p);

#endif
