/* done, result, cancel, add_done_callback, names */
#include <eddy.h>
#include <stdio.h>

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

eddy_async(time_set)
{
    eddy_try(eddy_sleep(0.1));
    return eddy_return("rang");
}

static const char *result_of(eddy_task *task)
{
    void *result = "nothing";

    eddy_task_result_value(task, &result);
    return result;
}

static void callback(eddy_future *f, void *arg)
{
    eddy_task *t = eddy_future_as_task(f);

    printf("callback: %s %s\n", eddy_task_get_name(t), result_of(t));
}

eddy_async(amain)
{
    eddy_task *task = eddy_create_task(time_set(), .name = "alarm");
    const eddy_exception *error;

    eddy_task_add_done_callback(task, callback, NULL);
    printf("%s %s\n", truth(eddy_task_done(task)), eddy_task_get_name(task));
    eddy_try(eddy_await(eddy_ref(task)));
    eddy_try(eddy_task_exception(task, &error));
    printf("%s %s %s %s\n", truth(eddy_task_done(task)), result_of(task),
           truth(eddy_task_cancelled(task)), error ? eddy_exception_message(error) : "None");
    eddy_unref(task);

    task = eddy_create_task(time_set());
    eddy_task_set_name(task, "doomed");
    eddy_try(eddy_sleep(0));
    bool cancelled = eddy_task_cancel(task, "no time");
    printf("cancel: %s cancelling: %d done: %s\n", truth(cancelled), eddy_task_cancelling(task),
           truth(eddy_task_done(task)));
    if (eddy_await(eddy_ref(task)) == -ECANCELED) /* except asyncio.CancelledError as e: */
        printf("CancelledError: %s\n", eddy_exception_message(eddy_error()));
    printf("cancelled: %s cancel again: %s\n", truth(eddy_task_cancelled(task)),
           truth(eddy_task_cancel(task, NULL)));
    if (eddy_task_result(task) == -ECANCELED)
        puts("result(): CancelledError");
    eddy_unref(task);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
