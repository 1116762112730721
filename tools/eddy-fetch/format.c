/* Numbers and texts for people and terminals. */
#include "format.h"

#include <stdio.h>
#include <string.h>

const char *format_bytes(char buf[BYTES_TEXT], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    /* 1023.95 would be printed as 1024.0 */
    while (value >= (unit ? 1023.95 : 1024)) {
        value /= 1024;
        unit++;
    }
    snprintf(buf, BYTES_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buf;
}

const char *format_clipped(char *buf, const char *text, size_t columns)
{
    size_t length = strlen(text);
    size_t n = length < columns ? length : columns;

    for (size_t i = 0; i < n; i++)
        buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    if (n < length && n >= 3)
        memcpy(buf + n - 3, "...", 3);
    buf[n] = '\0';
    return buf;
}
