/* Asynchronous iteration and scopes. */
#include <eddy.h>
#include <stdio.h>

static int tick(int n)
{
    for (int i = 0; i < n; i++) {
        eddy_try(eddy_sleep(0.01));
        eddy_try(eddy_yield(&i, NULL)); /* yield i */
    }
    return 0;
}

/* async def ticker(n): */
eddy_async_gen(ticker, (int, n))
{
    int rc = tick(n);

    puts("ticker cleaned up"); /* finally: */
    return rc;
}

eddy_async(amain)
{
    eddy_async_generator *agen = ticker(3);
    void *first, *i;
    int rc, was;

    while ((rc = eddy_anext(agen, &i)) > 0) /* async for i in ticker(3): */
        printf("tick %d\n", *(int *)i);
    eddy_async_generator_free(agen);
    eddy_try(rc);

    agen = ticker(100);
    eddy_try(eddy_anext(agen, &first));
    was = *(int *)first; /* the generator's own variable, which changes later */
    eddy_try(eddy_asend(agen, NULL, &i));
    printf("%d %d\n", was, *(int *)i);
    eddy_try(eddy_aclose(agen));
    if (eddy_anext(agen, NULL) == 0)
        puts("StopAsyncIteration");
    eddy_async_generator_free(agen);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
