#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Characters that are invisible, or that move others: Unicode's Cf, Zl and Zp, and those drawn as
 * nothing. In order. */
static const struct range {
    uint32_t first, last;
} hidden[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
    {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
    {0x890, 0x891},     {0x8e2, 0x8e2},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0xfffe, 0xffff},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static bool is_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0] && hidden[i].first <= c; i++)
        if (c <= hidden[i].last)
            return true;
    return false;
}

/* Returns the number of bytes of the character at @s; 0: it is not UTF-8, by RFC 3629. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *s < 0x80 ? 1 : *s < 0xc0 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf8 ? 4 : 0;
    uint32_t c = size == 1 ? *s : *s & (0x7fu >> size);

    if (size == 0 || size > n)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    *ret = c;
    return c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : size;
}

/* Writes an escape, "\x9b", "\u202e" or "\U000e0041", and returns its length. */
static size_t escape(char kind, uint32_t number, unsigned digits, char buf[12])
{
    buf[0] = '\\';
    buf[1] = kind;
    for (unsigned i = 0; i < digits; i++)
        buf[2 + i] = "0123456789abcdef"[number >> 4 * (digits - 1 - i) & 0xf];
    return 2 + digits;
}

/* Writes the output for the next character of the text. Returns the number of bytes read. */
static size_t take(const char *text, size_t n, char piece[12], size_t *ret_size)
{
    uint32_t c;
    size_t bytes = decode((const unsigned char *)text, n, &c);

    if (bytes == 0) {
        *ret_size = escape('x', (unsigned char)*text, 2, piece);
        return 1;
    }
    if (!is_hidden(c)) {
        memcpy(piece, text, bytes);
        *ret_size = bytes;
    } else {
        *ret_size = c < 0x80      ? escape('x', c, 2, piece)
                    : c < 0x10000 ? escape('u', c, 4, piece)
                                  : escape('U', c, 8, piece);
    }
    return bytes;
}

size_t eddyi_printable(const char *text, size_t n, char *buf, size_t size)
{
    size_t length = 0;

    while (n > 0 && *text) {
        char piece[12];
        size_t piece_size, bytes = take(text, n, piece, &piece_size);

        if (length + piece_size >= size)
            break;
        memcpy(buf + length, piece, piece_size);
        length += piece_size;
        text += bytes;
        n -= bytes;
    }
    if (size > 0)
        buf[length] = '\0';
    return length;
}
