/*
 * Files through the public functions, on the backend of the environment and on the virtual clock:
 * opening, reading, writing, names. Copies and whole files have tests of their own.
 */
#include "io/places.h"
#include "io/sockets.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static int reads_and_writes(void)
{
    struct place p = place_make();
    char buf[16] = "";
    int fd = eddy_file_open(p.a, O_RDWR | O_CREAT, 0600);
    size_t written = 0;

    if (EXPECT(fd >= 0)) {
        EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        EXPECT_EQ(eddy_file_write(fd, "w", 1, 0), 1);
        EXPECT_EQ(eddy_file_write_fully(fd, "ord", 3, 1, NULL), 0);
        EXPECT_EQ(eddy_file_write_fully(fd, "s and more", 10, 4, &written), 0);
        EXPECT_EQ(written, 10);
        EXPECT_EQ(eddy_file_fdatasync(fd), 0);
        EXPECT_EQ(eddy_file_fsync(fd), 0);
        EXPECT_EQ(eddy_file_read(fd, buf, 5, 0), 5);
        EXPECT(memcmp(buf, "words", 5) == 0);
        EXPECT_EQ(eddy_file_read(fd, buf, sizeof buf, 10), 4);
        EXPECT_EQ(read_to_end(fd, buf, sizeof buf), 14);
        EXPECT_EQ(eddy_file_close(fd), 0);
    }
    EXPECT(place_remove(&p));
    return 0;
}

TEST_ASYNC_REAL(a_file_is_opened_written_read_and_closed)
{
    return reads_and_writes();
}

TEST_ASYNC(on_the_virtual_clock_files_work_and_take_no_time)
{
    double before = eddy_loop_time(eddy_get_running_loop());

    reads_and_writes();
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), before);
    return 0;
}

static void count(void *arg)
{
    ++*(int *)arg;
}

TEST_ASYNC_REAL(what_is_cached_is_read_without_suspending)
{
    struct place p = place_make();
    char buf[8];
    int others = 0, fd;

    fill(p.a, "cached");
    fd = open(p.a, O_RDONLY | O_CLOEXEC);
    (void)eddy_loop_call_soon(eddy_get_running_loop(), count, &others);
    EXPECT_EQ(eddy_file_read(fd, buf, sizeof buf, 0), 6);
    EXPECT(others == 0 || test_tortured());
    close(fd);
    place_remove(&p);
    return eddy_sleep(0);
}

TEST_ASYNC_REAL(what_bypasses_the_cache_is_read_elsewhere, .whole = true)
{
    struct place p = place_make();
    char *sector = aligned_alloc(4096, 4096);
    int others = 0, fd = open(p.a, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);

    if (fd < 0) {
        free(sector);
        place_remove(&p);
        SKIP("the file system has no O_DIRECT");
    }
    REQUIRE(sector != NULL);
    memset(sector, 'x', 4096);
    EXPECT_EQ(eddy_file_write(fd, sector, 4096, 0), 4096);
    for (int at = 0; at >= -1; at--) { /* at an offset, and at the file's own position */
        (void)eddy_loop_call_soon(eddy_get_running_loop(), count, &others);
        EXPECT_EQ(eddy_file_read(fd, sector, 4096, at), 4096);
        EXPECT_EQ(sector[4095], 'x');
        EXPECT_EQ(others, 1 - at);
    }
    close(fd);
    free(sector);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_fifo_of_packets_is_at_its_end_without_a_writer)
{
    struct place p = place_make();
    static char packet[4096];
    int fd;

    REQUIRE(mkfifo(p.a, 0600) == 0);
    fd = open(p.a, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
    EXPECT_EQ(eddy_file_read(fd, packet, sizeof packet, -1), 0);
    close(fd);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(vectors_are_read_and_written, .whole = true)
{
    struct place p = place_make();
    char one[3] = "", two[4] = "";
    struct iovec out[2] = {{(void *)(uintptr_t) "ab", 2}, {(void *)(uintptr_t) "cde", 3}},
                 in[2] = {{one, 2}, {two, 3}};
    int fd = open(p.a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    EXPECT_EQ(eddy_file_writev(fd, out, 2, 0), 5);
    EXPECT_EQ(eddy_file_readv(fd, in, 2, 0), 5);
    EXPECT_STR(one, "ab");
    EXPECT_STR(two, "cde");
    close(fd);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(errors_name_the_path_or_the_descriptor)
{
    struct place p = place_make();
    struct stat st;
    char buf[4];
    int dir = open(p.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    EXPECT_EQ(eddy_file_open(p.a, O_RDONLY, 0), -ENOENT);
    EXPECT_IN(p.a, eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_file_stat(p.a, &st), -ENOENT);
    EXPECT_EQ(eddy_file_read(dir, buf, sizeof buf, 0), -EISDIR);
    EXPECT_EQ(eddy_file_read(dir, buf, sizeof buf, -1), -EISDIR);
    EXPECT_EQ(eddy_file_read(dir, NULL, 1, 0), -EINVAL);
    close(dir);
    EXPECT_EQ(eddy_file_read(dir, buf, sizeof buf, 0), -EBADF);
    EXPECT_EQ(eddy_file_write(dir, buf, sizeof buf, -1), -EBADF);
    EXPECT_EQ(eddy_file_fsync(dir), -EBADF);
    EXPECT_EQ(eddy_file_fstat(-1, &st), -EBADF);
    EXPECT_EQ(eddy_file_fstat(AT_FDCWD, &st), -EBADF);
    place_remove(&p);
    return 0;
}

TEST_REAL(outside_of_a_task_only_closing_works)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    EXPECT_EQ(eddy_file_open("/dev/null", O_RDONLY, 0), EDDY_ENOTASK);
    EXPECT_EQ(eddy_file_fsync(fd), EDDY_ENOTASK);
    EXPECT_EQ(eddy_file_close(fd), 0);
}

TEST_ASYNC_REAL(names_are_made_looked_at_changed_and_removed)
{
    struct place p = place_make();
    struct stat st;

    EXPECT_EQ(eddy_file_mkdir(p.a, 0700), 0);
    if (EXPECT_EQ(eddy_file_stat(p.a, &st), 0))
        EXPECT(S_ISDIR(st.st_mode));
    EXPECT_EQ(eddy_file_rename(p.a, p.b), 0);
    EXPECT_EQ(eddy_file_rmdir(p.b), 0);
    REQUIRE(symlink("nowhere", p.a) == 0);
    if (EXPECT_EQ(eddy_file_lstat(p.a, &st), 0))
        EXPECT(S_ISLNK(st.st_mode));
    EXPECT_EQ(eddy_file_stat(p.a, &st), -ENOENT);
    EXPECT_EQ(eddy_file_unlink(p.a), 0);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(temporary_files_have_no_name_or_a_new_one)
{
    struct place p = place_make();
    char pattern[80], buf[4];
    int fd = eddy_file_open_temporary(p.dir), named;

    if (EXPECT(fd >= 0)) {
        EXPECT_EQ(eddy_file_write_fully(fd, "temp", 4, 0, NULL), 0);
        EXPECT_EQ(eddy_file_read(fd, buf, 4, 0), 4);
        eddy_file_close(fd);
    }
    snprintf(pattern, sizeof pattern, "%s/t-XXXXXX", p.dir);
    named = eddy_file_make_temporary(pattern);
    if (EXPECT(named >= 0)) {
        eddy_file_close(named);
        EXPECT_EQ(unlink(pattern), 0);
    }
    EXPECT(place_remove(&p));
    return 0;
}

TEST_ASYNC_REAL(a_file_system_without_unnamed_files_has_temporary_ones_all_the_same)
{
    struct place p = place_make();
    int fd;

    /* On io_uring the first refusal comes from the kernel, if from anyone. */
    eddyi_fault_nth("openat", 1, EOPNOTSUPP);
    fd = eddy_file_open_temporary(p.dir);
    eddyi_fault_clear();
    EXPECT(fd >= 0);
    if (fd >= 0)
        close(fd);
    EXPECT(place_remove(&p));
    return 0;
}

TEST_ASYNC_REAL(without_descriptors_opening_fails_and_recovers)
{
    struct place p = place_make();
    struct rlimit before, none;
    int fd;

    fill(p.a, "x");
    /* Lets the backend open the descriptors that it needs for itself. */
    fd = eddy_file_open(p.a, O_RDONLY, 0);
    if (fd >= 0)
        eddy_file_close(fd);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    fd = eddy_file_open(p.a, O_RDONLY, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT(fd == -EMFILE || test_tortured());
    fd = eddy_file_open(p.a, O_RDONLY, 0);
    if (EXPECT(fd >= 0))
        eddy_file_close(fd);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_directory_lists_what_is_in_it_with_types)
{
    struct place p = place_make();
    eddy_dir_entry entry;
    int files = 0, dirs = 0, rc = 0;
    eddy_dir *d;

    fill(p.a, "");
    REQUIRE(mkdir(p.b, 0700) == 0);
    if (EXPECT_EQ(eddy_dir_open(p.dir, &d), 0)) {
        while ((rc = eddy_dir_next(d, &entry)) == 1) {
            files += entry.type == DT_REG && strcmp(entry.name, "a") == 0;
            dirs += entry.type == DT_DIR && strcmp(entry.name, "b") == 0;
        }
        EXPECT_EQ(rc, 0);
        EXPECT_EQ(files, 1);
        EXPECT_EQ(dirs, 1);
        eddy_dir_close(d);
    }
    EXPECT_EQ(eddy_dir_open(p.a, &d), -ENOTDIR);
    eddy_dir_close(NULL);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_pipe_is_read_and_written_by_one_task_each)
{
    int p[2];
    char buf[8];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    EXPECT_EQ(eddy_file_write_fully(p[1], "through", 7, -1, NULL), 0);
    close(p[1]);
    EXPECT_EQ(read_to_end(p[0], buf, sizeof buf), 7);
    EXPECT_EQ(eddy_file_read(p[0], buf, sizeof buf, 0), -ESPIPE);
    close(p[0]);
    return 0;
}

/* FIFOs. Read as read(2) would read it, non-blocking. */

struct reading {
    int fd;
    char buf[8];
    ssize_t result;
};

static int read_it(void *arg)
{
    struct reading *r = arg;

    r->result = eddy_file_read(r->fd, r->buf, sizeof r->buf, -1);
    return 0;
}

TEST_ASYNC_REAL(a_fifo_is_at_its_end_while_it_has_no_writer)
{
    struct place p = place_make();
    struct reading r = {.result = 1};
    int writer;
    eddy_task *t;

    REQUIRE(mkfifo(p.a, 0600) == 0);
    r.fd = eddy_file_open(p.a, O_RDONLY, 0);
    if (r.fd < 0) {
        place_remove(&p);
        return 0;
    }
    EXPECT(read(r.fd, r.buf, sizeof r.buf) == 0);
    EXPECT(eddy_file_read(r.fd, r.buf, sizeof r.buf, -1) == 0 || test_tortured());
    writer = open(p.a, O_WRONLY | O_CLOEXEC);
    t = eddy_create_task(eddy_coro(read_it, &r));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_sleep(0);
    EXPECT(!eddy_task_done(t) || test_tortured());
    EXPECT_EQ(write(writer, "x", 1), 1);
    (void)!eddy_await(t);
    EXPECT(r.result == 1 || test_tortured());
    close(writer);
    EXPECT(read_to_end(r.fd, r.buf, sizeof r.buf) == 0 || test_tortured());
    close(r.fd);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_blocking_fifo_without_writers_is_at_its_end_too)
{
    struct place p = place_make();
    char buf[4];
    int fd;

    REQUIRE(mkfifo(p.a, 0600) == 0);
    fd = open(p.a, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fcntl(fd, F_SETFL, 0);
    EXPECT(eddy_file_read(fd, buf, sizeof buf, -1) == 0 || test_tortured());
    EXPECT(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    close(fd);
    place_remove(&p);
    return 0;
}

/* Leases. */

static int lease(const struct place *p, int *ret)
{
    int fd = open(p->a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    signal(SIGIO, SIG_IGN);
    *ret = fd;
    return fcntl(fd, F_SETLEASE, F_WRLCK);
}

struct opening {
    const char *path;
    int flags, result;
};

static int open_it(void *arg)
{
    struct opening *o = arg;

    o->result = eddy_file_open(o->path, o->flags, 0);
    if (o->result >= 0)
        eddy_file_close(o->result);
    return 0;
}

static int open_leased(bool cancel, double turn)
{
    struct place p = place_make();
    struct opening o = {.path = p.a, .flags = O_RDONLY};
    eddy_task *t;
    int holder;

    if (lease(&p, &holder) < 0) {
        close(holder);
        place_remove(&p);
        SKIP("there are no leases here");
    }
    t = eddy_create_task(eddy_coro(open_it, &o));
    REQUIRE(t != NULL);
    for (int i = 0; i < 3; i++)
        eddy_sleep(turn);
    EXPECT(!eddy_task_done(t) || test_tortured());
    if (cancel)
        eddy_task_cancel(t, NULL);
    else
        REQUIRE(fcntl(holder, F_SETLEASE, F_UNLCK) == 0);
    (void)!eddy_await(t);
    EXPECT((cancel ? o.result == -ECANCELED : o.result >= 0) || test_tortured());
    close(holder);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_file_is_opened_when_the_lease_on_it_was_given_up)
{
    return open_leased(false, 0.002);
}

TEST_ASYNC(on_the_virtual_clock_leases_are_waited_for_as_well)
{
    return open_leased(false, 0); /* any longer, and time would stand still until it is open */
}

TEST_ASYNC_REAL(waiting_for_a_lease_is_cancelled)
{
    return open_leased(true, 0.002);
}

TEST_ASYNC_REAL(opened_non_blocking_a_leased_file_is_busy)
{
    struct place p = place_make();
    int holder, rc = lease(&p, &holder);

    EXPECT(rc < 0 || eddy_file_open(p.a, O_RDONLY | O_NONBLOCK, 0) == -EAGAIN || test_tortured());
    close(holder);
    place_remove(&p);
    return 0;
}

/* Cancelled while it waits. */

struct reader {
    int fd;
    char buf[8];
    ssize_t result;
};

static int read_pipe(void *arg)
{
    struct reader *r = arg;

    r->result = eddy_file_read(r->fd, r->buf, sizeof r->buf, -1);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_read_leaves_the_bytes_where_they_are)
{
    struct reader r = {.result = 1};
    char buf[8];
    eddy_task *t;
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    r.fd = p[0];
    t = eddy_create_task(eddy_coro(read_pipe, &r));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    (void)!eddy_await(t);
    EXPECT(r.result < 0);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(read(p[0], buf, sizeof buf), 1);
    close(p[0]);
    close(p[1]);
    return 0;
}

static int close_it(void *arg)
{
    return eddy_file_close(*(int *)arg);
}

TEST_ASYNC_REAL(closing_is_done_even_when_it_is_cancelled, .ordered = true)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    eddy_task *t;

    /* A task that an error keeps from ever starting closes nothing. */
    if (test_tortured())
        return eddy_file_close(fd);
    t = eddy_create_task(eddy_coro(close_it, &fd));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    (void)!eddy_await(t);
    EXPECT_EQ(fcntl(fd, F_GETFD), -1);
    return 0;
}

/* A loop that is run by one thread and then by another, with a call under way. */

struct moving {
    eddy_loop *loop;
    const char *path;
    int result; /* of mkdir; 1: none yet */
};

static int make_directory(void *arg)
{
    struct moving *m = arg;

    m->result = eddy_file_mkdir(m->path, 0700);
    eddy_loop_stop(m->loop);
    return 0;
}

static void *run_on(void *loop)
{
    (void)eddy_loop_run_forever(loop);
    return NULL;
}

TEST_REAL(a_loop_that_goes_to_another_thread_does_nothing_twice)
{
    for (int turns = 1; turns < 5; turns++) {
        struct place p = place_make();
        struct moving m = {test_real_loop(), p.a, 1};
        eddy_task *t;
        pthread_t thread;

        REQUIRE(m.loop != NULL);
        t = eddy_loop_create_task(m.loop, eddy_coro(make_directory, &m));
        REQUIRE(t != NULL);
        for (int i = 0; i < turns && m.result == 1; i++) {
            eddy_loop_stop(m.loop); /* a turn */
            EXPECT_EQ(eddy_loop_run_forever(m.loop), 0);
        }
        if (m.result == 1) {
            REQUIRE(pthread_create(&thread, NULL, run_on, m.loop) == 0);
            pthread_join(thread, NULL);
        }
        EXPECT_EQ(m.result, 0);
        eddy_unref(t);
        eddy_loop_unref(m.loop);
        place_remove(&p);
    }
}
