/*
 * The hosts file as two hash tables, by name and by address. Chains of names are in the order of
 * the file.
 *
 *     by_name[hash] ──► name ──► next name with that hash ──► …        each has its line
 *     by_address[hash] ──► line ──► next line with that hash ──► …     each has its first name
 */
#include "net/dns_hosts.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "net/lookup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const uint32_t NONE = UINT32_MAX;

/* Bytes beyond this are ignored: offsets have 32 bits. */
static const size_t LONGEST = UINT32_MAX / 2;

struct line {
    unsigned char bytes[16]; /* the address; the first 4 for IPv4 */
    uint32_t scope;
    uint32_t family;
    uint32_t first; /* name */
    uint32_t next;  /* line, in the chain of its address */
};

struct name {
    uint32_t text; /* offset */
    uint32_t line;
    uint32_t next; /* name, in the chain of its hash */
};

struct eddyi_hosts {
    char *text; /* owned; each name is 0-terminated */
    struct line *lines;
    struct name *names;
    uint32_t *by_name, *by_address; /* heads of chains */
    uint32_t n_lines, n_names, mask;
};

static size_t address_size(uint32_t family)
{
    return family == AF_INET6 ? 16 : 4;
}

static uint32_t hash_bytes(const void *data, size_t size, bool fold)
{
    const unsigned char *p = data;
    uint32_t hash = 2166136261u;

    while (size-- > 0) {
        hash = (hash ^ (fold ? (unsigned)tolower(*p) : *p)) * 16777619u;
        p++;
    }
    return hash ^ hash >> 15;
}

static const void *bytes_of(const union eddyi_address *a)
{
    return a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr;
}

static uint32_t line_of_address(const struct eddyi_hosts *h, const void *bytes, uint32_t family)
{
    size_t size = address_size(family);
    uint32_t i = h->by_address[hash_bytes(bytes, size, false) & h->mask];

    while (i != NONE &&
           (h->lines[i].family != family || memcmp(h->lines[i].bytes, bytes, size) != 0))
        i = h->lines[i].next;
    return i;
}

/* Enters a line unless an earlier one has the same address. */
static void enter_address(struct eddyi_hosts *h, uint32_t i)
{
    struct line *l = &h->lines[i];
    uint32_t *head = &h->by_address[hash_bytes(l->bytes, address_size(l->family), false) & h->mask];

    if (line_of_address(h, l->bytes, l->family) != NONE)
        return;
    l->next = *head;
    *head = i;
}

/* Enters names from last to first, so that chains are in the order of the file. */
static void enter_names(struct eddyi_hosts *h)
{
    for (uint32_t i = h->n_names; i-- > 0;) {
        const char *text = h->text + h->names[i].text;
        uint32_t *head = &h->by_name[hash_bytes(text, strlen(text), true) & h->mask];

        h->names[i].next = *head;
        *head = i;
    }
}

static char *next_word(char **at)
{
    char *word;

    do
        word = strsep(at, " \t\r");
    while (word && !*word);
    return word;
}

/* Reads a 0-terminated line. */
static void read_line(struct eddyi_hosts *h, char *at)
{
    struct line *l = &h->lines[h->n_lines];
    char *word = next_word(&at);
    union eddyi_address a;

    if (!word || eddyi_address_parse(word, &a) != 1)
        return;
    l->family = a.sa.sa_family;
    l->scope = l->family == AF_INET6 ? a.in6.sin6_scope_id : 0;
    l->first = h->n_names;
    l->next = NONE;
    memcpy(l->bytes, bytes_of(&a), address_size(l->family));
    while ((word = next_word(&at)) != NULL)
        h->names[h->n_names++] =
            (struct name){.text = (uint32_t)(word - h->text), .line = h->n_lines};
    if (h->n_names > l->first)
        enter_address(h, h->n_lines++);
}

static void read_lines(struct eddyi_hosts *h, size_t size)
{
    char *end = h->text + size;

    for (char *at = h->text; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        char *comment = memchr(at, '#', (size_t)(line_end - at));

        *line_end = '\0';
        if (comment)
            *comment = '\0';
        read_line(h, at);
        at = line_end + 1;
    }
}

/* Counts lines and words: upper bounds for lines with addresses, and for names. */
static void count(const char *text, size_t size, size_t *ret_lines, size_t *ret_words)
{
    size_t lines = 1, words = 0;
    bool in_word = false;

    for (size_t i = 0; i < size; i++) {
        bool is_space = text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r';

        lines += text[i] == '\n';
        words += !is_space && !in_word;
        in_word = !is_space;
    }
    *ret_lines = lines;
    *ret_words = words + 1;
}

static bool allocate(struct eddyi_hosts *h, size_t lines, size_t names)
{
    size_t heads = 16;

    while (heads < names)
        heads *= 2;
    h->mask = (uint32_t)(heads - 1);
    h->lines = eddyi_alloc(lines * sizeof *h->lines);
    h->names = eddyi_alloc(names * sizeof *h->names);
    h->by_name = eddyi_alloc(heads * sizeof *h->by_name);
    h->by_address = eddyi_alloc(heads * sizeof *h->by_address);
    if (!h->lines || !h->names || !h->by_name || !h->by_address)
        return false;
    memset(h->by_name, 0xff, heads * sizeof *h->by_name);
    memset(h->by_address, 0xff, heads * sizeof *h->by_address);
    return true;
}

struct eddyi_hosts *eddyi_hosts_new(char *text, size_t size)
{
    struct eddyi_hosts *h = eddyi_zalloc(sizeof *h);
    size_t lines, words;

    if (!h) {
        eddyi_free(text);
        return NULL;
    }
    h->text = text;
    size = size < LONGEST ? size : LONGEST;
    count(text, size, &lines, &words);
    if (!allocate(h, lines, words)) {
        eddyi_hosts_free(h);
        return NULL;
    }
    read_lines(h, size);
    enter_names(h);
    return h;
}

void eddyi_hosts_free(void *table)
{
    struct eddyi_hosts *h = table;

    if (!h)
        return;
    eddyi_free(h->text);
    eddyi_free(h->lines);
    eddyi_free(h->names);
    eddyi_free(h->by_name);
    eddyi_free(h->by_address);
    eddyi_free(h);
}

static void give(const struct line *l, union eddyi_address *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->sa.sa_family = (sa_family_t)l->family;
    memcpy((void *)(uintptr_t)bytes_of(ret), l->bytes, address_size(l->family));
    if (l->family == AF_INET6)
        ret->in6.sin6_scope_id = l->scope;
}

/* Compares with a name of which @length bytes count: without a final dot. */
static bool same_name(const char *ours, const char *name, size_t length)
{
    return strncasecmp(ours, name, length) == 0 && ours[length] == '\0';
}

size_t eddyi_hosts_find(const struct eddyi_hosts *h, const char *name, int family,
                        union eddyi_address *ret, size_t max, const char **ret_canonname)
{
    size_t length = strlen(name), n = 0;
    uint32_t i;

    length -= length > 0 && name[length - 1] == '.';
    i = h->by_name[hash_bytes(name, length, true) & h->mask];
    for (; i != NONE && n < max; i = h->names[i].next) {
        const struct line *l = &h->lines[h->names[i].line];

        if ((family != AF_UNSPEC && l->family != (uint32_t)family) ||
            !same_name(h->text + h->names[i].text, name, length))
            continue;
        if (n == 0)
            *ret_canonname = h->text + h->names[l->first].text;
        give(l, &ret[n++]);
    }
    return n;
}

const char *eddyi_hosts_name(const struct eddyi_hosts *h, const union eddyi_address *a)
{
    uint32_t i = line_of_address(h, bytes_of(a), a->sa.sa_family);

    return i == NONE ? NULL : h->text + h->names[h->lines[i].first].text;
}

/* The table of a resolver: read again when the file has changed. */

/* Larger hosts files are read in a thread; one of this size takes half a millisecond. */
enum { LONG_FILE = 64 * 1024 };

/* A read of the hosts file in a thread, and the lookups that wait for it. */
struct eddyi_hosts_load {
    struct eddyi_resolver *resolver;
    eddy_future *future; /* of the job; owned */
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct eddyi_file_stamp stamp; /* taken before the read began */
    struct eddyi_list waiting;     /* of struct eddyi_lookup */
};

static void end_load(struct eddyi_hosts_load *l)
{
    l->resolver->load = NULL;
    eddyi_hook_remove(&l->hook);
    eddyi_ready_cancel(&l->ready);
    eddy_future_unref(l->future);
    eddyi_free(l);
}

/*
 * Reads the table. A file that does not exist or may not be read counts as empty. NULL with a
 * raised error.
 */
static struct eddyi_hosts *read_hosts(const char *path)
{
    struct eddyi_hosts *h;
    char *text = NULL;
    size_t size = 0;
    int rc = eddyi_sys_read_file(path, &text, &size);

    if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EIO) {
        eddy_raise(rc, "read %s", path);
        return NULL;
    }
    if (rc < 0)
        text = eddyi_strdup("");
    h = text ? eddyi_hosts_new(text, size) : NULL;
    if (!h)
        eddy_raise(-ENOMEM, NULL);
    return h;
}

static int read_in_thread(void *path)
{
    struct eddyi_hosts *h = read_hosts(path);

    return h ? eddy_return(h) : eddy_exception_code(eddy_error());
}

static void install(struct eddyi_resolver *r, struct eddyi_hosts *h,
                    const struct eddyi_file_stamp *stamp)
{
    eddyi_hosts_free(r->hosts);
    r->hosts = h;
    r->hosts_stamp = *stamp;
}

/* Takes the result of the job and wakes the lookups, which raise an error of it. */
static void loaded(struct eddyi_ready *ready)
{
    struct eddyi_hosts_load *l = eddyi_container(ready, struct eddyi_hosts_load, ready);
    eddy_future *f = l->future;
    struct eddyi_list *next;

    f->unretrieved = false;
    if (f->status == 0)
        install(l->resolver, eddyi_future_take(f), &l->stamp);
    while ((next = eddyi_list_pop(&l->waiting))) {
        struct eddyi_lookup *lookup = eddyi_container(next, struct eddyi_lookup, waiting);

        lookup->hosts_error = f->status;
        eddyi_lookup_wake(lookup);
    }
    end_load(l);
}

static int begin_load(struct eddyi_resolver *r, const struct eddyi_file_stamp *stamp)
{
    struct eddyi_hosts_load *l = eddyi_zalloc(sizeof *l);
    eddy_executor *threads = l ? eddyi_resolver_threads(r) : NULL;
    const eddy_job job = {.fn = read_in_thread,
                          .name = "read hosts",
                          .arg = (void *)(uintptr_t)r->files.hosts,
                          .size = strlen(r->files.hosts) + 1,
                          .drop_value = eddyi_hosts_free};

    if (!l)
        return eddy_raise(-ENOMEM, NULL);
    l->future = threads ? eddy_loop_run_in_executor_with(r->part.loop, threads, &job) : NULL;
    if (!l->future) {
        eddyi_free(l);
        return eddy_exception_code(eddy_error());
    }
    l->resolver = r;
    l->stamp = *stamp;
    eddyi_ready_init(&l->ready, loaded);
    eddyi_hook_init(&l->hook);
    eddyi_list_init(&l->waiting);
    eddyi_future_hook(l->future, &l->hook, &l->ready);
    r->load = l;
    return 0;
}

static int read_now(struct eddyi_resolver *r, const struct eddyi_file_stamp *stamp)
{
    struct eddyi_hosts *h = read_hosts(r->files.hosts);

    if (!h)
        return eddy_exception_code(eddy_error());
    install(r, h, stamp);
    return 0;
}

/*
 * Updates the table. A read under way may have begun before the latest change; then the second
 * round reads again.
 */
int eddyi_hosts_update(struct eddyi_lookup *l)
{
    struct eddyi_resolver *r = l->resolver;
    struct eddyi_file_stamp stamp;
    int rc = 0;

    if (l->hosts_error < 0)
        return eddy_raise(l->hosts_error, "read the hosts file");
    eddyi_sys_file_stamp(r->files.hosts, &stamp);
    if (l->n_reads == 2 || (r->hosts && eddyi_same_stamp(&stamp, &r->hosts_stamp)))
        return 0;
    if (!r->load && stamp.size <= LONG_FILE)
        return read_now(r, &stamp);
    if (!r->load)
        rc = begin_load(r, &stamp);
    if (rc < 0)
        return rc;
    l->n_reads++;
    eddyi_list_append(&r->load->waiting, &l->waiting);
    return EDDYI_LOOKUP_WAITS;
}

void eddyi_hosts_close(struct eddyi_resolver *r)
{
    if (r->load) {
        eddy_future_cancel(r->load->future, NULL);
        end_load(r->load);
    }
    eddyi_hosts_free(r->hosts);
}
