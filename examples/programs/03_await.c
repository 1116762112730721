/* await continues only when the value is there. */
#include <eddy.h>
#include <stdio.h>

eddy_async(others)
{
    puts("start");
    eddy_try(eddy_sleep(0.1));
    puts("end");
    return eddy_return("返回值");
}

eddy_async(func)
{
    void *response1, *response2;

    puts("执行协程函数内部代码");
    eddy_try(eddy_await_value(others(), &response1)); /* response1 = await others() */
    printf("IO请求结果，结果为： %s\n", (char *)response1);
    eddy_try(eddy_await_value(others(), &response2));
    printf("IO请求结果，结果为： %s\n", (char *)response2);
    return 0;
}

int main(void)
{
    return eddy_main(func());
}
