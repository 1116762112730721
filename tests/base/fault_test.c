#include "harness/test.h"

#include "base/sys.h"

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
