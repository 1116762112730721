/*
 * File names from URLs: the last part of the path, %XX decoded, made harmless; "index.html" if
 * there is none. A name that another URL has taken gets .1, .2, … appended.
 */
#include "items.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Leaves room for a number within the 255 bytes that file systems allow. */
enum { NAME_BYTES = 240 };

struct claim {
    unsigned next; /* the number to try for the next URL of this name */
    char name[];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the byte at *p, decoded, and advances *p. */
static unsigned char next_byte(const char **p)
{
    const char *s = *p;

    if (s[0] == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
        *p += 3;
        return (unsigned char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
    }
    *p += 1;
    return (unsigned char)*s;
}

/* Writes the part between the last slash of the path and the query. */
static void base_name(const char *url, char name[NAME_BYTES + 1])
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host + strcspn(host, "?#");
    const char *start = end;
    size_t n = 0;

    while (start > host && start[-1] != '/')
        start--;
    if (start == host) /* no slash after the host: no path */
        start = end;
    while (start < end && n < NAME_BYTES) {
        unsigned char c = next_byte(&start);

        name[n++] = c == '/' || c < ' ' || c == 0x7f ? '_' : (char)c;
    }
    name[n] = '\0';
    if (n == 0)
        strcpy(name, "index.html");
    else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        memset(name, '_', n);
}

static int compare_claims(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

/* Claims @name. Returns the claim and sets *ret_new if it is a new one; NULL when memory is
 * short. */
static struct claim *claim(void **tree, const char *name, bool *ret_new)
{
    size_t length = strlen(name);
    struct claim *mine = malloc(sizeof *mine + length + 1);
    struct claim **found;

    if (!mine)
        return NULL;
    mine->next = 1;
    memcpy(mine->name, name, length + 1);
    found = tsearch(mine, tree, compare_claims);
    *ret_new = found && *found == mine;
    if (!*ret_new)
        free(mine);
    return found ? *found : NULL;
}

static int name_file(void **tree, struct item *item)
{
    char base[NAME_BYTES + 1], name[NAME_BYTES + 13];
    struct claim *first;
    bool is_new;

    base_name(item->url, base);
    first = claim(tree, base, &is_new);
    if (!first)
        return -ENOMEM;
    strcpy(name, base);
    while (!is_new) {
        snprintf(name, sizeof name, "%s.%u", base, first->next++);
        if (!claim(tree, name, &is_new))
            return -ENOMEM;
    }
    item->file = strdup(name);
    return item->file ? 0 : -ENOMEM;
}

int item_list_name_files(struct item_list *list)
{
    void *tree = NULL;
    int status = 0;

    for (size_t i = 0; i < list->n && status >= 0; i++)
        if (!list->items[i].file && list->items[i].state == ITEM_WAITING)
            status = name_file(&tree, &list->items[i]);
    tdestroy(tree, free);
    return status;
}
