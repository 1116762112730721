/* A generator must be primed with next() before send(x). */
#include <eddy.h>
#include <stdio.h>

enum { VALUE_ERROR = EDDY_EUSER - 1 };

/* def averager(): yields the average so far, as a double; None is NULL */
eddy_gen(averager)
{
    double total = 0, average = 0;
    int count = 0;

    for (;;) {
        void *x;
        int rc = eddy_yield(count ? &average : NULL, &x); /* x = yield average */

        if (rc == VALUE_ERROR) { /* except ValueError: */
            puts("reset");
            total = count = 0;
            continue;
        }
        eddy_try(rc);
        if (!x)
            return count;
        total += *(double *)x;
        average = total / ++count;
    }
}

static void show_send(eddy_generator *g, double x)
{
    void *average;

    eddy_generator_send(g, &x, &average);
    printf("send(%g) -> %.1f\n", x, *(double *)average);
}

/* def outer(): */
eddy_gen(outer)
{
    int n = eddy_yield_from(averager()); /* n = yield from averager() */

    eddy_try(n);
    printf("inner returned %d\n", n);
    return eddy_yield("after", NULL);
}

int main(void)
{
    eddy_generator *g = averager();
    double one = 1, two = 2, ten = 10;
    void *value;

    if (eddy_generator_send(g, &ten, NULL) == EDDY_EMISUSE)
        puts("not primed: TypeError");
    eddy_next(g, &value);
    printf("primed: %s\n", value ? "a value" : "None");
    show_send(g, 10);
    show_send(g, 30);
    show_send(g, 5);
    eddy_generator_throw(g, &value, VALUE_ERROR, NULL);
    printf("throw -> %s\n", value ? "a value" : "None");
    show_send(g, 4);
    if (eddy_generator_send(g, NULL, NULL) == 0)
        printf("StopIteration, value %d\n", eddy_generator_result(g));
    eddy_generator_free(g);

    g = outer();
    eddy_next(g, NULL);
    eddy_generator_send(g, &one, NULL);
    eddy_generator_send(g, &two, NULL);
    eddy_generator_send(g, NULL, &value);
    puts(value);
    eddy_generator_close(g);
    if (eddy_next(g, NULL) == 0)
        puts("closed: StopIteration");
    eddy_generator_free(g);
    return 0;
}
