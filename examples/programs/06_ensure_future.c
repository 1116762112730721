/* The older style: making a loop, and ensure_future */
#include <eddy.h>
#include <stdio.h>

eddy_async(func1)
{
    puts("1");
    eddy_try(eddy_sleep(0.1));
    puts("3");
    return 0;
}

eddy_async(func2)
{
    puts("2");
    eddy_try(eddy_sleep(0.15));
    puts("4");
    return 0;
}

/* Waits for both futures: eddy_wait() suspends its caller, so the loop needs a coroutine for it. */
eddy_async(wait_for_both, (eddy_future **, tasks))
{
    return eddy_wait(tasks, 2, EDDY_FOREVER, EDDY_ALL_COMPLETED);
}

int main(void)
{
    eddy_loop *loop = eddy_new_event_loop();
    eddy_set_event_loop(loop);
    eddy_future *tasks[] = {eddy_ensure_future(func1()), eddy_ensure_future(func2())};
    int done = eddy_loop_run_until_complete(loop, wait_for_both(tasks));

    printf("%d %d\n", done, 2 - done);
    eddy_future *same = eddy_ensure_future(tasks[0]);
    printf("a future stays itself: %s\n", same == tasks[0] ? "True" : "False");
    eddy_unref(tasks[0]);
    eddy_unref(tasks[1]);
    eddy_set_event_loop(NULL);
    eddy_loop_close(loop);
    eddy_loop_unref(loop);
    return 0;
}
