/* Cancellation */
#include <eddy.h>
#include <stdio.h>

eddy_async(cancel_me)
{
    int rc;

    puts("cancel_me(): before sleep");
    rc = eddy_sleep(3600);
    if (rc == -ECANCELED) /* except asyncio.CancelledError: */
        puts("cancel_me(): cancel sleep");
    puts("cancel_me(): after sleep"); /* finally: */
    return rc;                        /* raise */
}

eddy_async(stubborn)
{
    for (int i = 0; i < 2; i++) {
        if (eddy_sleep(3600) == -ECANCELED) {
            printf("stubborn: not yet, cancelling = %d\n",
                   eddy_task_cancelling(eddy_current_task()));
            eddy_task_uncancel(eddy_current_task());
        }
    }
    return eddy_return("done anyway");
}

eddy_async(amain)
{
    eddy_task *task = eddy_create_task(cancel_me());
    void *value;

    eddy_try(eddy_sleep(0.05));
    eddy_task_cancel(task, NULL);
    if (eddy_await(task) == -ECANCELED)
        puts("main(): cancel_me is cancelled now");

    eddy_task *never = eddy_create_task(cancel_me());
    eddy_task_cancel(never, NULL);
    eddy_try(eddy_wait(&never, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED));
    printf("cancelled before it began: %s\n", eddy_task_cancelled(never) ? "True" : "False");
    eddy_unref(never);

    task = eddy_create_task(stubborn());
    for (int i = 0; i < 2; i++) {
        eddy_try(eddy_sleep(0.02));
        eddy_task_cancel(task, NULL);
    }
    eddy_try(eddy_await_value(eddy_ref(task), &value));
    printf("%s %s\n", (char *)value, eddy_task_cancelled(task) ? "True" : "False");
    eddy_unref(task);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
