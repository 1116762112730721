/*
 * Accounts between which money is transferred, by any number of tasks at a time.
 */
#ifndef BANK_H
#define BANK_H

#include <eddy.h>

#define BANK_EFUNDS EDDY_EUSER /* there is not so much in the account */

struct account {
    const char *owner;
    long balance;
    eddy_lock lock;
};

/*
 * Moves an amount from one account to another, and writes it into the journal, which takes a
 * moment. 0, BANK_EFUNDS, or -ECANCELED: then nothing was moved.
 */
EDDY_AWAITS int bank_transfer(struct account *from, struct account *to, long amount);

/* The same as a coroutine. */
eddy_async_declare(bank_transferring, (struct account *, from), (struct account *, to),
                   (long, amount));

#endif
