/*
 * Whole files: read, written and replaced; and files that may not grow as far as they should.
 */
#include "io/places.h"

#include <limits.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

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
    /* a null device of the test's own, where making one is allowed */
    if (mknod(p.b, S_IFCHR | 0600, makedev(1, 3)) == 0) {
        EXPECT_EQ(eddy_file_replace(p.b, "x", 1), -EINVAL);
        EXPECT(stat(p.b, &st) == 0 && S_ISCHR(st.st_mode));
        remove(p.b);
    }
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
 * The signal would kill the process, so it is ignored; the soft limit can be put back.
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
