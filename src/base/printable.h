/*
 * Text from elsewhere, made fit for a terminal.
 */
#ifndef EDDYI_PRINTABLE_H
#define EDDYI_PRINTABLE_H

#include <stddef.h>

/*
 * Copies @n bytes of text, up to a zero and as far as there is room, and ends them with a zero.
 * What may do more to a terminal, or to whoever reads it, than stand there is written as an escape:
 * control characters, those that change the direction of what follows or are not seen ("\u202e"),
 * and bytes that are not UTF-8 ("\x9b"). No character and no escape is cut. Returns the length. May
 * be called from a signal handler.
 */
size_t eddyi_printable(const char *text, size_t n, char *buf, size_t size);

#endif
