#include "task/interrupt.h"

#include "base/sys.h"
#include "loop/loop.h"
#include "task/task.h"

#include <stdatomic.h>
#include <unistd.h>

/* The run that Ctrl-C is meant for. */
static _Atomic(struct eddyi_interrupt *) active;

static void on_sigint(int sig)
{
    struct eddyi_interrupt *interrupt = atomic_load(&active);
    int saved = errno;

    if (!interrupt || interrupt->count > 0) {
        /* The program does not react: end as if nobody had ever handled the signal. */
        signal(sig, SIG_DFL);
        raise(sig);
    } else {
        interrupt->count = interrupt->count + 1;
        eddyi_loop_signal(interrupt->task->future.loop);
    }
    errno = saved;
}

/* At the start of the loop's next turn. */
static void cancel_main_task(eddy_loop *loop, void *arg)
{
    struct eddyi_interrupt *interrupt = arg;

    (void)loop;
    eddyi_task_cancel(interrupt->task, NULL);
}

static bool is_main_thread(void)
{
    return getpid() == gettid();
}

void eddyi_interrupt_begin(struct eddyi_interrupt *interrupt, eddy_task *task)
{
    struct sigaction action = {.sa_handler = on_sigint};
    struct eddyi_interrupt *nobody = NULL;
    eddy_loop *loop = task ? task->future.loop : NULL;

    *interrupt = (struct eddyi_interrupt){.task = NULL};
    if (!task || !is_main_thread())
        return;
    if (eddyi_sys_sigaction(SIGINT, NULL, &interrupt->before) < 0 || (interrupt->before.sa_flags & SA_SIGINFO) ||
        interrupt->before.sa_handler != SIG_DFL)
        return;
    interrupt->task = task;
    if (!atomic_compare_exchange_strong(&active, &nobody, interrupt)) {
        interrupt->task = NULL;
        return;
    }
    loop->on_signal = cancel_main_task;
    loop->on_signal_arg = interrupt;
    sigemptyset(&action.sa_mask);
    if (eddyi_sys_sigaction(SIGINT, &action, NULL) < 0)
        eddyi_interrupt_end(interrupt);
}

void eddyi_interrupt_end(struct eddyi_interrupt *interrupt)
{
    struct sigaction now;

    if (!interrupt->task)
        return;
    /* Whoever took the signal meanwhile keeps it. */
    if (eddyi_sys_sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_sigint)
        eddyi_sys_sigaction(SIGINT, &interrupt->before, NULL);
    atomic_store(&active, NULL);
    interrupt->task->future.loop->on_signal = NULL;
    interrupt->task = NULL;
}
