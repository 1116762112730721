/* Signals as one more descriptor to read. */
#include "stop.h"

#include <eddy/error.h>
#include <eddy/loop.h>
#include <eddy/sock.h>
#include <eddy/task.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void stop_block_signals(void)
{
    sigset_t set = stop_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void on_signal(void *arg)
{
    struct stop *s = arg;
    struct signalfd_siginfo info;

    if (read(s->fd, &info, sizeof info) != sizeof info)
        return;
    *s->ret_signal = (int)info.ssi_signo;
    eddy_task_cancel(s->task, "signal");
}

int stop_watch(struct stop *s, int *ret_signal)
{
    sigset_t set = stop_signals();
    int status;

    *s = (struct stop){
        .loop = eddy_get_running_loop(), .task = eddy_current_task(), .ret_signal = ret_signal};
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd < 0)
        return eddy_raise(-errno, "signalfd: %s", strerror(errno));
    status = eddy_loop_add_reader(s->loop, s->fd, on_signal, s);
    if (status < 0) {
        close(s->fd);
        return eddy_raise(status, "watching for signals");
    }
    return 0;
}

void stop_unwatch(struct stop *s)
{
    eddy_loop_remove_reader(s->loop, s->fd);
    close(s->fd);
}
