/* Timeouts */
#include <eddy.h>
#include <errno.h>
#include <stdio.h>

static const char *str(bool b)
{
    return b ? "True" : "False";
}

eddy_async(eternity)
{
    int rc = eddy_sleep(3600);

    puts("eternity ends"); /* finally: */
    return rc;
}

eddy_async(amain)
{
    eddy_loop *loop = eddy_get_running_loop();
    void *value;
    int rc;

    { /* try: async with asyncio.timeout(0.05): */
        eddy_timeout tm;
        eddy_timeout_enter(&tm, 0.05);
        rc = eddy_await(eternity());
        rc = eddy_timeout_exit(&tm, rc);
        if (rc == -ETIMEDOUT) /* except TimeoutError: */
            puts("timeout: TimeoutError");
    }
    { /* async with asyncio.timeout(0.05) as tm: */
        eddy_timeout tm;
        eddy_timeout_enter(&tm, 0.05);
        eddy_timeout_reschedule(&tm, eddy_loop_time(loop) + 1);
        rc = eddy_sleep(0.1);
        eddy_try(eddy_timeout_exit(&tm, rc));
        printf("rescheduled, expired: %s\n", str(eddy_timeout_expired(&tm)));
    }
    { /* async with asyncio.timeout_at(asyncio.get_running_loop().time() + 0.02) as tm: */
        eddy_timeout tm;
        eddy_timeout_enter_at(&tm, eddy_loop_time(loop) + 0.02);
        rc = eddy_await(eternity());
        if (eddy_timeout_exit(&tm, rc) == -ETIMEDOUT)
            printf("timeout_at: TimeoutError, expired: %s\n", str(eddy_timeout_expired(&tm)));
    }
    if (eddy_await(eddy_wait_for(eternity(), 0.05)) == -ETIMEDOUT)
        puts("wait_for: TimeoutError");
    eddy_try(eddy_await_value(eddy_wait_for(eddy_sleep_coro(0.01, 0, "in time"), 1), &value));
    puts(value);
    { /* async with asyncio.timeout(5): */
        eddy_timeout outer;
        eddy_timeout_enter(&outer, 5);
        { /* async with asyncio.timeout(0.03): */
            eddy_timeout inner;
            eddy_timeout_enter(&inner, 0.03);
            rc = eddy_await(eternity());
            rc = eddy_timeout_exit(&inner, rc);
        }
        rc = eddy_timeout_exit(&outer, rc);
        if (rc == -ETIMEDOUT)
            puts("the inner one fired");
    }
    { /* async with asyncio.timeout(None): */
        eddy_timeout tm;
        eddy_timeout_enter(&tm, EDDY_FOREVER);
        rc = eddy_sleep(0);
        eddy_try(eddy_timeout_exit(&tm, rc));
    }
    puts("timeout(None): no limit");
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
