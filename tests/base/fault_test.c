#include "harness/test.h"

#include "base/sys.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

TEST_VIRTUAL(a_named_call_fails_with_the_chosen_error_until_cleared)
{
    eddyi_fault_only("guard_install", ENOSYS);
    EXPECT_EQ(eddyi_fault("guard_install"), -ENOSYS);
    EXPECT_EQ(eddyi_fault("guard_install"), -ENOSYS);
    EXPECT_EQ(eddyi_fault("mmap"), 0);
    EXPECT_EQ(eddyi_fault_hits(), 2);

    eddyi_fault_clear();
    EXPECT_EQ(eddyi_fault("guard_install"), 0);
    EXPECT_EQ(eddyi_fault_hits(), 0);
}

TEST_VIRTUAL(the_nth_call_of_a_name_fails_and_no_other)
{
    eddyi_fault_nth("accept4", 2, EMFILE);
    EXPECT_EQ(eddyi_fault("accept4"), 0);
    EXPECT_EQ(eddyi_fault("accept4"), -EMFILE);
    EXPECT_EQ(eddyi_fault("accept4"), 0);
    EXPECT_EQ(eddyi_fault("accept4"), 0);
}

TEST_VIRTUAL(the_ledger_knows_what_is_alive_and_what_was_ever_made)
{
    long live = eddyi_ledger_live();
    unsigned long made = eddyi_ledger_made();
    char *p = eddyi_alloc(1);

    REQUIRE(p != NULL);
    EXPECT_EQ(eddyi_ledger_live(), live + 1);
    p = eddyi_realloc(p, 100);
    REQUIRE(p != NULL);
    EXPECT_EQ(eddyi_ledger_live(), live + 1);

    eddyi_free(p);
    EXPECT_EQ(eddyi_ledger_live(), live);
    EXPECT_EQ(eddyi_ledger_made(), made + 1);
}

TEST_VIRTUAL(an_allocation_that_fails_keeps_the_old_memory)
{
    char *p = eddyi_alloc(1);

    REQUIRE(p != NULL);
    *p = 'x';
    eddyi_fault_only("realloc", ENOMEM);
    EXPECT(eddyi_realloc(p, 1 << 20) == NULL);
    EXPECT_EQ(*p, 'x');
    eddyi_free(p);
}

TEST_VIRTUAL(transfers_are_cut_short_and_messages_are_not)
{
    struct iovec iov[2] = {{(void *)(uintptr_t) "", 0}, {(void *)(uintptr_t) "bytes", 5}};
    int stream[2], packets[2], counter = eventfd(1, EFD_CLOEXEC);
    char buf[8];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets) == 0);
    eddyi_fault_short(2);
    EXPECT_EQ(eddyi_sys_send(stream[0], "bytes", 5), 2);
    EXPECT_EQ(eddyi_sys_sendv(stream[0], iov, 2), 2);
    EXPECT_EQ(eddyi_sys_sendmsg(stream[0], &(struct msghdr){.msg_iov = iov, .msg_iovlen = 2}, 0),
              2);
    EXPECT_EQ(eddyi_sys_recv(stream[1], buf, sizeof buf), 2);
    EXPECT_EQ(eddyi_sys_recv(stream[1], buf, 1), 1);
    EXPECT_EQ(eddyi_sys_send(packets[0], "bytes", 5), 5);
    EXPECT_EQ(eddyi_sys_recv(packets[1], buf, sizeof buf), 5);
    EXPECT_EQ(eddyi_short(counter, 8), 8); /* of less it could not be read */

    eddyi_fault_short(0);
    EXPECT_EQ(eddyi_sys_recv(stream[1], buf, sizeof buf), 3);
    for (int i = 0; i < 2; i++) {
        close(stream[i]);
        close(packets[i]);
    }
    close(counter);
}
