/*
 * The URLs to fetch, in order, each with its outcome.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum item_state { ITEM_WAITING, ITEM_RUNNING, ITEM_DONE, ITEM_FAILED, ITEM_CANCELLED };

struct item {
    char *url;
    char *shown; /* the URL with "***" for its password, for printing */
    char *file;  /* where the body goes: "-" is standard output; NULL if it is not kept */
    enum item_state state;
    long http_status;  /* of the latest answer; 0 if there was none */
    uint64_t bytes;    /* of the body, in the latest attempt */
    uint64_t expected; /* the length that the server promised; 0: none */
    double started;    /* on the loop's clock */
    double seconds;    /* from @started to the end, with all attempts */
    unsigned attempts;
    char *error;       /* one line; NULL unless failed or cancelled, or memory is short */
    struct host *host; /* see hosts.h, also for the next item that waits for the same host */
    size_t next_of_host;
};

struct item_list {
    struct item *items;
    size_t n, size;
};

/*
 * Appends a URL. Returns 0, -ENOMEM, or -EINVAL if it is no http or https URL.
 */
int item_list_add(struct item_list *list, const char *url);

/* Prints to standard error why a URL was refused. @where is its place, "" or with ": " at its
 * end. */
void item_tell_refused(const char *where, const char *url, int status);

/*
 * Appends the URLs of a text file, one per line ("-": standard input). Blank lines and lines that
 * begin with # are skipped. A line that is no URL is printed to standard error with its place, and
 * appended as an item that has failed. Returns 0, or a negative status after printing why the file
 * cannot be read.
 */
int item_list_read(struct item_list *list, const char *path);

/*
 * Gives each item without one a file name, made from the path of its URL; all these names differ.
 * Returns 0 or -ENOMEM.
 */
int item_list_name_files(struct item_list *list);

/*
 * Returns a copy of @text with "***" for the password; the caller owns it. The password of a URL
 * lies between the first colon and the last @ of its authority; in a text that is no valid URL
 * (@valid is false), between the first colon of what may be an authority and the last @. NULL when
 * memory is short.
 */
char *item_hide_password(const char *text, bool valid);

/* Returns the text to print for an item that has an error. */
const char *item_error(const struct item *item);

/* Returns how many items are in @state. */
size_t item_list_count(const struct item_list *list, enum item_state state);

void item_list_free(struct item_list *list);

#endif
