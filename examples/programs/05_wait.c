/* asyncio.wait with names and every return_when */
#include <eddy.h>
#include <stdio.h>

enum { VALUE_ERROR = EDDY_EUSER - 1 };

eddy_async(func, (int, n))
{
    printf("start %d\n", n);
    eddy_try(eddy_sleep(n * 0.05));
    printf("end %d\n", n);
    if (n == 2)
        return eddy_raise(VALUE_ERROR, "two");
    return n * 10;
}

/* Prints the names of the tasks that are done, or of those that are not. */
static void print_names(const char *title, eddy_task *tasks[], int n, bool done)
{
    int found = 0;

    printf(" %s:", title);
    for (int i = 0; i < n; i++) {
        if (eddy_task_done(tasks[i]) == done) {
            printf(" %s", eddy_task_get_name(tasks[i]));
            found++;
        }
    }
    if (!found)
        printf(" -");
}

static void print_done_and_pending(const char *title, eddy_task *tasks[], int n)
{
    printf("%s", title);
    print_names("done", tasks, n, true);
    print_names("pending", tasks, n, false);
    puts("");
}

static int wait_as(enum eddy_return_when when, const char *title)
{
    eddy_task *tasks[3];
    const eddy_exception *error;

    for (int n = 1; n <= 3; n++) {
        char name[8];

        snprintf(name, sizeof name, "yan%d", n);
        tasks[n - 1] = eddy_create_task(func(n), .name = name);
    }
    /* done, pending = await asyncio.wait(tasks, return_when=when) */
    eddy_try(eddy_wait(tasks, 3, EDDY_FOREVER, when));
    print_done_and_pending(title, tasks, 3);
    eddy_try(eddy_wait(tasks, 3, EDDY_FOREVER, EDDY_ALL_COMPLETED));
    for (int i = 0; i < 3; i++) {
        eddy_try(eddy_task_exception(tasks[i], &error));
        if (error)
            printf("%s failed\n", eddy_task_get_name(tasks[i]));
        else
            printf("%s %d\n", eddy_task_get_name(tasks[i]), eddy_task_result(tasks[i]));
        eddy_unref(tasks[i]);
    }
    return 0;
}

eddy_async(amain)
{
    eddy_try(wait_as(EDDY_FIRST_COMPLETED, "FIRST_COMPLETED"));
    eddy_try(wait_as(EDDY_FIRST_EXCEPTION, "FIRST_EXCEPTION"));
    eddy_try(wait_as(EDDY_ALL_COMPLETED, "ALL_COMPLETED"));

    eddy_task *tasks[] = {
        eddy_create_task(eddy_sleep_coro(0.05 * 1, 0, NULL), .name = "yan1"),
        eddy_create_task(eddy_sleep_coro(0.05 * 9, 0, NULL), .name = "yan9"),
    };
    eddy_try(eddy_wait(tasks, 2, 0.2, EDDY_ALL_COMPLETED));
    print_done_and_pending("timeout", tasks, 2);
    eddy_unref(tasks[0]);
    eddy_unref(tasks[1]);
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
