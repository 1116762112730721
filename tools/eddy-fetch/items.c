/* The list of URLs: filling it from the command line and from files. */
#include "items.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int check_url(const char *url)
{
    CURLU *parsed;
    CURLUcode code;

    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        return -EINVAL;
    parsed = curl_url();
    if (!parsed)
        return -ENOMEM;
    code = curl_url_set(parsed, CURLUPART_URL, url, 0);
    curl_url_cleanup(parsed);
    if (code == CURLUE_OUT_OF_MEMORY)
        return -ENOMEM;
    return code == CURLUE_OK ? 0 : -EINVAL;
}

static int make_room(struct item_list *list)
{
    size_t size = list->size ? 2 * list->size : 64;
    struct item *items;

    if (list->n < list->size)
        return 0;
    items = realloc(list->items, size * sizeof *items);
    if (!items)
        return -ENOMEM;
    list->items = items;
    list->size = size;
    return 0;
}

char *item_hide_password(const char *text, bool valid)
{
    const char *scheme = strstr(text, "://"), *start = scheme ? scheme + 3 : text;
    size_t n = valid ? strcspn(start, "/?#") : strlen(start);
    const char *at = memrchr(start, '@', n), *colon = memchr(start, ':', n);
    char *hidden = NULL;

    if (!at || !colon || colon > at)
        return strdup(text);
    return asprintf(&hidden, "%.*s***%s", (int)(colon + 1 - text), text, at) < 0 ? NULL : hidden;
}

/* Appends an item, which has failed already if there is an @error. */
static int append(struct item_list *list, const char *url, const char *error)
{
    struct item item = {.state = error ? ITEM_FAILED : ITEM_WAITING};

    if (make_room(list) < 0)
        return -ENOMEM;
    item.url = strdup(url);
    item.shown = item_hide_password(url, !error);
    item.error = error ? strdup(error) : NULL;
    if (!item.url || !item.shown || (error && !item.error)) {
        free(item.url);
        free(item.shown);
        free(item.error);
        return -ENOMEM;
    }
    list->items[list->n++] = item;
    return 0;
}

int item_list_add(struct item_list *list, const char *url)
{
    int status = check_url(url);

    return status < 0 ? status : append(list, url, NULL);
}

void item_tell_refused(const char *where, const char *url, int status)
{
    char *shown = item_hide_password(url, false);

    fprintf(stderr, "eddy-fetch: %s%s: %s\n", where,
            status == -EINVAL ? "not an http or https URL" : strerror(-status), shown ? shown : "");
    free(shown);
}

/* Cuts white space, carriage returns included, off both ends. */
static char *trim(char *line, size_t length)
{
    static const char white[] = " \t\r\n";

    while (length > 0 && strchr(white, line[length - 1]))
        line[--length] = '\0';
    return line + strspn(line, white);
}

static int add_line(struct item_list *list, char *line, size_t length, const char *path,
                    size_t number)
{
    char where[PATH_MAX + 24];
    const char *url;
    int status;

    snprintf(where, sizeof where, "%s:%zu: ", path, number);
    if (strlen(line) != length) {
        fprintf(stderr, "eddy-fetch: %sa zero byte in the line\n", where);
        return append(list, line, "a zero byte in the line");
    }
    url = trim(line, length);
    if (!*url || *url == '#')
        return 0;
    status = item_list_add(list, url);
    if (status < 0)
        item_tell_refused(where, url, status);
    return status == -EINVAL ? append(list, url, "not an http or https URL") : status;
}

static int read_lines(struct item_list *list, FILE *file, const char *path)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    int status = 0;

    for (size_t number = 1; status >= 0; number++) {
        errno = 0;
        length = getline(&line, &size, file);
        if (length < 0)
            break;
        status = add_line(list, line, (size_t)length, path, number);
    }
    if (status >= 0 && !feof(file)) {
        status = errno ? -errno : -EIO;
        fprintf(stderr, "eddy-fetch: %s: %s\n", path, strerror(-status));
    }
    free(line);
    return status;
}

int item_list_read(struct item_list *list, const char *path)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "re");
    int status;

    if (!file) {
        status = -errno;
        fprintf(stderr, "eddy-fetch: %s: %s\n", path, strerror(-status));
        return status;
    }
    status = read_lines(list, file, standard_input ? "standard input" : path);
    if (!standard_input)
        fclose(file);
    return status;
}

const char *item_error(const struct item *item)
{
    switch (item->state) {
    case ITEM_WAITING:
        return "not started";
    case ITEM_CANCELLED:
        return "cancelled";
    case ITEM_FAILED:
        return item->error ? item->error : "out of memory";
    default:
        return "-";
    }
}

size_t item_list_count(const struct item_list *list, enum item_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += list->items[i].state == state;
    return n;
}

void item_list_free(struct item_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].url);
        free(list->items[i].shown);
        free(list->items[i].file);
        free(list->items[i].error);
    }
    free(list->items);
    *list = (struct item_list){0};
}
