/* File names that eddy-fetch makes of URLs: whatever an URL says, they stay in the directory, and
 * differ. */
#include "fuzz.h"

#include "items.h"

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check(struct item_list *list)
{
    char **names = malloc((list->n + 1) * sizeof *names);

    for (size_t i = 0; i < list->n; i++) {
        names[i] = list->items[i].file;
        FUZZ_CHECK(*names[i] && strlen(names[i]) <= 255 && !strchr(names[i], '/'));
        FUZZ_CHECK(strcmp(names[i], ".") != 0 && strcmp(names[i], "..") != 0);
        for (const char *c = names[i]; *c; c++)
            FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
    }
    qsort(names, list->n, sizeof *names, compare);
    for (size_t i = 1; i < list->n; i++)
        FUZZ_CHECK(strcmp(names[i - 1], names[i]) != 0);
    free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    struct item_list list = {0};

    while (in.n > 0 && list.n < 40) {
        char *rest = fuzz_string(&in, 600, NULL), *url = NULL;

        if (asprintf(&url, "http://%s", rest) < 0)
            abort();
        (void)item_list_add(&list, url);
        free(rest);
        free(url);
    }
    FUZZ_CHECK(item_list_name_files(&list) == 0);
    check(&list);
    for (size_t i = 0; i < list.n; i++) {
        const char *shown = list.items[i].shown, *at = strstr(list.items[i].url, "://") + 3;
        const char *authority = strndupa(at, strcspn(at, "/?#")), *host = strrchr(authority, '@');

        /* The text between the first colon and the last @ of the authority is not shown. */
        if (host && strchr(authority, ':') && strchr(authority, ':') < host)
            FUZZ_CHECK(strstr(shown, ":***@"));
    }
    item_list_free(&list);
    return 0;
}
