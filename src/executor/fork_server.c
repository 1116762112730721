/*
 * The program's side of the fork server: starting, asking and ending it.
 */
#include "base/sys.h"
#include "executor/worker_process.h"

#include <signal.h>
#include <stdio_ext.h>
#include <sys/socket.h>

/* The one fork server of the program. */
static struct {
    pthread_mutex_t mutex; /* guards the other fields, and one question with its answer */
    unsigned users;
    long pid;
    int control; /* < 0: there is no server */
} server = {.mutex = PTHREAD_MUTEX_INITIALIZER, .control = -1};

/* The arguments and the result of the thread that forks. */
struct start {
    int control[2];
    long pid;
};

/*
 * Forks, with all signals blocked until the child has reset them, so that no handler of the program
 * runs in the child. Output that the program has not flushed stays the program's.
 */
static void *fork_here(void *arg)
{
    struct start *start = arg;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    start->pid = eddyi_sys_fork();
    if (start->pid == 0) {
        __fpurge(stdout);
        __fpurge(stderr);
        eddyi_fork_server_main(start->control[1]);
    }
    return NULL;
}

/*
 * Starts the server from a thread of its own: that thread's stack has the usual size, whereas the
 * caller may be a task, and no thread-local state of the caller, such as a running loop, is left in
 * the child.
 */
static int start_server(void)
{
    struct start start;
    pthread_t thread;
    int rc = eddyi_sys_socketpair(SOCK_SEQPACKET, start.control);

    if (rc < 0)
        return rc;
    rc = eddyi_sys_thread_start(&thread, fork_here, &start);
    if (rc == 0) {
        pthread_join(thread, NULL);
        rc = start.pid < 0 ? (int)start.pid : 0;
    }
    eddyi_sys_close(start.control[1]);
    if (rc < 0) {
        eddyi_sys_close(start.control[0]);
        return rc;
    }
    server.pid = start.pid;
    server.control = start.control[0];
    return 0;
}

/* Ends the server. A process that has inherited the descriptor cannot keep the server alive. The
 * program may have waited for the process already, or ignore SIGCHLD. */
static void stop_server(void)
{
    int status;

    if (server.control < 0)
        return;
    eddyi_sys_hang_up(server.control);
    eddyi_sys_close(server.control);
    server.control = -1;
    eddyi_sys_wait_child(server.pid, true, &status);
}

/* Forgets the server in a forked child, where it is the parent's. A thread that does not exist here
 * may have locked the mutex. */
static void forget_parents_server(void)
{
    pthread_mutex_init(&server.mutex, NULL);
    if (server.control >= 0)
        eddyi_sys_close(server.control);
    server.control = -1;
    server.users = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_parents_server);
}

int eddyi_fork_server_acquire(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = 0;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&server.mutex);
    if (server.control < 0)
        rc = start_server();
    if (rc == 0)
        server.users++;
    pthread_mutex_unlock(&server.mutex);
    return rc;
}

void eddyi_fork_server_release(void)
{
    pthread_mutex_lock(&server.mutex);
    if (--server.users == 0)
        stop_server();
    pthread_mutex_unlock(&server.mutex);
}

/* Sends a request with the server's ends of both channels. Returns the pid of the worker, or
 * -errno. */
static long ask(const int fds[2])
{
    const struct eddyi_server_request request = {.what = EDDYI_SPAWN};
    long pid, rc = eddyi_sys_send_message(server.control, &request, sizeof request, fds, 2);

    if (rc < 0)
        return rc;
    rc = eddyi_sys_recv_message(server.control, &pid, sizeof pid, NULL, 0);
    if (rc < 0)
        return rc;
    return rc == sizeof pid ? pid : -EPIPE;
}

/* Asks the server, and asks a new one if it turns out to be gone or out of step. */
static long ask_server(const int fds[2])
{
    long pid = -EPIPE;

    for (int attempt = 0; attempt < 2; attempt++) {
        int rc = server.control < 0 ? start_server() : 0;

        if (rc < 0)
            return rc;
        pid = ask(fds);
        if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
            break;
        stop_server();
    }
    return pid;
}

int eddyi_fork_server_spawn(struct eddyi_worker_process *ret)
{
    int connection[2], fate[2];
    long pid;
    int rc = eddyi_sys_socketpair(SOCK_STREAM, connection);

    if (rc < 0)
        return rc;
    rc = eddyi_sys_pipe(fate);
    if (rc < 0) {
        eddyi_sys_close(connection[0]);
        eddyi_sys_close(connection[1]);
        return rc;
    }
    pthread_mutex_lock(&server.mutex);
    pid = ask_server((const int[]){connection[1], fate[1]});
    pthread_mutex_unlock(&server.mutex);
    eddyi_sys_close(connection[1]);
    eddyi_sys_close(fate[1]);
    if (pid < 0) {
        eddyi_sys_close(connection[0]);
        eddyi_sys_close(fate[0]);
        return (int)pid;
    }
    *ret = (struct eddyi_worker_process){pid, connection[0], fate[0], 0};
    return 0;
}

void eddyi_fork_server_kill(long pid)
{
    const struct eddyi_server_request request = {.what = EDDYI_KILL, .pid = pid};
    int rc = -EPIPE;

    pthread_mutex_lock(&server.mutex);
    if (server.control >= 0)
        rc = eddyi_sys_send_message(server.control, &request, sizeof request, NULL, 0);
    pthread_mutex_unlock(&server.mutex);
    /* Second best: in this moment the pid may have become another process's. */
    if (rc < 0)
        eddyi_sys_kill(pid, SIGKILL);
}
