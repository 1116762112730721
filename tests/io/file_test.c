/*
 * Files through the public functions, on the backend of the environment and on the virtual clock.
 */
#include "io/sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A directory for one test, and paths in it. */
struct place {
    char dir[40], a[60], b[60];
};

static struct place place_make(void)
{
    struct place p = {.dir = "/tmp/eddy-test-XXXXXX"};

    REQUIRE(mkdtemp(p.dir) != NULL);
    snprintf(p.a, sizeof p.a, "%s/a", p.dir);
    snprintf(p.b, sizeof p.b, "%s/b", p.dir);
    return p;
}

/* Whether nothing was in it but the two. */
static bool place_remove(const struct place *p)
{
    remove(p->a);
    remove(p->b);
    return rmdir(p->dir) == 0;
}

static void fill(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    REQUIRE(f != NULL);
    fputs(text, f);
    fclose(f);
}

static bool holds(const char *path, const char *text)
{
    char buf[100] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);

    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(buf, text) == 0;
}

/* From the file's own position, where each call may bring a piece. */
static ssize_t read_to_end(int fd, char *buf, size_t size)
{
    size_t got = 0;
    ssize_t n;

    do {
        n = eddy_file_read(fd, buf + got, size - got, -1);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 ? n : (ssize_t)got;
}

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

static int copy_all(int in, int out)
{
    ssize_t n;

    do
        n = eddy_file_copy(in, out, SIZE_MAX);
    while (n > 0);
    return (int)n;
}

static int copies(const char *what)
{
    struct place p = place_make();
    int in, out;

    fill(p.a, "to be copied");
    in = open(p.a, O_RDONLY | O_CLOEXEC);
    out = open(p.b, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (what)
        eddyi_fault_only(what, EXDEV);
    if (EXPECT_EQ(copy_all(in, out), 0))
        EXPECT(holds(p.b, "to be copied"));
    eddyi_fault_clear();
    close(in);
    close(out);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_file_is_copied_by_the_kernel)
{
    return copies(NULL);
}

TEST_ASYNC_REAL(a_file_is_copied_by_hand_where_the_kernel_refuses)
{
    return copies("copy_file_range");
}

static void refuses_to_copy(int in, int out, const char *why)
{
    ssize_t n = eddy_file_copy(in, out, SIZE_MAX);

    EXPECT_EQ(n, -EINVAL);
    if (n == -EINVAL)
        EXPECT_IN(why, eddy_exception_message(eddy_error()));
}

TEST_ASYNC_REAL(a_file_is_not_copied_onto_itself_by_whatever_name)
{
    struct place p = place_make();
    int in, same, linked;

    fill(p.a, "important");
    REQUIRE(link(p.a, p.b) == 0);
    in = open(p.a, O_RDWR | O_CLOEXEC);
    same = open(p.a, O_WRONLY | O_CLOEXEC);
    linked = open(p.b, O_WRONLY | O_APPEND | O_CLOEXEC);
    refuses_to_copy(in, in, "one file");
    refuses_to_copy(in, same, "one file");
    refuses_to_copy(in, linked, "one file");
    EXPECT(holds(p.a, "important"));
    EXPECT_EQ(lseek(in, 0, SEEK_CUR), 0);
    close(in);
    close(same);
    close(linked);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(what_has_to_be_waited_for_is_not_copied)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), p[2], s[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    refuses_to_copy(p[0], null, "no file");
    refuses_to_copy(null, p[1], "no file");
    refuses_to_copy(s[0], null, "no file");
    refuses_to_copy(null, s[0], "no file");
    EXPECT(eddy_file_copy(-1, null, 1) == -EBADF || test_tortured());
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(s[i]);
    }
    close(null);
    return 0;
}

enum { HOLE = 8 << 20 };

/* Hole, data, hole, data, hole: 16 KiB of data in 24 MiB. */
static void make_holes(const char *path)
{
    static char data[8192];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    memset(data, 'd', sizeof data);
    REQUIRE(fd >= 0 && pwrite(fd, data, sizeof data, HOLE) == sizeof data &&
            pwrite(fd, data, sizeof data, 2 * HOLE) == sizeof data && ftruncate(fd, 3 * HOLE) == 0);
    close(fd);
}

static bool are_alike(const char *path, const char *other)
{
    char *a = calloc(1, 3 * HOLE + 1), *b = calloc(1, 3 * HOLE + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC), of_other = open(other, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, a, 3 * HOLE + 1), m = read(of_other, b, 3 * HOLE + 1);
    bool alike = n >= 0 && n == m && memcmp(a, b, (size_t)n) == 0;

    close(fd);
    close(of_other);
    free(a);
    free(b);
    return alike;
}

static blkcnt_t blocks_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_blocks : -1;
}

static int copy_holes(int flags, const char *refused)
{
    struct place p = place_make();
    int in, out;

    make_holes(p.a);
    if (flags)
        fill(p.b, "");
    in = open(p.a, O_RDONLY | O_CLOEXEC);
    out = open(p.b, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    if (refused)
        eddyi_fault_only(refused, EXDEV);
    if (EXPECT_EQ(copy_all(in, out), 0)) {
        EXPECT(are_alike(p.a, p.b));
        EXPECT(flags || blocks_of(p.b) <= blocks_of(p.a) + 64);
        EXPECT_EQ(lseek(out, 0, SEEK_CUR), 3 * HOLE);
    }
    eddyi_fault_clear();
    close(in);
    close(out);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(holes_stay_holes)
{
    return copy_holes(0, NULL);
}

TEST_ASYNC_REAL(holes_stay_holes_when_a_file_is_copied_by_hand)
{
    return copy_holes(0, "copy_file_range");
}

TEST_ASYNC_REAL(where_no_hole_can_be_left_zeros_are_written, .whole = true)
{
    return copy_holes(O_APPEND, NULL);
}

TEST_ASYNC_REAL(a_hole_that_is_copied_over_bytes_makes_them_zeros)
{
    struct place p = place_make();
    char found[12] = "";
    int in, out;

    fill(p.a, "");
    REQUIRE(truncate(p.a, 10) == 0);
    fill(p.b, "0123456789ab");
    in = open(p.a, O_RDONLY | O_CLOEXEC);
    out = open(p.b, O_RDWR | O_CLOEXEC);
    if (EXPECT_EQ(copy_all(in, out), 0)) {
        EXPECT_EQ(pread(out, found, 12, 0), 12);
        EXPECT(memcmp(found, "\0\0\0\0\0\0\0\0\0\0ab", 12) == 0);
    }
    close(in);
    close(out);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(of_a_hole_no_more_is_copied_than_was_asked_for)
{
    struct place p = place_make();
    struct stat st;
    int in, out;

    fill(p.a, "");
    REQUIRE(truncate(p.a, HOLE) == 0);
    in = open(p.a, O_RDONLY | O_CLOEXEC);
    out = open(p.b, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (EXPECT_EQ(eddy_file_copy(in, out, 1000), 1000) && EXPECT_EQ(fstat(out, &st), 0)) {
        EXPECT_EQ(st.st_size, 1000);
        EXPECT_EQ(lseek(in, 0, SEEK_CUR), 1000);
    }
    close(in);
    close(out);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(what_pretends_to_be_empty_is_copied)
{
    struct place p = place_make();
    struct stat st;
    int in = open("/proc/self/status", O_RDONLY | O_CLOEXEC),
        out = open(p.a, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (EXPECT_EQ(copy_all(in, out), 0)) {
        EXPECT_EQ(fstat(out, &st), 0);
        EXPECT(st.st_size > 0);
    }
    close(in);
    close(out);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_whole_file_is_read_up_to_the_limit)
{
    struct place p = place_make();
    void *data;
    size_t size;

    fill(p.a, "twelve bytes");
    if (EXPECT_EQ(eddy_file_read_all(p.a, 12, &data, &size), 0)) {
        EXPECT_EQ(size, 12);
        EXPECT_STR(data, "twelve bytes");
        eddy_file_free(data);
    }
    EXPECT_EQ(eddy_file_read_all(p.a, 11, &data, &size), EDDY_ELIMIT);
    EXPECT_EQ(eddy_file_read_all(p.dir, 100, &data, &size), -EISDIR);
    if (EXPECT_EQ(eddy_file_read_all("/proc/self/status", 1 << 20, &data, &size), 0)) {
        EXPECT(size > 0);
        eddy_file_free(data);
    }
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_large_file_is_read_whole)
{
    enum { SIZE = 300000 };
    struct place p = place_make();
    char *text = calloc(1, SIZE);
    void *data;
    size_t size;

    memset(text, 'x', SIZE - 1);
    if (EXPECT_EQ(eddy_file_write_all(p.a, text, SIZE), 0) &&
        EXPECT_EQ(eddy_file_read_all(p.a, SIZE_MAX, &data, &size), 0)) {
        EXPECT_EQ(size, SIZE);
        EXPECT(memcmp(data, text, SIZE) == 0);
        eddy_file_free(data);
    }
    free(text);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(replacing_is_all_or_nothing_and_leaves_nothing_beside)
{
    struct place p = place_make();
    struct stat st;

    fill(p.a, "before");
    REQUIRE(chmod(p.a, 0640) == 0);
    eddyi_fault_only("pwritev2", ENOSPC);
    eddyi_fault_only("cqe", ENOSPC);
    EXPECT(eddy_file_replace(p.a, "after", 5) < 0);
    eddyi_fault_clear();
    EXPECT(holds(p.a, "before"));
    if (EXPECT_EQ(eddy_file_replace(p.a, "after", 5), 0)) {
        EXPECT(holds(p.a, "after"));
        EXPECT_EQ(stat(p.a, &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0640);
    }
    if (EXPECT_EQ(eddy_file_replace(p.b, "new", 3), 0))
        EXPECT(holds(p.b, "new"));
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(a_replaced_file_keeps_its_mode_whatever_the_umask)
{
    static const mode_t modes[] = {0600, 0664, 0666, 0644, 0400, 02755, 04711, 01644},
                        masks[] = {0, 022, 077};
    struct place p = place_make();
    mode_t before = umask(0);
    struct stat st;

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        for (size_t k = 0; k < sizeof masks / sizeof masks[0]; k++) {
            fill(p.a, "before");
            REQUIRE(chmod(p.a, modes[i]) == 0);
            umask(masks[k]);
            if (EXPECT_EQ(eddy_file_replace(p.a, "after", 5), 0) && EXPECT_EQ(stat(p.a, &st), 0))
                EXPECT_EQ(st.st_mode & 07777, modes[i]);
            remove(p.a);
        }
    }
    umask(before);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_file_made_by_replacing_has_the_mode_that_opening_would_give_it)
{
    struct place p = place_make();
    mode_t before = umask(027);
    struct stat st;

    if (EXPECT_EQ(eddy_file_replace(p.a, "new", 3), 0) && EXPECT_EQ(stat(p.a, &st), 0))
        EXPECT_EQ(st.st_mode & 07777, 0640);
    umask(before);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_replaced_file_keeps_its_owner)
{
    struct place p = place_make();
    struct stat st;

    fill(p.a, "before");
    if (chown(p.a, 1234, 2345) < 0 || chmod(p.a, 06755) < 0) {
        place_remove(&p);
        SKIP("the owner of a file cannot be changed here");
    }
    if (EXPECT_EQ(eddy_file_replace(p.a, "after", 5), 0) && EXPECT_EQ(stat(p.a, &st), 0)) {
        EXPECT_EQ(st.st_uid, 1234);
        EXPECT_EQ(st.st_gid, 2345);
        EXPECT_EQ(st.st_mode & 07777, 06755);
    }
    eddyi_fault_only("fchown", EPERM);
    EXPECT_EQ(eddy_file_replace(p.a, "later", 5), -EPERM);
    eddyi_fault_clear();
    EXPECT(holds(p.a, "after") || test_tortured());
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(a_replaced_file_keeps_the_attributes_that_users_gave_it)
{
    static const char acl[] =
        "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\6\0\322\4\0\0\4\0\4\0\377\377\377\377"
        "\20\0\6\0\377\377\377\377 \0\0\0\377\377\377\377";
    static const size_t acl_size = sizeof acl - 1;
    struct place p = place_make();
    char found[100];

    fill(p.a, "before");
    if (setxattr(p.a, "user.colour", "green", 5, 0) < 0 ||
        setxattr(p.a, "system.posix_acl_access", acl, acl_size, 0) < 0) {
        place_remove(&p);
        SKIP("files have no attributes here");
    }
    if (EXPECT_EQ(eddy_file_replace(p.a, "after", 5), 0)) {
        EXPECT_EQ(getxattr(p.a, "user.colour", found, sizeof found), 5);
        EXPECT_EQ(getxattr(p.a, "system.posix_acl_access", found, sizeof found), (ssize_t)acl_size);
        EXPECT(memcmp(found, acl, acl_size) == 0);
    }
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(replacing_a_symbolic_link_replaces_what_it_leads_to)
{
    struct place p = place_make();
    char second[70];
    struct stat st;

    REQUIRE(mkdir(p.b, 0700) == 0);
    snprintf(second, sizeof second, "%s/second", p.b);
    REQUIRE(symlink("b/second", p.a) == 0 && symlink("../target", second) == 0);
    for (int i = 0; i < 2; i++) { /* first it leads to nothing */
        EXPECT_EQ(eddy_file_replace(p.a, i ? "after" : "before", i ? 5 : 6), 0);
        EXPECT(holds(p.a, i ? "after" : "before") || test_tortured());
        EXPECT(lstat(p.a, &st) == 0 && S_ISLNK(st.st_mode));
        EXPECT(lstat(second, &st) == 0 && S_ISLNK(st.st_mode));
    }
    remove(second);
    snprintf(second, sizeof second, "%s/target", p.dir);
    EXPECT(lstat(second, &st) == 0 || test_tortured());
    remove(second);
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(only_files_are_replaced)
{
    struct place p = place_make();
    char slash[70];
    struct stat st;

    snprintf(slash, sizeof slash, "%s/", p.b);
    REQUIRE(symlink("a", p.a) == 0);
    EXPECT_EQ(eddy_file_replace(p.a, "x", 1), -ELOOP);
    EXPECT_IN(p.a, eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_file_replace(p.dir, "x", 1), -EISDIR);
    EXPECT_EQ(eddy_file_replace(slash, "x", 1), -EISDIR);
    EXPECT_EQ(eddy_file_replace("", "x", 1), -ENOENT);
    EXPECT_EQ(eddy_file_replace("/dev/null", "x", 1), -EINVAL);
    EXPECT(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    remove(p.a);
    REQUIRE(mkfifo(p.a, 0600) == 0);
    EXPECT_EQ(eddy_file_replace(p.a, "x", 1), -EINVAL);
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(a_file_of_any_name_is_replaced)
{
    struct place p = place_make();
    char path[400];

    for (int n = 235; n <= 256; n += 5 + (n == 250)) {
        snprintf(path, sizeof path, "%s/%0*d", p.dir, n, 1);
        EXPECT_EQ(eddy_file_write_all(path, "old", 3), n > 255 ? -ENAMETOOLONG : 0);
        EXPECT_EQ(eddy_file_replace(path, "new", 3), n > 255 ? -ENAMETOOLONG : 0);
        EXPECT(n > 255 || holds(path, "new") || test_tortured());
        remove(path);
    }
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(a_path_as_long_as_any_is_replaced)
{
    char cwd[PATH_MAX], name[PATH_MAX] = "a";
    struct place p = place_make();

    REQUIRE(getcwd(cwd, sizeof cwd) && chdir(p.dir) == 0);
    for (size_t i = 0; i + 3 < sizeof name; i += 2)
        memcpy(name + i, "./a", 4);
    if (EXPECT_EQ(eddy_file_replace(name, "new", 3), 0))
        EXPECT(holds("a", "new"));
    EXPECT_EQ(chdir(cwd), 0);
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(whatever_fails_while_a_file_is_replaced_leaves_the_old_one)
{
    static const char *const calls[] = {"openat",     "readlinkat", "statx",  "pwritev2",
                                        "getxattr",   "fsetxattr",  "fchmod", "fsync",
                                        "close_file", "renameat",   "cqe"};
    struct place p = place_make();

    fill(p.a, "before");
    REQUIRE(chmod(p.a, 0666) == 0);
    if (setxattr(p.a, "user.colour", "green", 5, 0) < 0) {
        place_remove(&p);
        SKIP("files have no attributes here");
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        eddyi_fault_only(calls[i], EIO);
        int rc = eddy_file_replace(p.a, "after", 5);
        bool struck = eddyi_fault_hits() > 0;

        eddyi_fault_clear();
        EXPECT(rc == 0 ? !struck : rc == -EIO || test_tortured());
        EXPECT(holds(p.a, rc == 0 ? "after" : "before") || test_tortured());
        if (rc == 0)
            fill(p.a, "before");
    }
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(a_full_disk_is_an_error_that_says_how_much_was_written)
{
    static char block[1 << 16];
    struct place p = place_make();
    size_t written = 0, total = 0;
    int rc = 0, fd;

    if (mount("none", p.dir, "tmpfs", 0, "size=128k") < 0) {
        place_remove(&p);
        SKIP("no file system can be mounted here");
    }
    fd = eddy_file_open(p.a, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 4 && rc == 0 && fd >= 0; i++) {
        rc = eddy_file_write_fully(fd, block, sizeof block, -1, &written);
        total += written;
    }
    if (fd >= 0 && !test_tortured()) {
        EXPECT_EQ(rc, -ENOSPC);
        EXPECT(total <= 128 << 10);
        EXPECT_EQ(lseek(fd, 0, SEEK_CUR), (off_t)total);
        EXPECT(eddy_file_replace(p.b, block, sizeof block) == -ENOSPC);
        EXPECT_EQ(access(p.b, F_OK), -1);
    }
    if (fd >= 0)
        eddy_file_close(fd);
    EXPECT_EQ(umount2(p.dir, MNT_DETACH), 0);
    place_remove(&p);
    return 0;
}

/*
 * A file that may not grow beyond a megabyte, for which the system has a signal beside the error.
 * What that kills is the process, so the signal is ignored; the soft limit can be put back.
 */
enum { LIMIT = 1 << 20 };

static void limit_files(rlim_t size)
{
    struct rlimit limit;

    signal(SIGXFSZ, size == LIMIT ? SIG_IGN : SIG_DFL);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = size == LIMIT ? size : limit.rlim_max;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* Each byte says where it belongs. */
static char *numbered(size_t size)
{
    char *data = malloc(size);

    REQUIRE(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i ^ i >> 8 ^ i >> 16);
    return data;
}

static bool holds_bytes(const char *path, const char *data, size_t size)
{
    char *found = malloc(size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || !found ? -1 : read(fd, found, size + 1);
    bool same = n == (ssize_t)size && memcmp(found, data, size) == 0;

    if (fd >= 0)
        close(fd);
    free(found);
    return same;
}

TEST_ASYNC_REAL(a_write_that_ends_early_moves_the_position_by_what_it_wrote)
{
    struct place p = place_make();
    char *data = numbered(2 * LIMIT);
    int fd = open(p.a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct iovec halves[] = {{data, LIMIT}, {data + LIMIT, LIMIT}};
    ssize_t n = 0, total = 0;

    limit_files(LIMIT);
    for (int i = 0; i < 3 && n >= 0; i++) {
        n = eddy_file_writev(fd, halves, 2, -1);
        total += n > 0 ? n : 0;
        EXPECT_EQ(lseek(fd, 0, SEEK_CUR), total);
        if (i == 0 && n > 0)
            lseek(fd, total = LIMIT - 1000, SEEK_SET);
    }
    EXPECT(total <= LIMIT);
    limit_files(RLIM_INFINITY);
    close(fd);
    free(data);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(appending_to_the_limit_ends_at_the_end_of_the_file)
{
    struct place p = place_make();
    char *data = numbered(2 * LIMIT);
    int fd = open(p.a, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    size_t written = 0;

    EXPECT_EQ(write(fd, data, 1000), 1000);
    lseek(fd, 0, SEEK_SET);
    limit_files(LIMIT);
    EXPECT_EQ(eddy_file_write_fully(fd, data + 1000, 2 * LIMIT - 1000, -1, &written), -EFBIG);
    limit_files(RLIM_INFINITY);
    EXPECT(written == LIMIT - 1000 || test_tortured());
    EXPECT(written == 0 || lseek(fd, 0, SEEK_CUR) == (off_t)written + 1000);
    EXPECT(holds_bytes(p.a, data, 1000 + written));
    close(fd);
    free(data);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_whole_file_that_does_not_fit_is_an_error)
{
    struct place p = place_make();
    char *data = numbered(3 * LIMIT);

    limit_files(LIMIT);
    EXPECT_EQ(eddy_file_write_all(p.a, data, 3 * LIMIT), -EFBIG);
    limit_files(RLIM_INFINITY);
    EXPECT(holds_bytes(p.a, data, LIMIT) || test_tortured());
    free(data);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(a_replacement_that_does_not_fit_leaves_the_old_file)
{
    struct place p = place_make();
    char *data = numbered(3 * LIMIT);

    fill(p.a, "before");
    limit_files(LIMIT);
    EXPECT_EQ(eddy_file_replace(p.a, data, 3 * LIMIT), -EFBIG);
    limit_files(RLIM_INFINITY);
    EXPECT(holds(p.a, "before"));
    free(data);
    EXPECT(place_remove(&p) || test_tortured());
    return 0;
}

/* The second piece lies where no memory is: the kernel has read the first by then. */
TEST_ASYNC_REAL(a_read_that_ends_early_moves_the_position_by_what_it_read)
{
    struct place p = place_make();
    char first[4] = "";
    struct iovec pieces[] = {{first, 4}, {(void *)16, 4}};
    int fd;

    fill(p.a, "0123456789");
    fd = open(p.a, O_RDONLY | O_CLOEXEC);
    eddyi_fault_only("preadv2_nowait", EOPNOTSUPP);
    for (off_t at = 0, n = 0; at < 8 && n >= 0; at += n) {
        n = eddy_file_readv(fd, pieces, 2, -1);
        EXPECT(n > 0 || test_tortured());
        EXPECT_EQ(lseek(fd, 0, SEEK_CUR), at + (n > 0 ? n : 0));
        EXPECT(n <= 0 || memcmp(first, "0123456789" + at, (size_t)n) == 0);
    }
    eddyi_fault_clear();
    close(fd);
    place_remove(&p);
    return 0;
}

TEST_ASYNC_REAL(without_descriptors_opening_fails_and_recovers)
{
    struct place p = place_make();
    struct rlimit before, none;
    int fd;

    fill(p.a, "x");
    /* What the backend opens for itself it has by now. */
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

TEST_ASYNC_REAL(a_fifo_is_at_its_end_while_nobody_has_it_open_for_writing)
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

TEST_ASYNC_REAL(a_file_is_opened_when_somebody_has_given_up_the_lease_on_it)
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
