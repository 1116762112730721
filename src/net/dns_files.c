#include "net/dns_files.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "net/lookup.h"

#include <string.h>

/* Larger hosts files are read in a thread; one of this size takes half a millisecond. */
enum { LONG_FILE = 64 * 1024 };

int eddyi_dns_config_update(struct eddyi_resolver *r)
{
    struct eddyi_dns_config *c = NULL;
    struct eddyi_file_stamp stamp;
    int rc;

    if (r->config && r->config->no_reload)
        return 0;
    eddyi_sys_file_stamp(r->files.resolv_conf, &stamp);
    if (r->config && eddyi_same_stamp(&stamp, &r->config_stamp))
        return 0;
    rc = eddyi_dns_config_load(r->files.resolv_conf, r->servers, &c);
    if (rc < 0)
        return rc;
    eddyi_dns_config_unref(r->config);
    r->config = c;
    r->config_stamp = stamp;
    return 0;
}

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

void eddyi_dns_files_close(struct eddyi_resolver *r)
{
    if (r->load) {
        eddy_future_cancel(r->load->future, NULL);
        end_load(r->load);
    }
    eddyi_hosts_free(r->hosts);
    eddyi_dns_config_unref(r->config);
}
