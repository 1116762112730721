/* gather */
#include <eddy.h>
#include <stdio.h>

enum { VALUE_ERROR = EDDY_EUSER - 1 };

eddy_async(factorial, (const char *, name), (int, number))
{
    int f = 1;

    for (int i = 2; i <= number; i++) {
        printf("Task %s: Compute factorial(%d), currently i=%d...\n", name, number, i);
        eddy_try(eddy_sleep(0.05));
        f *= i;
    }
    printf("Task %s: factorial(%d) = %d\n", name, number, f);
    return f;
}

eddy_async(fail)
{
    return eddy_raise(VALUE_ERROR, "bad");
}

eddy_async(amain)
{
    const eddy_outcome *results;

    /* A second reference keeps the results after the await. */
    eddy_future *g = eddy_gather(factorial("A", 2), factorial("B", 3), factorial("C", 4));
    eddy_try(eddy_await(eddy_ref(g)));
    results = eddy_gather_outcomes(g);
    printf("[%d, %d, %d]\n", results[0].status, results[1].status, results[2].status);
    eddy_unref(g);

    g = eddy_gather_list(EDDY_LIST(factorial("D", 2), fail()), true); /* return_exceptions=True */
    eddy_try(eddy_await(eddy_ref(g)));
    results = eddy_gather_outcomes(g);
    printf("%d error: %s\n", results[0].status, eddy_exception_message(results[1].exception));
    eddy_unref(g);

    if (eddy_await(eddy_gather(factorial("E", 2), fail())) == VALUE_ERROR)
        printf("gather raised: %s\n", eddy_exception_message(eddy_error()));
    eddy_try(eddy_sleep(0.2));

    g = eddy_gather(eddy_sleep_coro(5, 0, NULL), eddy_sleep_coro(5, 0, NULL));
    eddy_try(eddy_sleep(0));
    eddy_future_cancel(g, NULL);
    if (eddy_await(g) == -ECANCELED)
        puts("gather cancelled");
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
