/*
 * O_NONBLOCK, where several threads and processes have one open file.
 */
#include "harness/test.h"

#include "base/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static int blocking_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(fd >= 0);
    return fd;
}

TEST_VIRTUAL(a_flag_is_borrowed_and_given_back)
{
    struct eddyi_borrowed b;
    int fd = blocking_socket();

    for (int i = 0; i < 2; i++) {
        REQUIRE(eddyi_borrow_nonblocking(fd, &b) == 0);
        EXPECT(is_nonblocking(fd));
        eddyi_give_back(&b);
        EXPECT(!is_nonblocking(fd));
    }
    close(fd);
}

TEST_VIRTUAL(a_flag_that_was_set_stays_set)
{
    struct eddyi_borrowed b;
    int fd = blocking_socket();

    EXPECT(eddyi_sys_set_nonblocking(fd) == 1 || test_tortured());
    if (is_nonblocking(fd)) {
        EXPECT(eddyi_sys_set_nonblocking(fd) == 0 || test_tortured());
        REQUIRE(eddyi_borrow_nonblocking(fd, &b) == 0);
        eddyi_give_back(&b);
        EXPECT(is_nonblocking(fd));
    }
    eddyi_sys_set_blocking(fd);
    EXPECT(!is_nonblocking(fd));
    close(fd);
}

TEST_VIRTUAL(nothing_is_borrowed_of_what_is_no_descriptor)
{
    struct eddyi_borrowed b;

    EXPECT_EQ(eddyi_borrow_nonblocking(-1, &b), -EBADF);
    EXPECT(eddyi_sys_set_nonblocking(-1) < 0);
}

TEST_VIRTUAL(a_file_that_can_only_be_read_is_borrowed_too)
{
    struct eddyi_borrowed b;
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    REQUIRE(eddyi_borrow_nonblocking(p[0], &b) == 0);
    EXPECT(is_nonblocking(p[0]));
    eddyi_give_back(&b);
    EXPECT(!is_nonblocking(p[0]));
    close(p[0]);
    close(p[1]);
}

struct borrower {
    int fd;
    atomic_bool began;
    bool was_blocking;
};

static void *borrow(void *arg)
{
    struct borrower *o = arg;
    struct eddyi_borrowed b;

    atomic_store(&o->began, true);
    if (eddyi_borrow_nonblocking(o->fd, &b) == 0) {
        o->was_blocking = b.was_blocking;
        eddyi_give_back(&b);
    }
    return NULL;
}

TEST_VIRTUAL(a_thread_does_not_take_a_flag_that_another_has_borrowed_for_its_own)
{
    struct borrower o = {.fd = blocking_socket()};
    struct eddyi_borrowed b;
    pthread_t thread;

    REQUIRE(eddyi_borrow_nonblocking(o.fd, &b) == 0);
    REQUIRE(pthread_create(&thread, NULL, borrow, &o) == 0);
    while (!atomic_load(&o.began))
        sched_yield();
    for (int i = 0; i < 1000; i++)
        sched_yield();
    eddyi_give_back(&b);
    pthread_join(thread, NULL);
    EXPECT(o.was_blocking);
    EXPECT(!is_nonblocking(o.fd));
    close(o.fd);
}

/* Where a process has to wait for too long it goes on all the same: then it has no lock. */
TEST_VIRTUAL(nor_does_a_process)
{
    int fd = blocking_socket(), ready[2], status = 0;
    struct eddyi_borrowed b;
    pid_t child;
    char c;

    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    REQUIRE(eddyi_borrow_nonblocking(fd, &b) == 0);
    child = fork();
    if (child == 0) {
        bool wrong = write(ready[1], "x", 1) != 1 || eddyi_borrow_nonblocking(fd, &b) < 0;

        _exit(wrong || (b.locked && !b.was_blocking));
    }
    EXPECT_EQ(read(ready[0], &c, 1), 1);
    eddyi_give_back(&b);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ready[0]);
    close(ready[1]);
    close(fd);
}
