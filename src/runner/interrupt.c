#include "runner/interrupt.h"

#include "base/sys.h"
#include "loop/loop.h"
#include "task/task.h"

/*
 * Counts a signal, in the signal handler. At the second one the process ends as if the signal had
 * never been handled.
 */
static void strike(struct eddyi_signal_fallback *f)
{
    struct eddyi_interrupt *interrupt =
        eddyi_container(f, struct eddyi_interrupting_signal, fallback)->interrupt;

    if (atomic_fetch_add(&interrupt->count, 1) > 0) {
        eddyi_signal_by_default(f->signo);
    } else {
        atomic_store(&interrupt->signo, f->signo);
        eddyi_loop_signal(interrupt->task->future.loop);
    }
}

/* Cancels the main task, at the start of a turn of the loop after some signal. */
static void cancel_main_task(eddy_loop *loop, void *arg)
{
    struct eddyi_interrupt *interrupt = arg;

    (void)loop;
    if (atomic_load(&interrupt->count) == 0 || interrupt->told)
        return;
    interrupt->told = true;
    if (eddyi_future_cancel(&interrupt->task->future, NULL) < 0)
        eddyi_report_circle(interrupt->task);
}

static void take(struct eddyi_interrupt *interrupt, struct eddyi_interrupting_signal *s, int signo)
{
    s->interrupt = interrupt;
    s->fallback.strike = strike;
    s->taken = eddyi_signal_fallback_begin(&s->fallback, signo);
}

void eddyi_interrupt_begin(struct eddyi_interrupt *interrupt, eddy_task *task, bool sigint,
                           bool sigterm)
{
    *interrupt = (struct eddyi_interrupt){.task = task};
    task->future.loop->signal.handler = cancel_main_task;
    task->future.loop->signal.handler_arg = interrupt;
    if (sigint)
        take(interrupt, &interrupt->signals[0], SIGINT);
    if (sigterm)
        take(interrupt, &interrupt->signals[1], SIGTERM);
}

void eddyi_interrupt_end(struct eddyi_interrupt *interrupt)
{
    for (int i = 0; i < 2; i++)
        if (interrupt->signals[i].taken)
            eddyi_signal_fallback_end(&interrupt->signals[i].fallback);
    interrupt->task->future.loop->signal.handler = NULL;
}
