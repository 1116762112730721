/*
 * Which backend it is and why, the virtual clock, and what happens when the kernel refuses.
 */
#include "backend/rig.h"

static void expect_choice(const char *variable, const char *backend, const char *reason_part)
{
    char reason[160] = "unset";
    struct eddyi_backend *b = NULL;

    if (variable)
        setenv("EDDY_BACKEND", variable, 1);
    else
        unsetenv("EDDY_BACKEND");
    EXPECT_EQ(eddyi_backend_open(EDDY_BACKEND_DEFAULT, &b, reason, sizeof reason), 0);
    if (!b)
        return;
    EXPECT_STR(b->ops->name, backend);
    EXPECT_IN(reason_part, reason);
    if (!*reason_part)
        EXPECT_STR(reason, "");
    rig_close(b);
}

/* Returns whether the kernel allows io_uring. */
static bool have_uring(void)
{
    char reason[160];
    struct eddyi_backend *b;

    if (eddyi_backend_open(EDDY_BACKEND_IO_URING, &b, reason, sizeof reason) < 0)
        return false;
    rig_close(b);
    return true;
}

TEST_VIRTUAL(the_default_is_io_uring)
{
    if (!have_uring())
        SKIP("io_uring is refused here");
    expect_choice(NULL, "io_uring", "");
    expect_choice("", "io_uring", "");
    expect_choice("io_uring", "io_uring", "");
}

TEST_VIRTUAL(the_environment_chooses_epoll)
{
    expect_choice("epoll", "epoll", "EDDY_BACKEND=epoll");
}

static void choose_garbage(void *arg)
{
    struct eddyi_backend *b;
    char reason[160];

    setenv("EDDY_BACKEND", "select", 1);
    for (int i = 0; i < 3; i++) {
        if (eddyi_backend_open(EDDY_BACKEND_DEFAULT, &b, reason, sizeof reason) == 0)
            rig_close(b);
    }
    _exit(0);
}

TEST_VIRTUAL(garbage_in_the_environment_is_said_once_and_ignored)
{
    char output[1000];

    EXPECT_EQ(test_in_child(choose_garbage, NULL, output, sizeof output), 0);
    EXPECT_STR(output,
               "eddy: EDDY_BACKEND=select is ignored: it can be \"io_uring\" or \"epoll\"\n");
}

TEST_VIRTUAL(where_io_uring_is_refused_epoll_serves_and_the_reason_is_kept)
{
    static const struct {
        const char *call;
        int error;
        const char *reason;
    } refusals[] = {
        {"io_uring_setup", EPERM,
         "io_uring_setup: Operation not permitted (seccomp or kernel.io_uring_disabled)"},
        {"io_uring_setup", ENOSYS, "io_uring_setup: Function not implemented"},
        {"io_uring_setup", EINVAL, "io_uring_setup: Invalid argument"},
        {"io_uring_setup", ENOMEM,
         "io_uring_setup: Cannot allocate memory (possibly RLIMIT_MEMLOCK)"},
        {"io_uring_enter", EPERM, "io_uring_enter: Operation not permitted"},
        {"io_uring_register", EPERM, "io_uring_register: Operation not permitted"},
    };

    if (!have_uring())
        SKIP("io_uring is refused here");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char reason[160];
        struct eddyi_backend *b;

        eddyi_fault_only(refusals[i].call, refusals[i].error);
        expect_choice(NULL, "epoll", refusals[i].reason);
        EXPECT_EQ(eddyi_backend_open(EDDY_BACKEND_IO_URING, &b, reason, sizeof reason),
                  -refusals[i].error);
        EXPECT_IN(refusals[i].reason, reason);
        eddyi_fault_clear();
    }
}

static void choose_what_is_refused(void *variable)
{
    struct eddyi_backend *b;
    char reason[160];

    variable ? setenv("EDDY_BACKEND", variable, 1) : unsetenv("EDDY_BACKEND");
    eddyi_fault_only("io_uring_setup", EPERM);
    for (int i = 0; i < 3; i++) {
        if (eddyi_backend_open(EDDY_BACKEND_DEFAULT, &b, reason, sizeof reason) == 0)
            rig_close(b);
    }
    _exit(0);
}

TEST_VIRTUAL(io_uring_that_the_environment_wants_and_does_not_get_is_said_once)
{
    char output[1000];

    if (!have_uring())
        SKIP("io_uring is refused here");
    EXPECT_EQ(test_in_child(choose_what_is_refused, "io_uring", output, sizeof output), 0);
    EXPECT_STR(output, "eddy: EDDY_BACKEND=io_uring is refused, epoll is used instead: "
                       "io_uring_setup: Operation not permitted (seccomp or "
                       "kernel.io_uring_disabled)\n");
    EXPECT_EQ(test_in_child(choose_what_is_refused, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "");
}

TEST_VIRTUAL(a_kernel_that_does_not_take_the_newest_flags_gets_older_ones)
{
    struct eddyi_backend *b;
    char buf[8];
    int s[2];

    if (!have_uring())
        SKIP("io_uring is refused here");
    pair_open(s);
    for (unsigned long rung = 1; rung <= 2; rung++) {
        for (unsigned long n = 1; n <= rung; n++)
            eddyi_fault_nth("io_uring_setup", 1, EINVAL);
        b = rig_open_as(EDDY_BACKEND_IO_URING);
        eddyi_fault_clear();
        struct rig_op recv = rig_recv(s[0], buf, sizeof buf),
                      cancelled = rig_recv(s[0], buf, sizeof buf);
        EXPECT_EQ(rig_submit(b, &recv), 0);
        rig_settle(b);
        EXPECT(socket_write(s[1], "x"));
        EXPECT_EQ(rig_finish(b, &recv), 1);
        EXPECT_EQ(rig_submit(b, &cancelled), 0);
        rig_settle(b);
        rig_cancel(b, &cancelled);
        EXPECT_EQ(rig_finish(b, &cancelled), -ECANCELED);
        b->ops->wake(b);
        EXPECT_EQ(rig_wait_forever(b), 0);
        rig_close(b);
    }
    pair_close(s);
}

/* When the kernel fails under way. */

TEST_REAL(a_result_that_is_an_error_reaches_its_operation)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof addr) == 0);
    eddyi_fault_only(rig_is_uring(b) ? "cqe" : "accept4", ENOBUFS);
    struct rig_op accept = rig_accept(listener);
    EXPECT_EQ(rig_run(b, &accept), -ENOBUFS);
    eddyi_fault_clear();
    close(client);
    close(listener);
    rig_close(b);
}

TEST_REAL(a_wait_that_fails_says_so_and_the_next_goes_on)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    eddyi_fault_only(rig_is_uring(b) ? "io_uring_enter" : "epoll_wait", ENOMEM);
    EXPECT_EQ(b->ops->wait(b, -1), -ENOMEM);
    eddyi_fault_clear();
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(rig_finish(b, &recv), 1);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(when_waiting_fails_for_good_cancelled_operations_end_all_the_same)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    rig_cancel(b, &recv);
    eddyi_fault_only(rig_is_uring(b) ? "io_uring_enter" : "epoll_wait", ENOMEM);
    for (int i = 0; i < 3 && recv.completions == 0; i++)
        b->ops->wait(b, -1);
    EXPECT_EQ(recv.completions, 1);
    EXPECT(recv.op.result < 0);
    eddyi_fault_clear();

    struct rig_op next = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &next), 0);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(rig_finish(b, &next), 1);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(a_kernel_short_of_memory_is_asked_again)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    if (!rig_is_uring(b)) {
        rig_close(b);
        SKIP("epoll submits nothing");
    }
    pair_open(s);
    struct rig_op poll = rig_poll(s[0], POLLOUT);
    EXPECT_EQ(rig_submit(b, &poll), 0);
    eddyi_fault_nth("io_uring_enter", 1, EAGAIN);
    eddyi_fault_nth("io_uring_enter", 1, EBUSY);
    EXPECT_EQ(rig_finish(b, &poll), POLLOUT);
    eddyi_fault_clear();
    pair_close(s);
    rig_close(b);
}

TEST_VIRTUAL(an_old_kernel_waits_in_whole_milliseconds_and_is_never_early)
{
    struct eddyi_backend *b = rig_open_as(EDDY_BACKEND_EPOLL);

    eddyi_fault_only("epoll_pwait2", ENOSYS);
    for (int i = 0; i < 3; i++) {
        int64_t begin = b->ops->now(b);

        EXPECT_EQ(b->ops->wait(b, 1000001), 0);
        EXPECT(b->ops->now(b) - begin >= 1000001);
    }
    EXPECT(eddyi_fault_hits() > 0);
    eddyi_fault_clear();
    rig_close(b);
}

/* The virtual clock. */

TEST_VIRTUAL(virtual_time_moves_only_by_waiting)
{
    struct eddyi_backend *b = rig_open_as(EDDY_BACKEND_VIRTUAL);

    EXPECT_EQ(b->ops->now(b), 0);
    EXPECT_EQ(b->ops->wait(b, 86400 * SECONDS), 0);
    EXPECT_EQ(b->ops->now(b), 86400 * SECONDS);
    EXPECT_EQ(b->ops->wait(b, 0), 0);
    EXPECT_EQ(b->ops->now(b), 86400 * SECONDS);
    EXPECT_EQ(b->ops->wait(b, INT64_MAX), 0);
    EXPECT_EQ(b->ops->now(b), INT64_MAX);
    rig_close(b);
}

TEST_VIRTUAL(waiting_without_a_waker_is_a_deadlock_unless_it_was_woken)
{
    struct eddyi_backend *b = rig_open_as(EDDY_BACKEND_VIRTUAL);

    EXPECT_EQ(b->ops->wait(b, -1), -EDEADLK);
    b->ops->wake(b);
    EXPECT_EQ(b->ops->wait(b, -1), 0);
    EXPECT_EQ(b->ops->wait(b, -1), -EDEADLK);
    b->ops->wake(b);
    EXPECT_EQ(b->ops->wait(b, SECONDS), 0);
    EXPECT_EQ(b->ops->now(b), 0);
    rig_close(b);
}

TEST_VIRTUAL(the_virtual_clock_takes_no_operations)
{
    struct eddyi_backend *b = rig_open_as(EDDY_BACKEND_VIRTUAL);
    char buf[8];

    struct rig_op recv = rig_recv(0, buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), -EOPNOTSUPP);
    rig_close(b);
}
