/*
 * The process of the fork server: one thread, the control socket, and for each worker the pipe for
 * its wait status.
 *
 * It was forked from the program in any state, so it does little: it forks, waits and writes.
 */
#include "base/list.h"
#include "base/sys.h"
#include "executor/worker_process.h"

#include <signal.h>
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

/* Writes the wait status of a worker to its driver. */
static void report(struct child *c, int status)
{
    /* If the driver is gone, the status is lost. */
    eddyi_sys_write(c->fate, &status, sizeof status);
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

/* Forks a worker. Returns its pid, or -errno. */
static long spawn(struct server *s, const int fds[2])
{
    struct child *c = eddyi_alloc(sizeof *c);
    long self = eddyi_sys_pid(), pid = c ? eddyi_sys_fork() : -ENOMEM;

    if (pid == 0) {
        eddyi_free(c);
        eddyi_worker_process_main(fds[0], self);
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

/* Serves one request. Returns false when the program has gone. */
static bool serve(struct server *s)
{
    struct eddyi_server_request request;
    int fds[2];
    long pid;
    long n = eddyi_sys_recv_message(s->control, &request, sizeof request, fds, 2);

    if (n < (long)sizeof request)
        return false;
    if (request.what == EDDYI_KILL) {
        /* The pid cannot have been reused: only this process waits for it. */
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

    eddyi_sys_reset_signals();
    eddyi_sys_thread_name("eddy-forkserver");
    eddyi_sys_close_all_but(&control, 1);
    eddyi_sys_read_nothing();
    eddyi_sys_hold_sigchld();
    eddyi_list_init(&s.children);
    for (;;) {
        bool asked = eddyi_sys_poll_or_child(control);

        reap(&s);
        if (asked && !serve(&s))
            _exit(0);
    }
}
