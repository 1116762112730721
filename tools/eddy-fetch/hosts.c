/* The hosts of the URLs, and their queue. */
#include "hosts.h"

#include <curl/curl.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct host {
    char *name;         /* with the port, and in lower case */
    size_t first, last; /* items that wait, linked by @next_of_host; SIZE_MAX: none */
    size_t running;
    bool queued;
    struct host *next;
};

static const size_t NONE = SIZE_MAX;

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

/* Returns "host:port" of a URL, which the caller owns, or NULL. */
static char *name_of(const char *url)
{
    CURLU *parsed = curl_url();
    char *host = NULL, *port = NULL, *name = NULL;

    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        name = malloc(strlen(host) + strlen(port) + 2);
        if (name)
            strcat(strcat(strcpy(name, host), ":"), port);
    }
    for (char *c = name; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c |= 0x20;
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parsed);
    return name;
}

static void enqueue(struct hosts *h, struct host *host)
{
    if (host->queued || host->first == NONE || host->running >= h->limit)
        return;
    host->queued = true;
    host->next = NULL;
    if (h->last)
        h->last->next = host;
    else
        h->first = host;
    h->last = host;
}

static void keep(void *node)
{
}

/* Returns the host of that name, a new one if there was none, and NULL without memory. */
static struct host *host_of(struct hosts *h, void **tree, const char *url)
{
    struct host *host = &h->hosts[h->n_hosts], **found;

    *host = (struct host){.name = name_of(url), .first = NONE, .last = NONE};
    found = host->name ? tsearch(host, tree, compare) : NULL;
    if (found && *found == host) {
        h->n_hosts++;
        return host;
    }
    free(host->name);
    return found ? *found : NULL;
}

/* Lets the item of that number wait for its host. */
static void append(struct hosts *h, struct host *host, size_t number)
{
    struct item *item = &h->items->items[number];

    item->host = host;
    item->next_of_host = NONE;
    if (host->first == NONE)
        host->first = number;
    else
        h->items->items[host->last].next_of_host = number;
    host->last = number;
}

/* Gives each item its host. */
static int sort(struct hosts *h)
{
    void *tree = NULL;
    int status = 0;

    for (size_t i = 0; i < h->items->n && status >= 0; i++) {
        const struct item *item = &h->items->items[i];
        struct host *host = item->state == ITEM_WAITING ? host_of(h, &tree, item->url) : NULL;

        if (host)
            append(h, host, i);
        else if (item->state == ITEM_WAITING)
            status = -ENOMEM;
    }
    tdestroy(tree, keep);
    return status;
}

int hosts_init(struct hosts *h, struct item_list *items, size_t limit)
{
    *h = (struct hosts){.items = items, .limit = limit};
    if (limit == 0)
        return 0;
    h->hosts = calloc(items->n, sizeof *h->hosts);
    if (!h->hosts || sort(h) < 0) {
        hosts_fini(h);
        return -ENOMEM;
    }
    for (size_t i = 0; i < h->n_hosts; i++)
        enqueue(h, &h->hosts[i]);
    return 0;
}

static struct item *next_of_list(struct hosts *h)
{
    while (h->next < h->items->n) {
        struct item *item = &h->items->items[h->next++];

        if (item->state == ITEM_WAITING)
            return item;
    }
    return NULL;
}

struct item *hosts_take(struct hosts *h)
{
    struct host *host = h->first;
    struct item *item;

    if (h->limit == 0)
        return next_of_list(h);
    if (!host)
        return NULL;
    h->first = host->next;
    if (!h->first)
        h->last = NULL;
    host->queued = false;
    item = &h->items->items[host->first];
    host->first = item->next_of_host;
    host->running++;
    enqueue(h, host);
    return item;
}

void hosts_end(struct hosts *h, const struct item *item)
{
    if (h->limit == 0)
        return;
    item->host->running--;
    enqueue(h, item->host);
}

void hosts_fini(struct hosts *h)
{
    for (size_t i = 0; i < h->n_hosts; i++)
        free(h->hosts[i].name);
    free(h->hosts);
    h->hosts = NULL;
    h->n_hosts = 0;
}
