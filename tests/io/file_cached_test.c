/*
 * Calls on files that the kernel's caches answer: which are made at once, and which are not.
 */
#include "base/fault.h"
#include "base/sys_cached.h"
#include "io/places.h"
#include "io/sockets.h"

#include <sys/stat.h>

static void count(void *arg)
{
    ++*(int *)arg;
}

/* Lets a callback tell whether the calls that follow suspend. */
static void begin(int *others)
{
    *others = 0;
    (void)eddy_loop_call_soon(eddy_get_running_loop(), count, others);
}

/* Returns true if the caches can answer for files in @p, and makes their file system known. */
static bool can_be_answered(const struct place *p)
{
    struct stat st;
    int fd = eddyi_sys_open_cached(AT_FDCWD, p->dir, O_RDONLY | O_DIRECTORY);
    bool can = fd >= 0 && eddyi_sys_is_local(fd);

    if (can)
        EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
    if (fd >= 0)
        close(fd);
    return can || test_tortured();
}

/* Makes a file with a name that is in the cache. */
static struct place place_with_file(void)
{
    struct place p = place_make();

    fill(p.a, "cached");
    if (!can_be_answered(&p)) {
        place_remove(&p);
        SKIP("the kernel, or the file system of /tmp, does not answer from its caches");
    }
    return p;
}

TEST_ASYNC_REAL(what_is_cached_is_opened_described_and_closed_without_suspending)
{
    struct place p = place_with_file();
    struct stat st, by_name;
    int others, fd;

    begin(&others);
    fd = eddy_file_open(p.a, O_RDONLY, 0);
    if (EXPECT(fd >= 0)) {
        EXPECT_EQ(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDONLY);
        EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
        EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
        EXPECT_EQ(eddy_file_stat(p.a, &by_name), 0);
        EXPECT_EQ(st.st_size, 6);
        EXPECT_EQ(st.st_ino, by_name.st_ino);
        EXPECT_EQ(st.st_mtim.tv_nsec, by_name.st_mtim.tv_nsec);
        EXPECT_EQ(eddy_file_close(fd), 0);
        EXPECT_EQ(fcntl(fd, F_GETFD), -1);
    }
    EXPECT(others == 0 || test_tortured());
    place_remove(&p);
    return eddy_sleep(0);
}

TEST_ASYNC_REAL(a_name_that_is_known_to_be_unused_is_reported_without_suspending)
{
    struct place p = place_with_file();
    struct stat st;
    int others;

    EXPECT_EQ(eddy_file_stat(p.b, &st), -ENOENT);
    begin(&others);
    EXPECT_EQ(eddy_file_stat(p.b, &st), -ENOENT);
    EXPECT(strstr(eddy_exception_message(eddy_error()), p.b) != NULL || test_tortured());
    EXPECT_EQ(eddy_file_open(p.b, O_RDONLY, 0), -ENOENT);
    EXPECT(others == 0 || test_tortured());
    place_remove(&p);
    return eddy_sleep(0);
}

TEST_ASYNC_REAL(a_link_is_followed_or_described_itself)
{
    struct place p = place_with_file();
    struct stat st;

    REQUIRE(symlink("a", p.b) == 0);
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        if (EXPECT_EQ(eddy_file_stat(p.b, &st), 0))
            EXPECT(S_ISREG(st.st_mode));
        if (EXPECT_EQ(eddy_file_lstat(p.b, &st), 0))
            EXPECT(S_ISLNK(st.st_mode));
        EXPECT_EQ(eddy_file_open(p.b, O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
    }
    place_remove(&p);
    return 0;
}

/* Flags that openat(2) ignores and openat2(2) refuses are ignored from the cache, too. */
TEST_ASYNC_REAL(flags_mean_what_they_mean_to_open)
{
    struct place p = place_with_file();
    int fd = eddy_file_open(p.a, O_PATH | O_RDWR | O_NONBLOCK, 0);

    if (EXPECT(fd >= 0)) {
        EXPECT_EQ(fcntl(fd, F_GETFL) & (O_PATH | O_NONBLOCK), O_PATH);
        EXPECT_EQ(eddy_file_close(fd), 0);
    }
    fd = eddy_file_open(p.a, O_RDONLY | O_NONBLOCK, 0);
    if (EXPECT(fd >= 0)) {
        EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
        EXPECT_EQ(eddy_file_close(fd), 0);
    }
    fd = eddy_file_open(p.a, O_RDWR | O_APPEND, 0777);
    if (EXPECT(fd >= 0)) {
        EXPECT_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE), O_RDWR | O_APPEND);
        EXPECT_EQ(eddy_file_close(fd), 0);
    }
    EXPECT_EQ(eddy_file_open(p.a, O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
    place_remove(&p);
    return 0;
}

/* Closing what was written may have to write it; closing what has no name frees its blocks. */
TEST_ASYNC_REAL(a_close_that_may_take_long_is_made_elsewhere)
{
    struct place p = place_with_file();
    int others, written = open(p.a, O_RDWR | O_CLOEXEC), nameless;

    begin(&others);
    EXPECT_EQ(eddy_file_close(written), 0);
    EXPECT_EQ(others, 1);
    nameless = open(p.a, O_RDONLY | O_CLOEXEC);
    unlink(p.a);
    begin(&others);
    EXPECT_EQ(eddy_file_close(nameless), 0);
    EXPECT_EQ(others, 1);
    place_remove(&p);
    return 0;
}

/* Describes @fd and closes it, perhaps after a suspension. Returns how often the close asked for a
 * description, which it did not get. */
static unsigned long asked_by_close(int fd, bool suspends)
{
    struct stat st;
    unsigned long hits;

    EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
    if (suspends)
        EXPECT_EQ(eddy_sleep(0), 0);
    eddyi_fault_only("statx", EIO);
    EXPECT_EQ(eddy_file_close(fd), 0);
    hits = eddyi_fault_hits();
    eddyi_fault_clear();
    return hits;
}

TEST_ASYNC_REAL(a_close_right_after_a_description_asks_for_no_other)
{
    struct place p = place_with_file();
    int others;

    begin(&others);
    EXPECT_EQ(asked_by_close(open(p.a, O_RDONLY | O_CLOEXEC), false), 0);
    EXPECT_EQ(others, 0);
    EXPECT_EQ(asked_by_close(open(p.a, O_RDONLY | O_CLOEXEC), true), 1);
    place_remove(&p);
    return eddy_sleep(0);
}

TEST_ASYNC_REAL(a_close_that_may_take_long_is_made_elsewhere_although_the_file_was_just_described)
{
    struct place p = place_with_file();
    int others, written = open(p.a, O_RDWR | O_CLOEXEC), nameless;

    begin(&others);
    asked_by_close(written, false);
    EXPECT_EQ(others, 1);
    nameless = open(p.a, O_RDONLY | O_CLOEXEC);
    unlink(p.a);
    begin(&others);
    asked_by_close(nameless, false);
    EXPECT_EQ(others, 1);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_description_says_nothing_of_the_next_file_with_the_same_number)
{
    struct place p = place_with_file();
    struct stat st;
    int fd = open(p.a, O_RDONLY | O_CLOEXEC), again;

    EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
    close(fd);
    again = eddy_file_open(p.a, O_RDONLY, 0);
    EXPECT_EQ(again, fd);
    eddyi_fault_only("statx", EIO);
    EXPECT_EQ(eddy_file_close(again), 0);
    EXPECT_EQ(eddyi_fault_hits(), 1);
    eddyi_fault_clear();
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_file_system_that_makes_its_answers_up_is_asked_elsewhere)
{
    int others, fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    struct stat st;

    for (int i = 0; i < 2; i++) { /* the second time it is known */
        begin(&others);
        EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
        EXPECT(others == 1);
    }
    EXPECT_EQ(eddy_file_close(fd), 0);
    return 0;
}

TEST_ASYNC_REAL(a_task_that_is_always_answered_at_once_lets_others_run)
{
    struct place p = place_with_file();
    int others, fd = open(p.a, O_RDONLY | O_CLOEXEC), calls = 0;
    struct stat st;

    for (begin(&others); others == 0 && calls < 1000; calls++)
        EXPECT_EQ(eddy_file_fstat(fd, &st), 0);
    EXPECT(calls < 100);
    close(fd);
    place_remove(&p);
    return 0;
}

struct cancelled {
    const char *path;
    int others, fd, later;
};

static int cancel_and_open(void *arg)
{
    struct cancelled *c = arg;

    begin(&c->others);
    eddy_task_cancel(eddy_current_task(), NULL);
    c->fd = eddy_file_open(c->path, O_RDONLY, 0);
    c->later = eddy_sleep(0);
    if (c->fd >= 0) /* a thread was quicker */
        close(c->fd);
    return 0;
}

/* As any call that has to wait does: it raises the cancellation, or has begun and leaves it to the
 * next. */
TEST_ASYNC_REAL(a_pending_cancellation_ends_a_call_although_the_cache_knows_the_answer)
{
    struct place p = place_with_file();
    struct cancelled c = {.path = p.a, .fd = -1};

    (void)!eddy_await(eddy_create_task(eddy_coro(cancel_and_open, &c)));
    if (!test_tortured()) {
        EXPECT_EQ(c.others, 1);
        EXPECT(c.fd == -ECANCELED ? c.later == 0 : c.fd >= 0 && c.later == -ECANCELED);
    }
    place_remove(&p);
    return 0;
}

/* As with a kernel, or a filter of system calls, that has no such call. */
TEST_ASYNC_REAL(without_the_call_everything_works_as_before)
{
    struct place p = place_with_file();
    struct stat st;
    int fd;

    eddyi_fault_only("openat2", ENOSYS);
    eddyi_fault_only("fstatfs", EIO);
    fd = eddy_file_open(p.a, O_RDONLY, 0);
    EXPECT_EQ(eddy_file_stat(p.a, &st), 0);
    EXPECT_EQ(eddy_file_stat(p.b, &st), -ENOENT);
    if (EXPECT(fd >= 0))
        EXPECT_EQ(eddy_file_close(fd), 0);
    eddyi_fault_clear();
    place_remove(&p);
    return 0;
}
