/*
 * The results as one JSON document. URLs and file names are bytes, and JSON is UTF-8: each byte
 * that is not UTF-8 becomes U+FFFD, so that every parser accepts the document.
 */
#include "report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Returns the length of the UTF-8 character at @s, or 0 if it is none (overlong forms and
 * surrogates included). */
static size_t utf8_length(const unsigned char *s)
{
    static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80         ? 1
               : (s[0] >> 5) == 6  ? 2
               : (s[0] >> 4) == 14 ? 3
               : (s[0] >> 3) == 30 ? 4
                                   : 0;
    unsigned code;

    if (n <= 1)
        return n;
    code = s[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

static void put_characters(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        size_t n = utf8_length(s);

        if (n == 0)
            fputs("\\ufffd", stdout);
        else if (*s == '"' || *s == '\\')
            printf("\\%c", *s);
        else if (*s < ' ')
            printf("\\u%04x", *s);
        else
            fwrite(s, 1, n, stdout);
        s += n ? n : 1;
    }
}

static void put_string(const char *text)
{
    putchar('"');
    put_characters(text);
    putchar('"');
}

static const char *state_name(enum item_state state)
{
    switch (state) {
    case ITEM_DONE:
        return "ok";
    case ITEM_FAILED:
        return "failed";
    case ITEM_WAITING:
        return "not started";
    default:
        return "cancelled";
    }
}

static void put_file(const struct item *item, const char *output_dir)
{
    if (item->state != ITEM_DONE || !item->file) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    if (output_dir && *item->file != '/') {
        put_characters(output_dir);
        putchar('/');
    }
    put_characters(item->file);
    putchar('"');
}

static void put_item(const struct item *item, const char *output_dir)
{
    fputs("{\"url\": ", stdout);
    put_string(item->shown);
    printf(", \"state\": \"%s\", \"ok\": %s, \"status\": ", state_name(item->state),
           item->state == ITEM_DONE ? "true" : "false");
    if (item->http_status)
        printf("%ld", item->http_status);
    else
        fputs("null", stdout);
    printf(", \"bytes\": %llu, \"seconds\": %.6f, \"attempts\": %u, \"file\": ",
           (unsigned long long)item->bytes, item->seconds, item->attempts);
    put_file(item, output_dir);
    fputs(", \"error\": ", stdout);
    if (item->state == ITEM_DONE)
        fputs("null", stdout);
    else
        put_string(item_error(item));
    putchar('}');
}

void report_json(const struct item_list *list, const struct totals *t, const char *output_dir)
{
    fputs("{\n  \"results\": [\n", stdout);
    for (size_t i = 0; i < list->n; i++) {
        fputs("    ", stdout);
        put_item(&list->items[i], output_dir);
        fputs(i + 1 < list->n ? ",\n" : "\n", stdout);
    }
    printf("  ],\n  \"ok\": %zu,\n  \"failed\": %zu,\n  \"cancelled\": %zu,\n  \"bytes\": %llu,\n"
           "  \"seconds\": %.6f,\n  \"summed_seconds\": %.6f\n}\n",
           t->n_ok, t->n_failed, t->n_cancelled, (unsigned long long)t->bytes, t->seconds,
           t->summed_seconds);
}

void report_line(const struct item *item, const char *output_dir)
{
    put_item(item, output_dir);
    putchar('\n');
    fflush(stdout);
}

void report_rest(const struct item_list *list, const char *output_dir)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].attempts == 0)
            report_line(&list->items[i], output_dir);
}
