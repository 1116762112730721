/*
 * Tests of the bank with eddy's test kit: under the virtual clock, and with every possible
 * accident.
 *
 * Must be linked with eddy_test in place of eddy. A test framework could replace the few lines at
 * the end.
 */
#include "bank.h"

#include <eddy/test.h>
#include <stdio.h>

static struct account ann, bob, cid;

static void open_bank(void *unused)
{
    (void)unused;
    ann = (struct account){.owner = "Ann", .balance = 100};
    bob = (struct account){.owner = "Bob", .balance = 100};
    cid = (struct account){.owner = "Cid", .balance = 100};
}

/* Time: the journal's 20 milliseconds pass when the test advances the clock. */
static int transfer_takes_until_the_journal_is_written(void)
{
    eddy_loop *loop = eddy_test_loop();
    eddy_task *t;
    bool before, after;

    open_bank(NULL);
    t = eddy_loop_create_task(loop, bank_transferring(&ann, &bob, 10));
    eddy_test_advance(loop, 0.019);
    before = !eddy_task_done(t) && bob.balance == 100;
    eddy_test_advance(loop, 0.001);
    after = eddy_task_done(t) && ann.balance == 90 && bob.balance == 110;
    eddy_unref(t);
    eddy_loop_unref(loop);
    return before && after ? 0 : -1;
}

static int more_than_there_is_cannot_be_transferred(void)
{
    open_bank(NULL);
    return eddy_test_run(bank_transferring(&ann, &bob, 101)) == BANK_EFUNDS && ann.balance == 100
               ? 0
               : -1;
}

/* A scenario: several concurrent transfers, some of which have to wait for each other. */
static int three_transfers(void *unused)
{
    (void)unused;
    return eddy_await(eddy_gather(bank_transferring(&ann, &bob, 10),
                                  bank_transferring(&bob, &cid, 20),
                                  bank_transferring(&cid, &ann, 30)));
}

/* Checks the condition that must hold after any accident. */
static int no_money_is_lost(void *unused, const eddy_test_trial *trial)
{
    (void)unused;
    if (ann.balance + bob.balance + cid.balance != 300)
        return eddy_raise(EDDY_EUSER, "there are %ld", ann.balance + bob.balance + cid.balance);
    if (eddy_lock_locked(&ann.lock) || eddy_lock_locked(&bob.lock) || eddy_lock_locked(&cid.lock))
        return eddy_raise(EDDY_EUSER, "an account is still locked");
    if (trial->status == 0 && !trial->task && bob.balance != 90)
        return eddy_raise(EDDY_EUSER, "Bob has %ld", bob.balance);
    return 0;
}

static const eddy_test_scenario transfers = {
    .name = "transfers", .fn = three_transfers, .begin = open_bank, .check = no_money_is_lost};

static int no_money_is_lost_wherever_a_transfer_is_cancelled(void)
{
    return eddy_test_cancel_everywhere(&transfers, NULL);
}

static int no_money_is_lost_whatever_call_fails(void)
{
    return eddy_test_fail_everywhere(&transfers, NULL);
}

static int no_money_is_lost_in_any_order(void)
{
    return eddy_test_shuffle(&transfers, 1, 100, NULL);
}

static int failures;

static void run(const char *name, int (*test)(void))
{
    int rc = test();

    printf("%s %s\n", rc == 0 ? "ok" : "not ok", name);
    failures += rc != 0;
}
#define RUN(test) run(#test, test)

int main(void)
{
    RUN(transfer_takes_until_the_journal_is_written);
    RUN(more_than_there_is_cannot_be_transferred);
    RUN(no_money_is_lost_wherever_a_transfer_is_cancelled);
    RUN(no_money_is_lost_whatever_call_fails);
    RUN(no_money_is_lost_in_any_order);
    return failures > 0;
}
