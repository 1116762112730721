/*
 * Copies of files: by the kernel and by hand, with their holes; and what is refused.
 */
#include "io/places.h"
#include "io/sockets.h"

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
