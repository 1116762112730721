/*
 * Batches of sends: one system call, a result for each, and no byte twice, whatever fails. Backends
 * for which send(2) is as good have none.
 */
#include "rig.h"

#include <pthread.h>

enum { N = 64 };

struct batch {
    struct eddyi_backend *backend;
    struct eddyi_send sends[N];
    char bytes[N];
    int near[N], far[N];
};

static struct eddyi_backend *open_with_batches(void)
{
    struct eddyi_backend *b = rig_open();

    if (!b->ops->send_batch)
        SKIP("%s has no batches", b->ops->name);
    return b;
}

/* Makes a batch of sends of one byte each, and a backend that has waited before. */
static struct batch *batch_open(void)
{
    static struct batch b;

    b.backend = open_with_batches();
    (void)b.backend->ops->wait(b.backend, 0);
    for (int i = 0; i < N; i++) {
        int fds[2];

        pair_open(fds);
        b.near[i] = fds[0];
        b.far[i] = fds[1];
        b.bytes[i] = (char)('0' + i);
        b.sends[i] = (struct eddyi_send){.fd = fds[0], .buf = &b.bytes[i], .size = 1};
    }
    return &b;
}

static void batch_close(struct batch *b)
{
    for (int i = 0; i < N; i++) {
        close(b->near[i]);
        close(b->far[i]);
    }
    rig_close(b->backend);
}

static void batch_send(struct batch *b)
{
    b->backend->ops->send_batch(b->backend, b->sends, N);
}

/* Expects that the byte of each successful send has arrived once, and nothing else. */
static void expect_arrived(struct batch *b)
{
    (void)b->backend->ops->wait(b->backend, 0); /* whatever was left in the queue is made now */
    for (int i = 0; i < N; i++) {
        char buf[4];
        ssize_t n = recv(b->far[i], buf, sizeof buf, MSG_DONTWAIT);

        EXPECT_EQ(n, b->sends[i].result > 0 ? 1 : -1);
        EXPECT(n < 1 || buf[0] == b->bytes[i]);
    }
}

TEST_REAL(a_batch_of_sends_is_one_system_call)
{
    struct batch *b = batch_open();

    eddyi_fault_nth("io_uring_enter", 2, EIO); /* a second call would fail */
    batch_send(b);
    EXPECT_EQ(eddyi_fault_hits(), 0);
    eddyi_fault_clear();

    eddyi_fault_nth("send", N + 1, EIO); /* so would one more send than there are */
    batch_send(b);
    EXPECT_EQ(eddyi_fault_hits(), 0);
    eddyi_fault_clear();
    for (int i = 0; i < N; i++) {
        char buf[4];

        EXPECT(b->sends[i].result == 1 || test_tortured());
        EXPECT(recv(b->far[i], buf, sizeof buf, MSG_DONTWAIT) == 2 || test_tortured());
    }
    batch_close(b);
}

TEST_REAL(each_send_of_a_batch_has_its_own_result, .whole = true)
{
    static const char block[65536];
    struct batch *b = batch_open();

    close(b->far[3]);
    b->far[3] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (write(b->near[5], block, sizeof block) > 0)
        ;
    b->sends[7].buf = block; /* more than there is room for */
    b->sends[7].size = sizeof block;
    while (write(b->near[7], block, 4096) > 0)
        ;
    EXPECT(read(b->far[7], (char[4096]){0}, 4096) > 0);
    batch_send(b);
    EXPECT(b->sends[3].result == -EPIPE || test_tortured());
    EXPECT(b->sends[5].result == -EAGAIN || test_tortured());
    EXPECT((b->sends[7].result > 0 && b->sends[7].result < (long)sizeof block) ||
           b->sends[7].result == -EAGAIN || test_tortured());
    for (int i = 0; i < N; i++)
        EXPECT(i == 3 || i == 5 || i == 7 || b->sends[i].result == 1 || test_tortured());
    batch_close(b);
}

TEST_REAL(a_send_of_a_batch_may_be_short)
{
    struct batch *b = batch_open();

    for (int i = 0; i < N; i++) {
        b->sends[i].buf = "0123456789";
        b->sends[i].size = 10;
    }
    eddyi_fault_short(4);
    batch_send(b);
    eddyi_fault_short(0);
    for (int i = 0; i < N; i++) {
        char buf[16];

        EXPECT(b->sends[i].result == 4 || test_tortured());
        EXPECT_EQ(recv(b->far[i], buf, sizeof buf, MSG_DONTWAIT),
                  b->sends[i].result > 0 ? b->sends[i].result : -1);
    }
    batch_close(b);
}

static const int refusals[] = {EAGAIN, EBUSY, EINTR, ENOMEM};

TEST_REAL(sends_that_the_ring_refuses_are_made_one_by_one_and_not_again_later)
{
    struct batch *b = batch_open();

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        eddyi_fault_only("io_uring_enter", refusals[i]);
        batch_send(b);
        EXPECT(eddyi_fault_hits() > 0);
        eddyi_fault_clear();
        for (int j = 0; j < N; j++)
            EXPECT(b->sends[j].result == 1 || test_tortured());
        expect_arrived(b);
    }
    batch_close(b);
}

TEST_REAL(a_send_that_fails_by_itself_leaves_the_others_alone)
{
    struct batch *b = batch_open();

    eddyi_fault_nth("send", 10, ECONNRESET);
    batch_send(b);
    eddyi_fault_clear();
    EXPECT_EQ(b->sends[9].result, -ECONNRESET);
    expect_arrived(b);
    batch_close(b);
}

/* The queue is full of what could not be submitted. */
TEST_REAL(a_batch_finds_its_way_past_a_full_ring)
{
    enum { POLLS = 300 };
    static struct rig_op polls[POLLS];
    struct batch *b = batch_open();

    for (int i = 0; i < POLLS; i++) {
        polls[i] = rig_poll(b->near[i % N], POLLIN);
        (void)rig_submit(b->backend, &polls[i]);
    }
    eddyi_fault_only("io_uring_enter", EBUSY);
    (void)b->backend->ops->wait(b->backend, 0);
    batch_send(b);
    eddyi_fault_clear();
    expect_arrived(b);
    batch_send(b);
    expect_arrived(b);
    for (int i = 0; i < N; i++)
        EXPECT(socket_write(b->far[i], "x"));
    for (int i = 0; i < POLLS; i++)
        EXPECT(rig_finish(b->backend, &polls[i]) == POLLIN || test_tortured());
    batch_close(b);
}

TEST_REAL(a_batch_leaves_the_operations_alone_that_complete_with_it)
{
    struct batch *b = batch_open();
    char buf[4];
    struct rig_op recv = rig_recv(b->far[0], buf, sizeof buf);

    (void)rig_submit(b->backend, &recv);
    (void)b->backend->ops->wait(b->backend, 0);
    batch_send(b);
    EXPECT_EQ(recv.completions, 0);
    if (b->sends[0].result < 0) /* torture: nothing will come */
        rig_cancel(b->backend, &recv);
    EXPECT(rig_finish(b->backend, &recv) == 1 || test_tortured());
    EXPECT(buf[0] == b->bytes[0] || test_tortured());
    batch_close(b);
}

static void *send_there(void *arg)
{
    batch_send(arg);
    return NULL;
}

TEST_REAL(a_batch_of_another_thread_than_before_is_sent_as_well)
{
    struct batch *b = batch_open();
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, send_there, b) == 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < N; i++)
        EXPECT(b->sends[i].result == 1 || test_tortured());
    expect_arrived(b);
    batch_close(b);
}

TEST_REAL(a_batch_before_the_first_wait_is_sent_as_well)
{
    struct batch *b = batch_open();

    rig_close(b->backend);
    b->backend = open_with_batches();
    batch_send(b);
    for (int i = 0; i < N; i++)
        EXPECT(b->sends[i].result == 1 || test_tortured());
    expect_arrived(b);
    batch_close(b);
}
