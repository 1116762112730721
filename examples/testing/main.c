/* The program itself: three concurrent transfers. */
#include "bank.h"

#include <stdio.h>

eddy_async(amain)
{
    struct account ann = {.owner = "Ann", .balance = 100}, bob = {.owner = "Bob", .balance = 100},
                   cid = {.owner = "Cid", .balance = 100};

    eddy_try(
        eddy_await(eddy_gather(bank_transferring(&ann, &bob, 10), bank_transferring(&bob, &cid, 20),
                               bank_transferring(&cid, &ann, 30))));
    printf("Ann %ld, Bob %ld, Cid %ld\n", ann.balance, bob.balance, cid.balance);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
