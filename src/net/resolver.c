#include "net/resolver.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "io/io.h"

#include <ctype.h>
#include <string.h>

static void close_part(struct eddyi_loop_part *part)
{
    struct eddyi_resolver *r = eddyi_container(part, struct eddyi_resolver, part);

    eddyi_cares_close(r);
    eddyi_system_close(r);
    eddyi_free(r->servers);
    eddyi_free(r);
}

/* The sockets of c-ares must be given up before the operations that they have: so the part of those is older. */
struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {.size = sizeof(struct eddyi_resolver), .close = close_part};
    struct eddyi_resolver *r = eddyi_io_of(loop) ? eddyi_loop_part(loop, &kind) : NULL;

    if (!r)
        eddy_raise(-ENOMEM, NULL);
    return r;
}

/* The next word of a line; false at its end. A comment ends it. */
static bool next_word(const char **at, const char *end, const char **word, size_t *length)
{
    const char *p = *at;

    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *word = p;
    while (p < end && *p != ' ' && *p != '\t' && *p != '\n' && *p != '#')
        p++;
    *length = (size_t)(p - *word);
    *at = p;
    return *length > 0;
}

static bool is(const char *word, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(word, text, length) == 0;
}

/* What comes before "dns" is asked first, so all of it must be known here; an action, "[…]", says when to stop. */
static bool line_needs_system(const char *at, const char *end)
{
    const char *word;
    size_t length;

    while (next_word(&at, end, &word, &length)) {
        if (is(word, length, "dns"))
            return false;
        if (!is(word, length, "files"))
            return true;
    }
    return false;
}

bool eddyi_nsswitch_needs_system(const char *text, size_t size)
{
    const char *end = text + size, *line = text;

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *at = line, *word;
        const char *line_end = newline ? newline : end;
        size_t length;

        if (next_word(&at, line_end, &word, &length) && length >= 6 && memcmp(word, "hosts:", 6) == 0)
            return line_needs_system(word + 6, line_end);
        line = line_end + 1;
    }
    return false; /* as the C library has it where nothing is said: the files, then name servers */
}

static bool nsswitch_needs_system(void)
{
    const void *text;
    size_t size;
    bool needs;

    if (eddyi_sys_map_file("/etc/nsswitch.conf", &text, &size) < 0)
        return false;
    needs = eddyi_nsswitch_needs_system(text, size);
    eddyi_sys_unmap((void *)(uintptr_t)text, size);
    return needs;
}

/* Without descriptors, as under the virtual clock, only threads are left. */
static bool needs_system(const struct eddyi_resolver *r)
{
    const char *wanted = getenv("EDDY_RESOLVER");

    if (r->part.loop->backend->ops == &eddyi_backend_virtual)
        return true;
    if (wanted && *wanted)
        return strcmp(wanted, "system") == 0;
    return nsswitch_needs_system();
}

bool eddyi_resolver_is_system(struct eddyi_resolver *r)
{
    if (!eddyi_has_cares || r->choice == EDDY_RESOLVER_SYSTEM)
        return true;
    if (r->choice == EDDY_RESOLVER_CARES || r->servers)
        return false;
    if (!r->looked) {
        r->needs_system = needs_system(r);
        r->looked = true;
    }
    return r->needs_system;
}

/* The resolver, and 0, for the functions that set something up. */
static int set_up(eddy_loop *loop, struct eddyi_resolver **ret)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    *ret = eddyi_resolver_of(loop);
    return *ret ? 0 : -ENOMEM;
}

int eddy_loop_set_resolver(eddy_loop *loop, eddy_resolver resolver)
{
    struct eddyi_resolver *r;
    int rc = set_up(loop, &r);

    if (rc < 0)
        return rc;
    if (resolver == EDDY_RESOLVER_CARES && !eddyi_has_cares)
        return eddy_raise(-EOPNOTSUPP, "eddy was built without c-ares");
    r->choice = resolver;
    return 0;
}

const char *eddy_loop_resolver_name(eddy_loop *loop)
{
    struct eddyi_resolver *r;

    return set_up(loop, &r) == 0 && !eddyi_resolver_is_system(r) ? "c-ares" : "system";
}

int eddy_loop_set_nameservers(eddy_loop *loop, const char *servers)
{
    struct eddyi_resolver *r;
    char *before, *copy = NULL;
    int rc = set_up(loop, &r);

    if (rc < 0)
        return rc;
    if (!eddyi_has_cares)
        return eddy_raise(-EOPNOTSUPP, "eddy was built without c-ares");
    if (servers) {
        copy = eddyi_strdup(servers);
        if (!copy)
            return eddy_raise(-ENOMEM, NULL);
    }
    before = r->servers;
    r->servers = copy;
    eddyi_cares_close(r);
    rc = eddyi_cares_open(r);
    if (rc < 0) {
        r->servers = before;
        before = copy;
    } else if (r->choice == EDDY_RESOLVER_SYSTEM) {
        r->choice = EDDY_RESOLVER_AUTO;
    }
    eddyi_free(before);
    return rc;
}
