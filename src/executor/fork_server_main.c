/*
 * The fork server's own process: one thread, its control socket, and for each worker the pipe to say how it ended.
 *
 * It was forked from the program with whatever state that was in, so it does little: it forks, waits and writes.
 */
#include "base/list.h"
#include "base/sys.h"
#include "executor/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

struct child {
    struct eddyi_list link;
    long pid;
    int fate;
};

struct server {
    int control;
    struct eddyi_list children;
};

static void nothing(int signo)
{
}

/* As a new program would have them; but a Ctrl-C is the program's business, and must not end what works for it. */
static void reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL},
                     interrupt = {.sa_handler = nothing, .sa_flags = SA_RESTART};

    for (int signo = 1; signo < NSIG; signo++)
        sigaction(signo, &standard, NULL); /* fails for SIGKILL, SIGSTOP and the C library's own */
    sigaction(SIGINT, &interrupt, NULL);   /* not ignored: an executed program would inherit that */
}

static void read_nothing(void)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null > STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
}

/* Says how it ended, to whoever drives it. */
static void report(struct child *c, int status)
{
    if (write(c->fate, &status, sizeof status) < 0) {
        /* Nobody is left to hear it. */
    }
    eddyi_sys_close(c->fate);
    eddyi_list_remove(&c->link);
    eddyi_free(c);
}

static struct child *find(struct server *s, long pid)
{
    EDDYI_LIST_EACH(l, &s->children)
        if (eddyi_container(l, struct child, link)->pid == pid)
            return eddyi_container(l, struct child, link);
    return NULL;
}

static void reap(struct server *s)
{
    struct child *c;
    int status;
    long pid;

    while ((pid = eddyi_sys_wait_child(-1, false, &status)) > 0)
        if ((c = find(s, pid)) != NULL)
            report(c, status);
}

/* A fork of this process; its pid, or -errno. */
static long spawn(struct server *s, const int fds[2])
{
    struct child *c = eddyi_alloc(sizeof *c);
    long self = eddyi_sys_pid(), pid = c ? eddyi_sys_fork() : -ENOMEM;

    if (pid == 0) {
        eddyi_free(c);
        eddyi_worker_main(fds[0], self);
    }
    eddyi_sys_close(fds[0]);
    if (pid < 0) {
        eddyi_sys_close(fds[1]);
        eddyi_free(c);
        return pid;
    }
    c->pid = pid;
    c->fate = fds[1];
    eddyi_list_append(&s->children, &c->link);
    return pid;
}

/* False when the program has gone. */
static bool serve(struct server *s)
{
    struct eddyi_server_request request;
    int fds[2];
    long pid;
    long n = eddyi_sys_recv_message(s->control, &request, sizeof request, fds, 2);

    if (n < (long)sizeof request)
        return false;
    if (request.what == EDDYI_KILL) {
        /* Its number is still its own: nobody but this process waits for it. */
        if (find(s, request.pid))
            eddyi_sys_kill(request.pid, SIGKILL);
        return true;
    }
    if (fds[0] < 0 || fds[1] < 0)
        return false;
    pid = spawn(s, fds);
    return eddyi_sys_send_message(s->control, &pid, sizeof pid, NULL, 0) == 0;
}

_Noreturn void eddyi_fork_server_main(int control)
{
    struct server s = {.control = control};
    struct sigaction child = {.sa_handler = nothing, .sa_flags = SA_NOCLDSTOP};
    struct pollfd p = {.fd = control, .events = POLLIN};
    sigset_t only_child, none;

    reset_signals();
    prctl(PR_SET_NAME, "eddy-forkserver");
    eddyi_sys_close_all_but(&control, 1);
    read_nothing();
    eddyi_list_init(&s.children);

    /* The end of a child interrupts the wait, and nothing else. */
    sigaction(SIGCHLD, &child, NULL);
    sigemptyset(&none);
    sigemptyset(&only_child);
    sigaddset(&only_child, SIGCHLD);
    pthread_sigmask(SIG_SETMASK, &only_child, NULL);
    for (;;) {
        int n = ppoll(&p, 1, NULL, &none);

        reap(&s);
        if (n > 0 && !serve(&s))
            _exit(0);
    }
}
