/* Accounts between which any number of tasks can transfer money concurrently. */
#ifndef BANK_H
#define BANK_H

#include <eddy.h>

#define BANK_EFUNDS EDDY_EUSER /* the account does not have that much money */

struct account {
    const char *owner;
    long balance;
    eddy_lock lock;
};

/*
 * Moves an amount from one account to another, and writes it to the journal, which takes some time.
 * Returns 0, BANK_EFUNDS or -ECANCELED.
 *
 * Cancelled: nothing was moved.
 */
EDDY_AWAITS int bank_transfer(struct account *from, struct account *to, long amount);

/* Makes a coroutine that does what bank_transfer() does. */
eddy_async_declare(bank_transferring, (struct account *, from), (struct account *, to),
                   (long, amount));

#endif
