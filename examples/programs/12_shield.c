/* shield */
#include <eddy.h>
#include <stdio.h>

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

eddy_async(something)
{
    eddy_try(eddy_sleep(0.1));
    puts("something finished");
    return 7;
}

eddy_async(outer, (eddy_task *, task))
{
    int rc = eddy_await(eddy_shield(eddy_ref(task))); /* await asyncio.shield(task) */

    if (rc == -ECANCELED)
        printf("outer cancelled, inner done: %s\n", truth(eddy_task_done(task)));
    return rc;
}

eddy_async(amain)
{
    eddy_task *task = eddy_create_task(something());
    eddy_task *o = eddy_create_task(outer(task));

    eddy_try(eddy_sleep(0.02));
    eddy_task_cancel(o, NULL);
    eddy_try(eddy_wait(&o, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED));
    int inner = eddy_await(task);
    printf("outer.cancelled(): %s inner: %d\n", truth(eddy_task_cancelled(o)), inner);
    eddy_unref(o);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
