/*
 * Files as another user: setfsuid(2) applies to one thread, and other threads do the work.
 */
#include "io/sockets.h"

#include "eddy/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

enum { CLIENT = 65534, GROUP = 4321 };

/* A directory for its owner alone, with a file. */
struct vault {
    char dir[40], file[60], other[60];
};

static struct vault vault_make(void)
{
    struct vault v = {.dir = "/tmp/eddy-test-XXXXXX"};
    int fd;

    REQUIRE(mkdtemp(v.dir) != NULL);
    snprintf(v.file, sizeof v.file, "%s/file", v.dir);
    snprintf(v.other, sizeof v.other, "%s/other", v.dir);
    fd = open(v.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    REQUIRE(fd >= 0);
    close(fd);
    return v;
}

static void vault_remove(const struct vault *v)
{
    remove(v->file);
    remove(v->other);
    remove(v->dir);
}

static void as_client(void)
{
    setfsgid(CLIENT);
    setfsuid(CLIENT);
}

static void as_root(void)
{
    setfsuid(0);
    setfsgid(0);
}

static void close_opened(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Each call on names, of which none is allowed to the client, and each to root. */
enum { CALLS = 12 };

static int call(const struct vault *v, int which)
{
    char pattern[80];
    struct stat st;
    eddy_dir *dir;
    size_t size;
    void *data;
    int rc;

    switch (which) {
    case 0:
        close_opened(rc = eddy_file_open(v->file, O_RDONLY, 0));
        return rc;
    case 1:
        return eddy_file_stat(v->file, &st);
    case 2:
        return eddy_file_lstat(v->file, &st);
    case 3:
        return eddy_file_mkdir(v->other, 0700);
    case 4:
        return eddy_file_rmdir(v->other);
    case 5:
        return eddy_file_write_all(v->other, "x", 1);
    case 6:
        return eddy_file_replace(v->other, "y", 1);
    case 7:
        rc = eddy_file_read_all(v->other, 10, &data, &size);
        if (rc == 0)
            eddy_file_free(data);
        return rc;
    case 8:
        return eddy_file_rename(v->other, v->file);
    case 9:
        rc = eddy_dir_open(v->dir, &dir);
        if (rc == 0)
            eddy_dir_close(dir);
        return rc;
    case 10:
        snprintf(pattern, sizeof pattern, "%s/XXXXXX", v->dir);
        close_opened(rc = eddy_file_make_temporary(pattern));
        if (rc >= 0)
            unlink(pattern);
        return rc;
    default:
        close_opened(rc = eddy_file_open_temporary(v->dir));
        return rc;
    }
}

static int all_calls(bool client_first)
{
    struct vault v = vault_make();

    if (geteuid() != 0) {
        vault_remove(&v);
        SKIP("only root can change its user");
    }
    for (int i = 0; i < CALLS; i++) {
        for (int k = 0; k < 2; k++) {
            bool client = client_first == (k == 0);
            int rc;

            if (client)
                as_client();
            rc = call(&v, i);
            as_root();
            EXPECT((client ? rc == -EACCES : rc >= 0) || test_tortured());
        }
    }
    vault_remove(&v);
    return 0;
}

TEST_ASYNC_REAL(what_the_client_may_not_do_is_refused_whatever_identity_the_threads_had)
{
    return all_calls(false);
}

TEST_ASYNC_REAL(a_thread_that_was_made_for_the_client_is_not_the_clients_for_ever)
{
    return all_calls(true);
}

TEST_ASYNC(on_the_virtual_clock_calls_are_made_as_their_caller)
{
    return all_calls(true);
}

struct opening {
    const char *path;
    bool as_client;
    int result;
};

static int open_it(void *arg)
{
    struct opening *o = arg;

    if (o->as_client)
        as_client();
    o->result = eddy_file_open(o->path, O_RDONLY, 0);
    close_opened(o->result);
    return 0;
}

/* Opens a file, and changes the thread's user before the loop submits the operation to the
 * kernel. */
static int open_and_change(bool as_whom)
{
    struct vault v = vault_make();
    struct opening o = {.path = v.file, .as_client = as_whom};
    eddy_task *t;

    if (geteuid() != 0) {
        vault_remove(&v);
        SKIP("only root can change its user");
    }
    t = eddy_create_task(eddy_coro(open_it, &o));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    if (as_whom)
        as_root();
    else
        as_client();
    eddy_await(t);
    as_root();
    EXPECT((as_whom ? o.result == -EACCES : o.result >= 0) || test_tortured());
    vault_remove(&v);
    return 0;
}

TEST_ASYNC_REAL(a_file_is_opened_with_the_identity_of_its_call_not_of_a_later_one, .ordered = true)
{
    return open_and_change(true);
}

TEST_ASYNC_REAL(a_later_change_of_identity_does_not_take_the_right_to_open_it, .ordered = true)
{
    return open_and_change(false);
}

TEST_ASYNC_REAL(the_group_counts_as_well)
{
    struct vault v = vault_make();

    if (geteuid() != 0 || chown(v.dir, 0, GROUP) < 0 || chmod(v.dir, 0750) < 0) {
        vault_remove(&v);
        SKIP("only root can change its user");
    }
    for (int i = 0; i < 2; i++) {
        int rc;

        setfsgid(i ? GROUP : CLIENT);
        setfsuid(CLIENT);
        rc = eddy_file_open(v.file, O_RDONLY, 0);
        as_root();
        EXPECT((i ? rc >= 0 : rc == -EACCES) || test_tortured());
        close_opened(rc);
    }
    vault_remove(&v);
    return 0;
}
