/*
 * One program from its first line to its last: a fresh loop with a virtual clock, a task for main,
 * and then whatever main left behind is brought to its end without a trace: closing the loop
 * refuses every wait, and every op fails at once, so that the tasks unwind, and give back what they
 * hold, however they treat a cancellation.
 */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>

void cut(struct scenario *sc)
{
    if (sc->over)
        return;
    json_array_append_new(sc->trace, json_string("cut"));
    sc->over = true;
    eddy_loop_stop(sc->loop);
}

bool count_step(struct scenario *sc)
{
    if (++sc->steps > MAX_STEPS || sc->coroutines > MAX_COROUTINES)
        cut(sc);
    return !sc->over;
}

/* Ignores exceptions that no task received: a scenario has no place to report them. */
static void ignore_exception(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

static void run_main(struct scenario *sc)
{
    eddy_task *t =
        eddy_loop_create_task(sc->loop, make_coroutine(sc, "main", NULL, 0), .name = "main");
    int status;

    if (names_bind_future(sc, "main", &kind_task, t ? eddy_task_future(eddy_ref(t)) : NULL) < 0)
        return;
    status = eddy_loop_run_until_complete(sc->loop, t);
    if (status == -EDEADLK && !eddy_future_done(names_find(sc, "main")->future))
        trace_as(sc, "-", "deadlock", "");
}

json_t *run_scenario(const json_t *coros)
{
    struct scenario sc = {.coros = coros, .trace = json_array()};
    eddy_loop_options options = {.backend = EDDY_BACKEND_VIRTUAL, .stack_size = STACK_SIZE};

    sc.loop = eddy_loop_new(&options);
    if (!sc.loop || !sc.trace) {
        fprintf(stderr, "scenario-runner: no loop: %s\n",
                eddy_error() ? eddy_exception_message(eddy_error()) : "");
        json_decref(sc.trace);
        return NULL;
    }
    eddy_loop_set_exception_handler(sc.loop, ignore_exception, NULL);

    run_main(&sc);
    sc.over = true;
    eddy_loop_close(sc.loop);
    names_free(&sc);
    eddy_loop_unref(sc.loop);
    arena_free(&sc.arena);
    return sc.trace;
}
