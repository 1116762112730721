/*
 * Random programs; random.h. EDDY_RANDOM=N runs N of them instead of a thousand, and
 * EDDY_RANDOM_SEED=S only that of one seed.
 */
#include "harness/test.h"
#include "random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct program program;

unsigned draw(unsigned n)
{
    program.state = program.state * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(program.state >> 33) % n;
}

double draw_delay(void)
{
    double unit = program.threads ? 0.0002 : 1;

    return unit * draw(4) * (draw(10) == 0 && !program.threads ? 1000 : 1);
}

static int act_once(unsigned depth)
{
    switch (draw(8)) {
    case 0:
        return stream_actions[draw(n_stream_actions)](depth);
    case 1:
        return thread_actions[draw(n_thread_actions)](depth);
    case 2:
    case 3:
    case 4:
        return sync_actions[draw(n_sync_actions)](depth);
    default:
        return task_actions[draw(n_task_actions)](depth);
    }
}

int act(unsigned depth)
{
    int rc = 0;

    for (unsigned i = draw(5); i > 0 && depth < 6 && program.budget-- > 0; i--) {
        rc = act_once(depth);
        if (rc < 0 && (program.closing || draw(rc == -ECANCELED ? 8 : 2) != 0))
            return rc;
    }
    return rc < 0 ? 0 : rc;
}

eddy_async(actor, (unsigned, depth))
{
    return act(depth);
}

static void begin_closing(void)
{
    program.closing = true;
    program.budget = 0;
}

/* Cancels what still runs, again and again: a cancellation can be lost to another error, as in
 * asyncio. */
static void end_others(void)
{
    eddy_task *tasks[256];

    begin_closing();
    for (;;) {
        size_t n = eddy_all_tasks(NULL, tasks, 256);

        for (size_t i = 0; i < n; i++) {
            if (tasks[i] != eddy_current_task())
                eddy_task_cancel(tasks[i], NULL);
        }
        if (n == 1 || eddy_sleep(0.001) < 0)
            break;
    }
}

/* Ends the main coroutine, which may wait for what never comes, when its time is over. */
static struct {
    eddy_item item; /* needs no memory, so it can be scheduled again whatever fails */
    eddy_task *task;
} hurrying;

/* Cancels the main coroutine in each turn until it ends: the program may swallow a cancellation. */
static void hurry(eddy_item *item)
{
    begin_closing();
    eddy_task_cancel(hurrying.task, NULL);
    (void)eddy_loop_call_soon_item(eddy_get_running_loop(), item);
}

static void begin_hurrying(void *arg)
{
    hurry(&hurrying.item);
}

static eddy_async(amain_with_threads)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_handle limit = eddy_loop_call_later(loop, 0.03, begin_hurrying, NULL);
    int rc;

    if (!limit.slot)
        return -ENOMEM;
    hurrying.item = (eddy_item){.run = hurry};
    hurrying.task = eddy_current_task();
    rc = eddy_await(eddy_gather(actor(0), actor(0), actor(0), actor(0)));
    eddy_handle_cancel(limit);
    eddy_item_cancel(loop, &hurrying.item);
    end_others();
    return rc;
}

static eddy_async(amain)
{
    int rc = program.threads ? eddy_await(amain_with_threads())
                             : eddy_await(eddy_gather(actor(0), actor(0), actor(0), actor(0)));

    begin_closing();
    return rc;
}

static void begin(unsigned seed, bool threads)
{
    memset(&program, 0, sizeof program);
    program.state = seed * 2654435761u + 1;
    program.threads = threads;
    program.budget = 200;
    for (int i = 0; i < N_SHARED; i++) {
        program.semaphores[i] = (eddy_semaphore)EDDY_SEMAPHORE_INIT(1 + draw(2));
        eddy_queue_init(&program.queues[i], draw(4));
    }
    program.barrier = (eddy_barrier)EDDY_BARRIER_INIT(1 + (int)draw(3));
}

static void end(void)
{
    for (int i = 0; i < N_LIVE; i++) {
        if (program.live[i])
            eddy_unref(program.live[i]);
    }
    for (int i = 0; i < N_SHARED; i++) {
        eddy_future_unref(program.futures[i]);
        eddy_queue_fini(&program.queues[i]);
    }
}

static eddy_loop *make_loop(void)
{
    return eddy_loop_new(&(eddy_loop_options){.backend = program.threads ? EDDY_BACKEND_DEFAULT
                                                                         : EDDY_BACKEND_VIRTUAL});
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

static void stop(void *arg)
{
    eddy_loop_stop(arg);
}

/* Closes the loop after some turns, with whatever still runs. */
static void run_and_close(void)
{
    eddy_loop *loop = make_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    eddy_loop_set_exception_handler(loop, ignore, NULL);
    t = eddy_loop_create_task(loop, amain());
    eddy_loop_call_later(loop, draw_delay() * draw(3), stop, loop);
    (void)eddy_loop_run_forever(loop);
    begin_closing();
    eddy_loop_close(loop);
    if (t)
        eddy_unref(t);
    eddy_loop_unref(loop);
}

static eddy_loop *make_quiet_loop(void)
{
    eddy_loop *loop = make_loop();

    if (loop)
        eddy_loop_set_exception_handler(loop, ignore, NULL);
    return loop;
}

static void run_program(unsigned seed, bool threads)
{
    begin(seed, threads);
    if (draw(4) == 0)
        run_and_close();
    else
        (void)eddy_run(amain(), .no_sigint = true, .loop_factory = make_quiet_loop,
                       .debug = draw(8) == 0, .close_timeout = program.threads ? 0.01 : 0);
    end();
}

static void run_programs(unsigned n, bool threads)
{
    const char *many = getenv("EDDY_RANDOM"), *one = getenv("EDDY_RANDOM_SEED");

    if (test_tortured())
        n = 3;
    else if (many)
        n = (unsigned)(atol(many) * n / 1000); /* n: this test's share of a thousand */
    for (unsigned seed = 0; seed < n && !one; seed++)
        run_program(seed, threads);
    if (one)
        run_program((unsigned)atoi(one), threads);
}

TEST(valid_programs_neither_crash_nor_hang_nor_leave_anything)
{
    run_programs(900, false);
}

TEST(valid_programs_with_threads_and_sockets_neither_crash_nor_hang_nor_leave_anything)
{
    run_programs(100, true);
}
