/* Tasks run concurrently. */
#include <eddy.h>
#include <stdio.h>

eddy_async(func)
{
    puts("1");
    eddy_try(eddy_sleep(0.1));
    puts("2");
    return eddy_return("返回值");
}

eddy_async(amain)
{
    eddy_loop *loop = eddy_get_running_loop();
    void *ret1, *ret2;

    puts("main开始");
    double t0 = eddy_loop_time(loop);
    eddy_task *task1 = eddy_create_task(func());
    eddy_task *task2 = eddy_create_task(func());
    puts("main结束");
    eddy_try(eddy_await_value(task1, &ret1));
    eddy_try(eddy_await_value(task2, &ret2));
    printf("%s %s\n", (char *)ret1, (char *)ret2);
    printf("side by side: %s\n", eddy_loop_time(loop) - t0 < 0.18 ? "True" : "False");
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
