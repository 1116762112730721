/* A Future is a result that comes later. */
#include <eddy.h>
#include <stdio.h>

enum { KEY_ERROR = EDDY_EUSER - 1 };

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

eddy_async(set_after, (eddy_future *, fut), (double, delay), (const char *, value))
{
    eddy_try(eddy_sleep(delay));
    return eddy_future_set_value(fut, (void *)value);
}

static void callback_1(eddy_future *f, void *arg)
{
    void *result = NULL;

    eddy_future_result_value(f, &result);
    printf("callback 1: %s\n", (char *)result);
}

static void callback_2(eddy_future *f, void *arg)
{
    printf("callback 2: %s\n", truth(eddy_future_done(f)));
}

static void set_key_error(void *bad)
{
    eddy_future_set_exception(bad, KEY_ERROR, "k");
}

eddy_async(amain)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_future *fut = eddy_loop_create_future(loop);
    void *value;

    eddy_future_add_done_callback(fut, callback_1, NULL);
    eddy_future_add_done_callback(fut, callback_2, NULL);
    eddy_task *task = eddy_create_task(set_after(fut, 0.1, "... world"));
    printf("done before: %s\n", truth(eddy_future_done(fut)));
    if (eddy_future_result(fut) == EDDY_EINVALIDSTATE)
        puts("result() before: InvalidStateError");
    puts("hello ...");
    eddy_try(eddy_await_value(eddy_ref(fut), &value)); /* print(await fut) */
    puts(value);
    printf("done after: %s\n", truth(eddy_future_done(fut)));
    if (eddy_future_set_value(fut, "again") == EDDY_EINVALIDSTATE)
        puts("set_result twice: InvalidStateError");
    eddy_try(eddy_await(task));
    eddy_unref(fut);

    eddy_future *bad = eddy_loop_create_future(loop);
    eddy_loop_call_later(loop, 0.05, set_key_error, bad);
    if (eddy_await(bad) == KEY_ERROR)
        puts("await bad: KeyError");

    eddy_future *gone = eddy_loop_create_future(loop);
    bool cancelled = eddy_future_cancel(gone, NULL), again = eddy_future_cancel(gone, NULL);
    printf("cancel: %s again: %s cancelled: %s\n", truth(cancelled), truth(again),
           truth(eddy_future_cancelled(gone)));
    eddy_unref(gone);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
