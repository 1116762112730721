/*
 * Cancellation everywhere in what waits for signals: a signal is received, or has the effect that
 * it has without us.
 */
#include "testkit/everywhere.h"

#include <signal.h>

enum { SIGNALS = 2 };

static struct {
    int sent, received;
    volatile sig_atomic_t handled;
    struct sigaction before;
} all;

static void handle(int signo)
{
    all.handled++;
}

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handle}, &all.before);
}

static int check(void *unused, const eddy_test_trial *trial)
{
    struct sigaction now;

    sigaction(SIGUSR1, &all.before, &now);
    eddy_try(HOLDS(now.sa_handler == handle));
    eddy_try(HOLDS(all.sent == all.received + all.handled));
    return trial->task ? 0 : HOLDS(all.received == SIGNALS);
}

static eddy_async(send_signals)
{
    for (int i = 0; i < SIGNALS; i++) {
        eddy_sleep(1);
        all.sent++;
        raise(SIGUSR1);
    }
    return 0;
}

static eddy_async(wait_for_signals)
{
    for (int i = 0; i < SIGNALS; i++) {
        int signo = eddy_signal_wait(SIGUSR1);

        eddy_try(signo);
        all.received += signo == SIGUSR1;
    }
    return 0;
}

static int wait_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(wait_for_signals()), eddy_create_task(send_signals())};

    return join(tasks, 2);
}

TEST_VIRTUAL(a_signal_is_not_lost_wherever_its_waiter_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"signal_wait", wait_scenario, .begin = begin, .check = check,
                                     .task = "wait_for_signals"},
               SIGNALS);
}

static eddy_async(take_signals)
{
    eddy_signals signals;
    int rc = eddy_signals_open(&signals, SIGUSR1);

    for (int i = 0; i < SIGNALS && rc >= 0; i++) {
        rc = eddy_signals_next(&signals);
        all.received += rc == SIGUSR1;
    }
    eddy_signals_close(&signals);
    return rc < 0 ? rc : 0;
}

static int stream_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(take_signals()), eddy_create_task(send_signals())};

    return join(tasks, 2);
}

TEST_VIRTUAL(a_stream_of_signals_loses_none_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"signals", stream_scenario, .begin = begin, .check = check,
                                     .task = "take_signals"},
               SIGNALS);
}
