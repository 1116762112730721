/* call_soon, call_later, call_at, handles, context */
#include <eddy.h>
#include <stdio.h>

static eddy_contextvar var = EDDY_CONTEXTVAR("var", "unset");

static const char *truth(bool yes)
{
    return yes ? "True" : "False";
}

static void print(void *text)
{
    puts(text);
}

static void print_context(void *arg)
{
    printf("context: %s\n", (char *)eddy_contextvar_get(&var));
}

static int set_from_ctx(void *arg)
{
    return eddy_contextvar_set(&var, "from ctx", NULL);
}

static void again(void *arg)
{
    intptr_t n = (intptr_t)arg;

    printf("again %d\n", (int)n);
    if (n < 3)
        eddy_loop_call_soon(eddy_get_running_loop(), again, (void *)(n + 1));
}

eddy_async(amain)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_loop_call_soon(loop, print, "soon 1");
    eddy_loop_call_soon(loop, print, "soon 2");
    eddy_handle dead = eddy_loop_call_soon(loop, print, "never");
    eddy_handle_cancel(dead);
    eddy_loop_call_later(loop, 0.10, print, "later 0.10");
    eddy_loop_call_later(loop, 0.05, print, "later 0.05");
    eddy_loop_call_at(loop, eddy_loop_time(loop) + 0.07, print, "at 0.07");
    eddy_handle timer = eddy_loop_call_later(loop, 0.01, print, "never");
    eddy_handle_cancel(timer);
    printf("cancelled: %s %s\n", truth(eddy_handle_cancelled(dead)),
           truth(eddy_handle_cancelled(timer)));

    eddy_context *ctx = eddy_copy_context();
    eddy_context_run(ctx, set_from_ctx, NULL);              /* ctx.run(var.set, 'from ctx') */
    eddy_loop_call_soon_in(loop, print_context, NULL, ctx); /* …, context=ctx) */
    eddy_contextvar_set(&var, "from main", NULL);
    eddy_loop_call_soon(loop, print_context, NULL);
    eddy_context_unref(ctx);

    eddy_loop_call_soon(loop, again, (void *)(intptr_t)1);
    puts("main suspends");
    eddy_try(eddy_sleep(0.2));
    printf("main ends %s\n", (char *)eddy_contextvar_get(&var));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
