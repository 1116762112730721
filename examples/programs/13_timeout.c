/* Timeouts */
#include <eddy.h>
#include <stdio.h>

eddy_async(eternity)
{
    int rc = eddy_sleep(3600);

    puts("eternity ends"); /* finally: */
    return rc;
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

eddy_async(amain)
{
    eddy_timeout tm, inner;
    void *value;
    int rc;

    eddy_timeout_enter(&tm, 0.05); /* async with asyncio.timeout(0.05): */
    rc = eddy_await(eternity());
    if (eddy_timeout_exit(&tm, rc) == -ETIMEDOUT)
        puts("timeout: TimeoutError");

    eddy_timeout_enter(&tm, 0.05);
    eddy_timeout_reschedule(&tm, now() + 1);
    rc = eddy_sleep(0.1);
    eddy_try(eddy_timeout_exit(&tm, rc));
    printf("rescheduled, expired: %s\n", eddy_timeout_expired(&tm) ? "True" : "False");

    eddy_timeout_enter_at(&tm, now() + 0.02); /* async with asyncio.timeout_at(…) as tm: */
    rc = eddy_await(eternity());
    if (eddy_timeout_exit(&tm, rc) == -ETIMEDOUT)
        printf("timeout_at: TimeoutError, expired: %s\n", eddy_timeout_expired(&tm) ? "True" : "False");

    if (eddy_await(eddy_wait_for(eternity(), 0.05)) == -ETIMEDOUT)
        puts("wait_for: TimeoutError");
    eddy_try(eddy_await_value(eddy_wait_for(eddy_sleep_coro(0.01, 0, "in time"), 1), &value));
    puts(value);

    eddy_timeout_enter(&tm, 5);
    eddy_timeout_enter(&inner, 0.03);
    rc = eddy_await(eternity());
    rc = eddy_timeout_exit(&inner, rc);
    if (eddy_timeout_exit(&tm, rc) == -ETIMEDOUT)
        puts("the inner one fired");

    eddy_timeout_enter(&tm, EDDY_FOREVER); /* async with asyncio.timeout(None): */
    rc = eddy_sleep(0);
    eddy_try(eddy_timeout_exit(&tm, rc));
    puts("timeout(None): no limit");
    return 0;
}

int main(void)
{
    return eddy_exit_code(eddy_run(amain()));
}
