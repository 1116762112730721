/* Numbers and texts for people and terminals. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Formats a size: "17 B", "1.2 KiB", "34.5 MiB", at most 10 characters. Returns @buf. */
enum { BYTES_TEXT = 24 };
const char *format_bytes(char buf[BYTES_TEXT], uint64_t bytes);

/*
 * Copies @text, with ? for everything that is not printable ASCII, cut to @columns characters (with
 * ... in place of the rest if there is room). @buf has room for @columns + 1 bytes. Returns @buf.
 */
const char *format_clipped(char *buf, const char *text, size_t columns);

#endif
