/*
 * Accepting again and again: a multishot ACCEPT, which a backend may take for an ordinary one.
 */
#include "backend/rig.h"

enum { N = 200 }; /* more than are remembered without growing */

struct accepting {
    struct rig_op o;
    int taken;    /* connections */
    int went_on;  /* of them, those that were not the last */
    int endings;  /* calls that were the last of a submission */
    bool stopped; /* it is not to be submitted again */
};

static void took_one(struct rig_op *o)
{
    struct accepting *a = o->arg;

    if (o->op.result >= 0) {
        close((int)o->op.result);
        a->taken++;
        a->went_on += o->op.more;
    }
    if (o->op.more)
        return;
    a->endings++;
    if (!a->stopped && o->op.result >= 0)
        rig_submit(o->backend, o);
}

static void accept_from(struct eddyi_backend *b, struct accepting *a, int listener)
{
    *a = (struct accepting){.o = rig_accept(listener)};
    a->o.op.accept.multishot = true;
    a->o.then = took_one;
    a->o.arg = a;
    EXPECT_EQ(rig_submit(b, &a->o), 0);
    rig_settle(b);
}

static void connect_and_close(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0);
    close(fd);
}

/* Until it has ended; under torture it may have, by itself. */
static void stop(struct eddyi_backend *b, struct accepting *a)
{
    a->stopped = true;
    a->o.completions = 0;
    if (a->endings == 0 || a->o.op.result >= 0) {
        a->endings = 0;
        rig_cancel(b, &a->o);
        while (a->o.refused == 0 && a->endings == 0)
            b->ops->wait(b, -1);
    }
}

TEST_REAL(a_multishot_accept_brings_each_connection_and_then_its_end)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, SOCK_NONBLOCK);
    struct accepting a;

    accept_from(b, &a, listener);
    for (int i = 0; i < N && a.taken == i; i += 50) { /* fewer than the backlog at a time */
        for (int k = 0; k < 50; k++)
            connect_and_close(&addr);
        for (int waits = 0; a.taken < i + 50 && waits < 100; waits += test_tortured())
            rig_wait_forever(b);
    }
    EXPECT_EQ(a.taken, N);
    if (rig_is_uring(b))
        EXPECT_EQ(a.went_on, N); /* kernel 5.19 */
    stop(b, &a);
    EXPECT_EQ(a.o.op.result, -ECANCELED);
    EXPECT_EQ(a.endings, 1);
    close(listener);
    rig_close(b);
}

TEST_REAL(no_connection_is_lost_when_a_multishot_accept_is_cancelled)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, SOCK_NONBLOCK), fd;
    struct accepting a;

    accept_from(b, &a, listener);
    for (int i = 0; i < 10; i++)
        connect_and_close(&addr);
    stop(b, &a);
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        close(fd);
        a.taken++;
    }
    EXPECT_EQ(a.taken, 10);
    close(listener);
    rig_close(b);
}

static void withdraw_at_the_first(struct rig_op *o)
{
    struct accepting *a = o->arg;

    if (o->op.result >= 0) {
        close((int)o->op.result);
        a->taken++;
    }
    a->endings += !o->op.more;
    if (a->taken == 1 && o->op.more && o->op.result >= 0)
        (o->backend->ops->withdraw ? o->backend->ops->withdraw
                                   : o->backend->ops->cancel)(o->backend, &o->op);
}

/* The accept has ended before the call that withdraws it returns. */
TEST_REAL(a_multishot_accept_may_be_withdrawn_as_it_brings_a_connection)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, SOCK_NONBLOCK);
    struct accepting a;

    accept_from(b, &a, listener);
    a.o.then = withdraw_at_the_first;
    for (int i = 0; i < 3; i++)
        connect_and_close(&addr);
    for (int i = 0; i < 100 && a.o.refused == 0 && a.endings == 0; i++)
        (void)rig_wait_forever(b);
    if (a.endings == 0)
        stop(b, &a);
    EXPECT(a.taken >= 1 && a.taken <= 3);
    EXPECT_EQ(a.endings, 1);
    if (a.o.completions > a.taken) /* the last one is no connection */
        EXPECT_EQ(a.o.op.result, -ECANCELED);
    close(listener);
    rig_close(b);
}
