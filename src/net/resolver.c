/*
 * The resolver of a loop, and its lookups.
 */
#include "net/resolver.h"

#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "io/io.h"
#include "net/lookup.h"
#include "task/task.h"

#include <string.h>

/* Each lookup has two sockets or more, and a process often has at most 1024 descriptors. */
enum { MAX_ASKING = 256 };

static void close_part(struct eddyi_loop_part *part)
{
    struct eddyi_resolver *r = eddyi_container(part, struct eddyi_resolver, part);

    while (!eddyi_list_empty(&r->all)) {
        struct eddyi_lookup *l = eddyi_container(r->all.next, struct eddyi_lookup, link);

        eddyi_lookup_end(l);
        l->result = eddy_raise(-ECANCELED, NULL);
        l->done(l);
    }
    eddyi_dns_close(r);
    eddyi_system_close(r);
    eddyi_free(r->servers);
    eddyi_free(r);
}

static void init_part(struct eddyi_loop_part *part)
{
    struct eddyi_resolver *r = eddyi_container(part, struct eddyi_resolver, part);

    r->files.nsswitch = "/etc/nsswitch.conf";
    r->files.resolv_conf = "/etc/resolv.conf";
    r->files.hosts = "/etc/hosts";
    r->max_asking = MAX_ASKING;
    eddyi_list_init(&r->all);
    eddyi_list_init(&r->queue);
    eddyi_list_init(&r->lookups);
    eddyi_nsswitch_order("", 0, r->order);
}

/*
 * Returns the resolver of a loop. Lookups must drop their sockets before the I/O part ends its
 * operations, so that part is created first.
 */
struct eddyi_resolver *eddyi_resolver_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {
        .size = sizeof(struct eddyi_resolver), .init = init_part, .close = close_part};
    struct eddyi_resolver *r = eddyi_io_of(loop) ? eddyi_loop_part(loop, &kind) : NULL;

    if (!r)
        eddy_raise(-ENOMEM, NULL);
    return r;
}

/* Takes the next word of a line. Returns false at its end or at a comment. */
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

/* Finds the sources on the first "hosts" line. False without one. */
static bool find_hosts(const char *text, size_t size, const char **ret, const char **ret_end)
{
    const char *end = text + size;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text)), *at = text, *word;
        const char *line_end = newline ? newline : end;
        size_t length;

        if (next_word(&at, line_end, &word, &length) && length >= 6 &&
            memcmp(word, "hosts:", 6) == 0) {
            *ret = word + 6;
            *ret_end = line_end;
            return true;
        }
        text = line_end + 1;
    }
    return false;
}

/* Returns true unless every source before "dns" is known here; an action, "[…]", is not. */
bool eddyi_nsswitch_needs_system(const char *text, size_t size)
{
    const char *at, *end, *word;
    size_t length;

    if (!find_hosts(text, size, &at, &end))
        return false;
    while (next_word(&at, end, &word, &length)) {
        if (is(word, length, "dns"))
            return false;
        if (!is(word, length, "files"))
            return true;
    }
    return false;
}

/* Writes the order of the sources; without a "hosts" line that of the C library, files and then
 * name servers. */
void eddyi_nsswitch_order(const char *text, size_t size, char ret[3])
{
    const char *at, *end, *word;
    size_t length, n = 0;

    if (!find_hosts(text, size, &at, &end)) {
        at = "files dns";
        end = at + strlen(at);
    }
    while (next_word(&at, end, &word, &length)) {
        char source = is(word, length, "files") ? 'f' : is(word, length, "dns") ? 'd' : '\0';

        if (source && n < 2 && (n == 0 || ret[0] != source))
            ret[n++] = source;
    }
    ret[n] = '\0';
}

/* Reads the file. False if that failed for now and should be tried again at the next lookup. */
static bool read_nsswitch(struct eddyi_resolver *r)
{
    char *text = NULL;
    size_t size = 0;
    int rc = eddyi_sys_read_file(r->files.nsswitch, &text, &size);

    r->needs_system = rc == 0 && eddyi_nsswitch_needs_system(text, size);
    eddyi_nsswitch_order(text ? text : "", size, r->order);
    eddyi_free(text);
    return rc == 0 || rc == -ENOENT || rc == -EACCES;
}

static void update_nsswitch(struct eddyi_resolver *r)
{
    struct eddyi_file_stamp stamp;

    eddyi_sys_file_stamp(r->files.nsswitch, &stamp);
    if (r->nsswitch_known && eddyi_same_stamp(&stamp, &r->nsswitch_stamp))
        return;
    r->nsswitch_known = read_nsswitch(r);
    r->nsswitch_stamp = stamp;
}

/* Returns true if the C library does the next lookup. Without descriptors, as on the virtual clock,
 * only threads remain. */
static bool is_system(struct eddyi_resolver *r)
{
    const char *wanted = secure_getenv("EDDY_RESOLVER");

    if (!eddyi_has_cares || r->choice == EDDY_RESOLVER_SYSTEM)
        return true;
    update_nsswitch(r);
    if (r->choice == EDDY_RESOLVER_CARES || r->servers)
        return false;
    if (eddyi_backend_is_virtual(r->part.loop->backend))
        return true;
    return wanted && *wanted ? strcmp(wanted, "system") == 0 : r->needs_system;
}

/* Checks the loop and returns its resolver in *ret, for functions that configure it. */
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

    return set_up(loop, &r) == 0 && !is_system(r) ? "c-ares" : "system";
}

int eddy_loop_set_nameservers(eddy_loop *loop, const char *servers)
{
    struct eddyi_resolver *r;
    int rc = set_up(loop, &r);

    if (rc == 0)
        rc = eddyi_dns_set_servers(r, servers);
    if (rc == 0 && r->choice == EDDY_RESOLVER_SYSTEM)
        r->choice = EDDY_RESOLVER_AUTO;
    return rc;
}

/* Lookups. */

/* Flags that only the C library implements. */
enum { SYSTEM_FLAGS = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN };

static void over(struct eddyi_lookup *l, int result)
{
    l->over = true;
    l->result = result;
    eddyi_list_remove(&l->link);
}

static void step(struct eddyi_ready *ready)
{
    struct eddyi_lookup *l = eddyi_container(ready, struct eddyi_lookup, step);
    int rc = l->go_on(l);

    if (rc == EDDYI_LOOKUP_WAITS)
        return;
    over(l, rc);
    l->done(l);
}

void eddyi_lookup_wake(struct eddyi_lookup *l)
{
    if (l->over && l->notice)
        l->notice(l);
    else if (!l->over && !l->loop->closed && eddyi_list_empty(&l->step.link))
        eddyi_loop_ready(l->loop, &l->step);
}

static void init(struct eddyi_lookup *l, eddy_loop *loop)
{
    l->loop = loop;
    l->query = (struct eddyi_query){0};
    l->address = NULL;
    l->done = NULL;
    l->over = l->pending = false;
    l->list = NULL;
    l->name = NULL;
    l->notice = NULL;
    l->resolver = NULL;
    l->job = NULL;
    eddyi_list_init(&l->link);
    eddyi_list_init(&l->waiting);
    eddyi_ready_init(&l->step, step);
    eddyi_hook_init(&l->hook);
    l->n_reads = 0;
    l->hosts_error = 0;
    l->asks = l->delay_over = false;
}

/* Begins to look up what is no literal. Returns as eddyi_lookup_begin() does. */
static bool begin(struct eddyi_lookup *l, bool system)
{
    struct eddyi_resolver *r = NULL;
    int rc = l->loop->closed ? eddy_raise(-ECANCELED, NULL) : 0;

    if (rc == 0)
        r = eddyi_resolver_of(l->loop);
    if (!r) {
        over(l, rc < 0 ? rc : -ENOMEM);
        return true;
    }
    l->resolver = r;
    system |= is_system(r);
    l->go_on = system ? eddyi_system_go_on : eddyi_dns_go_on;
    memcpy(l->sources, r->order, sizeof l->sources);
    l->source = l->sources;
    rc = l->go_on(l);
    if (rc == EDDYI_LOOKUP_WAITS)
        eddyi_list_append(&r->all, &l->link);
    else
        over(l, rc);
    return l->over;
}

bool eddyi_lookup_begin(struct eddyi_lookup *l, eddy_loop *loop, const char *host,
                        const char *service, const struct addrinfo *hints, int64_t delay)
{
    int rc;

    init(l, loop);
    l->delay = delay;
    rc = eddyi_query_init(&l->query, host, service, hints);
    if (rc == 0)
        rc = eddyi_query_literal(&l->query, &l->list);
    if (rc == 0)
        rc = eddyi_name_check(host, l->query.flags);
    if (rc == 0)
        return begin(l, l->query.flags & SYSTEM_FLAGS);
    over(l, rc < 0 ? rc : 0);
    return true;
}

/* Suspending. */

static void wake(struct eddyi_lookup *l)
{
    eddyi_outcome_set(&l->outcome, l->result);
}

static bool lookup_cancel(struct eddyi_wait *w)
{
    eddyi_lookup_end(eddyi_container(w, struct eddyi_lookup, outcome.wait));
    return eddyi_outcome_cancel(w);
}

static int wait_for(struct eddyi_lookup *l)
{
    int rc = eddyi_outcome_init(&l->outcome, lookup_cancel, "name lookup");

    l->done = wake;
    return rc < 0 ? rc : (int)eddyi_outcome_wait(&l->outcome);
}

int eddyi_lookup_run(struct eddyi_lookup *l, const char *host, const char *service,
                     const struct addrinfo *hints, int64_t delay)
{
    eddy_task *t = eddyi_task_current();

    init(l, NULL);
    if (!t)
        return eddyi_raise_no_task();
    if (eddyi_lookup_begin(l, t->future.loop, host, service, hints, delay))
        return l->result;
    return wait_for(l);
}

int eddyi_lookup_name(const union eddyi_address *a, char *ret_name)
{
    struct eddyi_lookup l;
    int rc;

    init(&l, eddyi_task_current()->future.loop);
    l.address = a;
    l.name = ret_name;
    l.delay = -1;
    rc = begin(&l, false) ? l.result : wait_for(&l);
    eddyi_lookup_end(&l);
    return rc;
}

int eddyi_lookup_more(struct eddyi_lookup *l, struct addrinfo **ret)
{
    return l->pending ? eddyi_dns_more(l, ret) : 0;
}

void eddyi_lookup_end(struct eddyi_lookup *l)
{
    eddyi_ready_cancel(&l->step);
    eddyi_list_remove(&l->link);
    eddyi_system_end(l);
    if (l->resolver)
        eddyi_dns_end(l);
    l->resolver = NULL;
    l->over = true;
    eddy_freeaddrinfo(l->list);
    l->list = NULL;
}
