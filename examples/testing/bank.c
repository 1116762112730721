#include "bank.h"

/* Simulates a write to a slow disk. */
static int write_journal(const struct account *from, const struct account *to, long amount)
{
    (void)from;
    (void)to;
    (void)amount;
    return eddy_sleep(0.02);
}

static int transfer_locked(struct account *from, struct account *to, long amount)
{
    int rc;

    if (from->balance < amount)
        return eddy_raise(BANK_EFUNDS, "%s has %ld, not %ld", from->owner, from->balance, amount);
    from->balance -= amount;
    rc = write_journal(from, to, amount);
    if (rc < 0)
        from->balance += amount; /* cancelled: the money goes back */
    else
        to->balance += amount;
    return rc;
}

/*
 * Locks both accounts, always in the same order, since otherwise two transfers could wait for each
 * other.
 */
int bank_transfer(struct account *from, struct account *to, long amount)
{
    struct account *first = from < to ? from : to, *second = from < to ? to : from;

    eddy_try(eddy_lock_acquire(&first->lock));
    eddy_lock_release_at_end(&first->lock);
    eddy_try(eddy_lock_acquire(&second->lock));
    eddy_lock_release_at_end(&second->lock);
    return transfer_locked(from, to, amount);
}

eddy_async(bank_transferring, (struct account *, from), (struct account *, to), (long, amount))
{
    return bank_transfer(from, to, amount);
}
