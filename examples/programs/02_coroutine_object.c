/* Calling a coroutine function runs nothing; the loop does. */
#include <eddy.h>
#include <stdio.h>

eddy_async(func)
{
    puts("ok");
    return 42;
}

int main(void)
{
    eddy_coroutine *result = func();
    eddy_loop *loop;

    printf("coroutine object made, iscoroutine: %s\n", eddy_iscoroutine(result) ? "True" : "False");
    loop = eddy_new_event_loop();
    printf("run_until_complete -> %d\n", eddy_loop_run_until_complete(loop, result));
    eddy_loop_close(loop);
    eddy_loop_unref(loop);

    printf("run -> %d\n", eddy_run(func()));
    return 0;
}
