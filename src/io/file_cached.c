/*
 * Calls on files that the kernel's caches can answer: opening what is in the cache of names,
 * describing and closing what is open. They are made at once, in the loop's thread, which takes 1
 * us; the way to another thread and back takes 10 us or more.
 *
 * Only the kernel knows what an open file's file system has to do for a description, or at a close:
 * one on a network or in a process asks a server, which may not answer. So the kind of a file
 * system is asked for in a thread, once for each mount, and kept.
 *
 * A task that makes many such calls in a row would occupy the loop. So it has a share of each turn;
 * when that is used up, the next call goes to a thread after all, and others run meanwhile.
 */
#include "io/file_cached.h"

#include "base/libc.h"
#include "base/sys_cached.h"
#include "loop/part.h"
#include "task/task.h"

#include <fcntl.h>

/* Calls of one task in one turn: while others are ready, and while there are only the kernel's
 * events. */
enum { SHARE = 32, SHARE_ALONE = 512 };

enum { MOUNTS = 8 };

struct mount {
    uint64_t id; /* 0: none */
    uint32_t major, minor;
    bool local; /* its file system answers from memory */
};

struct caches {
    struct eddyi_loop_part part;
    struct mount mounts[MOUNTS]; /* the latest replaces the oldest */
    unsigned next;
    const eddy_task *task; /* made the latest call; only compared */
    uint64_t turn;         /* in this turn */
    unsigned used;         /* the calls of @task in @turn */
    int closable;          /* described by @task in @turn: closing() has nothing to ask; -1: none */
};

static void close_caches(struct eddyi_loop_part *p)
{
    eddyi_free(eddyi_container(p, struct caches, part));
}

static struct caches *caches_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {.size = sizeof(struct caches),
                                                .close = close_caches};

    return eddyi_loop_part(loop, &kind);
}

static bool is_alone(const eddy_loop *loop)
{
    return eddyi_list_empty(&loop->schedule.ready) && eddyi_list_empty(&loop->schedule.batch);
}

/* Takes one call of the share of @t. */
static bool take_share(struct caches *c, const eddy_task *t)
{
    const eddy_loop *loop = t->future.loop;

    if (c->task != t || c->turn != loop->schedule.turns) {
        c->task = t;
        c->turn = loop->schedule.turns;
        c->used = 0;
        c->closable = -1;
    }
    return c->used++ < (is_alone(loop) ? SHARE_ALONE : SHARE);
}

/* Returns the caches if the running task may make a call at once, or NULL. */
static struct caches *may_call(void)
{
    const eddy_task *t = eddyi_task_current();
    eddy_loop *loop = t ? t->future.loop : NULL;
    struct caches *c = !t || t->must_cancel || loop->closed ? NULL : caches_of(loop);

    return c && take_share(c, t) ? c : NULL;
}

int64_t eddyi_cached_open(int dir, const char *path, int flags)
{
    struct caches *c = may_call();
    int fd = c ? eddyi_sys_open_cached(dir, path, flags) : -EAGAIN;

    if (fd >= 0 && c->closable == fd)
        c->closable = -1;
    return fd;
}

enum answers { UNKNOWN, FROM_MEMORY, FROM_SERVER };

/* Returns what is known of the file system of a file, which is described by @st. */
static enum answers answers_of(const struct caches *c, const struct statx *st, uint64_t id)
{
    for (int i = 0; i < MOUNTS && id != 0; i++) {
        const struct mount *m = &c->mounts[i];

        if (m->id == id && m->major == st->stx_dev_major && m->minor == st->stx_dev_minor)
            return m->local ? FROM_MEMORY : FROM_SERVER;
    }
    return UNKNOWN;
}

static void keep(eddy_loop *loop, const struct statx *st, uint64_t id, bool local)
{
    struct caches *c = id == 0 || loop->closed ? NULL : caches_of(loop);

    if (c)
        c->mounts[c->next++ % MOUNTS] =
            (struct mount){id, st->stx_dev_major, st->stx_dev_minor, local};
}

/* A call in a thread, which also finds out what file system the file is on. */
struct call {
    int fd;
    struct statx *ret; /* NULL: the file is closed */
    bool local;
};

static int64_t call_in_thread(void *arg)
{
    struct call *c = arg;

    c->local = eddyi_sys_is_local(c->fd);
    return c->ret ? eddyi_sys_statx(c->fd, "", AT_EMPTY_PATH, c->ret) : eddyi_sys_close_file(c->fd);
}

static int64_t stat_by_backend(int fd, struct statx *ret)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin_shared(&c, fd);

    if (rc < 0)
        return rc;
    c.o.op.kind = EDDYI_OP_STAT;
    c.o.op.stat.path = "";
    c.o.op.stat.flags = AT_EMPTY_PATH;
    c.o.op.stat.ret = ret;
    return eddyi_io_wait(&c);
}

/* Returns true if closing a file that is open for reading, and described by @st, does not free the
 * file. */
static bool keeps_its_file(const struct statx *st)
{
    return (S_ISREG(st->stx_mode) || S_ISDIR(st->stx_mode)) && st->stx_nlink > 0;
}

int64_t eddyi_cached_stat(int fd, struct statx *ret)
{
    struct call call = {.fd = fd, .ret = ret};
    struct caches *c = may_call();
    uint64_t mount = 0;
    int64_t rc = c ? eddyi_sys_statx_cached(fd, ret, &mount) : 0;
    enum answers answers = c && rc == 0 ? answers_of(c, ret, mount) : FROM_SERVER;

    if (c && answers == FROM_MEMORY)
        c->closable = keeps_its_file(ret) ? fd : -1;
    if (rc < 0 || answers == FROM_MEMORY)
        return rc;
    if (answers == FROM_SERVER)
        return stat_by_backend(fd, ret);
    rc = eddyi_file_call(call_in_thread, &call);
    if (rc == 0)
        keep(eddy_get_running_loop(), ret, mount, call.local);
    return rc;
}

/* Returns FROM_MEMORY if closing @fd cannot wait. A task that described @fd and has not suspended
 * since need not ask again. */
static enum answers closing(struct caches *c, int fd, struct statx *st, uint64_t *ret_mount)
{
    bool known = c->closable == fd;

    c->closable = -1;
    if (!eddyi_sys_is_for_reading(fd))
        return FROM_SERVER;
    if (known)
        return FROM_MEMORY;
    if (eddyi_sys_statx_cached(fd, st, ret_mount) < 0)
        return FROM_SERVER;
    return keeps_its_file(st) ? answers_of(c, st, *ret_mount) : FROM_SERVER;
}

static int close_elsewhere(int fd, struct call *call)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin_shared(&c, fd);

    if (rc < 0)
        return eddyi_sys_close_file(fd);
    c.shielded = true;
    c.o.op.kind = call ? EDDYI_OP_CALL : EDDYI_OP_CLOSE;
    if (call) {
        c.o.op.call.fn = call_in_thread;
        c.o.op.call.arg = call;
    }
    rc = (int)eddyi_io_wait(&c);
    return !c.submitted || rc == -ECANCELED ? eddyi_sys_close_file(fd) : rc;
}

int eddyi_cached_close(int fd)
{
    struct call call = {.fd = fd};
    struct caches *c = may_call();
    struct statx st;
    uint64_t mount = 0;
    enum answers answers = c ? closing(c, fd, &st, &mount) : FROM_SERVER;
    int rc;

    if (answers == FROM_MEMORY)
        return eddyi_sys_close_file(fd);
    rc = close_elsewhere(fd, answers == UNKNOWN ? &call : NULL);
    if (rc == 0 && answers == UNKNOWN)
        keep(eddy_get_running_loop(), &st, mount, call.local);
    return rc;
}
