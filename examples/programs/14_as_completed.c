/* as_completed, in both forms */
#include <eddy.h>
#include <stdio.h>

eddy_async(work, (int, n))
{
    eddy_try(eddy_sleep(n * 0.04));
    return n;
}

eddy_async(amain)
{
    eddy_completions *it = eddy_as_completed(EDDY_LIST(work(3), work(1), work(2)), EDDY_FOREVER);
    eddy_coroutine *f;
    eddy_future *t;
    int rc;

    while ((f = eddy_completions_next(it)) != NULL) /* for f in asyncio.as_completed([…]): */
        printf("earliest: %d\n", eddy_await(f));
    eddy_completions_free(it);

    eddy_task *tasks[] = {eddy_create_task(work(2), .name = "t2"),
                          eddy_create_task(work(1), .name = "t1")};
    it = eddy_as_completed(EDDY_LIST(tasks[0], tasks[1]), EDDY_FOREVER);
    /* async for t in asyncio.as_completed(tasks): */
    while ((rc = eddy_completions_anext(it, &t)) > 0) {
        int n = eddy_await(eddy_ref(t));

        printf("%s %d\n", eddy_task_get_name(eddy_future_as_task(t)), n);
    }
    eddy_completions_free(it);
    eddy_unref(tasks[0]);
    eddy_unref(tasks[1]);
    eddy_try(rc);

    it = eddy_as_completed(EDDY_LIST(work(1), work(50)), 0.1);
    while ((f = eddy_completions_next(it)) != NULL) {
        rc = eddy_await(f);
        if (rc == -ETIMEDOUT) {
            puts("TimeoutError");
            break;
        }
        printf("in time: %d\n", rc);
    }
    eddy_completions_free(it);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
