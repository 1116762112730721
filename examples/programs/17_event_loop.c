/* Making loops, run_forever and stop, policies */
#include <eddy.h>
#include <stdio.h>

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

eddy_async(work, (int, n))
{
    eddy_try(eddy_sleep(0.01));
    return n;
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

static void print_running(void *arg)
{
    puts("running: True");
}

static void print_nothing(void *arg)
{
    puts("");
}

static int made; /* class Policy: made = 0 */

static eddy_loop *new_event_loop(eddy_event_loop_policy *self)
{
    eddy_event_loop_policy *super = eddy_default_event_loop_policy();

    made++;
    return super->new_event_loop(super);
}

int main(void)
{
    eddy_loop *loop = eddy_new_event_loop();

    eddy_set_event_loop(loop);
    printf("current: %s\n", truth(eddy_get_event_loop() == loop));
    int one = eddy_loop_run_until_complete(loop, work(1)),
        two = eddy_loop_run_until_complete(loop, work(2));
    printf("%d %d\n", one, two);
    eddy_loop_call_later(loop, 0.05, stop, loop);
    eddy_loop_call_soon(loop, print_running, NULL);
    eddy_loop_run_forever(loop);
    printf("stopped, running: %s\n", truth(eddy_loop_is_running(loop)));

    eddy_future *fut = eddy_loop_create_future(loop);
    eddy_loop_call_soon(loop, stop, loop);
    if (eddy_loop_run_until_complete(loop, fut) == EDDY_ESTOPPED)
        printf("RuntimeError: %s\n", eddy_exception_message(eddy_error()));
    eddy_loop_close(loop);
    eddy_loop_close(loop);
    printf("closed: %s\n", truth(eddy_loop_is_closed(loop)));
    if (!eddy_loop_call_soon(loop, print_nothing, NULL).slot)
        printf("RuntimeError: %s\n", eddy_strerror(eddy_exception_code(eddy_error())));
    eddy_set_event_loop(NULL);
    eddy_loop_unref(loop);

    eddy_event_loop_policy policy = {.new_event_loop = new_event_loop};
    eddy_set_event_loop_policy(&policy);
    int three = eddy_run(work(3));
    printf("%d loops made by the policy: %d\n", three, made);
    eddy_set_event_loop_policy(NULL);
    int four = eddy_run(work(4));
    printf("%d loops made by the policy: %d\n", four, made);
    return 0;
}
