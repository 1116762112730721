/* TaskGroup */
#include <eddy.h>
#include <stdio.h>

enum { RUNTIME_ERROR = EDDY_EUSER - 1 };

eddy_async(say_after, (double, delay), (const char *, what))
{
    eddy_try(eddy_sleep(delay));
    puts(what);
    return 0;
}

eddy_async(fail, (double, delay), (const char *, what))
{
    eddy_try(eddy_sleep(delay));
    return eddy_raise(RUNTIME_ERROR, "%s", what);
}

eddy_async(patient)
{
    int rc = eddy_sleep(10);

    if (rc == -ECANCELED) /* except asyncio.CancelledError: */
        puts("patient cancelled");
    return rc;
}

eddy_async(amain)
{
    {
        eddy_group tg; /* async with asyncio.TaskGroup() as tg: */
        eddy_group_enter(&tg);
        eddy_group_create_task(&tg, say_after(0.05, "hello"));
        eddy_group_create_task(&tg, say_after(0.1, "world"));
        eddy_try(eddy_group_exit(&tg, 0));
    }
    puts("group done");

    eddy_group tg;
    eddy_group_enter(&tg);
    eddy_task *t; /* the caller owns it; the group has a reference of its own */
    eddy_try(eddy_group_create_task(&tg, patient(), .ret_task = &t));
    eddy_group_create_task(&tg, fail(0.05, "boom"));
    int rc = eddy_sleep(10);
    if (rc == 0)
        puts("never");
    rc = eddy_group_exit(&tg, rc);
    if (rc == EDDY_EGROUP) { /* except* RuntimeError as g: */
        const eddy_exception *g = eddy_error();

        printf("errors: %zu %s\n", eddy_exception_count(g),
               eddy_exception_message(eddy_exception_member(g, 0)));
    }
    printf("patient.cancelled(): %s\n", eddy_task_cancelled(t) ? "True" : "False");
    eddy_unref(t);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
