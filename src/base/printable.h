/*
 * Foreign text, made fit for a terminal.
 */
#ifndef EDDYI_PRINTABLE_H
#define EDDYI_PRINTABLE_H

#include <stddef.h>

/*
 * Copies @n bytes of text, up to a 0 and as far as there is room, and terminates them with a 0.
 * Characters that act on a terminal, or deceive its reader, are written as escapes: control
 * characters, characters that change the direction of the text or are invisible ("\u202e"), and
 * bytes that are not UTF-8 ("\x9b"). No character and no escape is cut. Returns the length. May be
 * called from a signal handler.
 */
size_t eddyi_printable(const char *text, size_t n, char *buf, size_t size);

#endif
