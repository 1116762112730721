/* current_task and all_tasks */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

eddy_async(worker)
{
    printf("in %s\n", eddy_task_get_name(eddy_current_task()));
    eddy_try(eddy_sleep(0.05));
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(eddy_task_get_name(*(eddy_task *const *)a),
                  eddy_task_get_name(*(eddy_task *const *)b));
}

/* Does print(sorted(t.get_name() for t in asyncio.all_tasks())). */
static void print_all_tasks(void)
{
    eddy_task *all[10];
    size_t n = eddy_all_tasks(NULL, all, 10);

    qsort(all, n, sizeof *all, by_name);
    for (size_t i = 0; i < n; i++)
        printf("%s'%s'", i ? ", " : "[", eddy_task_get_name(all[i]));
    puts("]");
}

static void print_current_task(void *arg)
{
    printf("in a callback: %s\n", eddy_current_task() ? "a task" : "None");
}

eddy_async(amain)
{
    eddy_awaitable *tasks[3];

    eddy_task_set_name(eddy_current_task(), "main");
    for (int i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof name, "worker-%d", i);
        tasks[i] = EDDY_AWAITABLE(eddy_create_task(worker(), .name = name));
    }
    print_all_tasks();
    eddy_loop_call_soon(eddy_get_running_loop(), print_current_task, NULL);
    eddy_try(eddy_await(eddy_gather_list(tasks, 3, false))); /* await asyncio.gather(*tasks) */
    print_all_tasks();
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
