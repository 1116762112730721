/* Eager task factory */
#include <eddy.h>
#include <stdio.h>

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

eddy_async(light)
{
    puts("light runs");
    return 1;
}

eddy_async(heavy)
{
    puts("heavy starts");
    eddy_try(eddy_sleep(0.02));
    puts("heavy ends");
    return 2;
}

eddy_async(amain)
{
    eddy_task *t = eddy_create_task(light());

    printf("lazy: done = %s\n", truth(eddy_task_done(t)));
    eddy_try(eddy_await(t));

    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    t = eddy_create_task(light());
    printf("eager light: done = %s\n", truth(eddy_task_done(t)));
    eddy_unref(t);
    t = eddy_create_task(heavy());
    printf("eager heavy: done = %s\n", truth(eddy_task_done(t)));
    printf("%d\n", eddy_await(t));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
