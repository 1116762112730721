/*
 * Worker processes: how they come to be, and what is said between them and the threads that drive them.
 *
 *     program                                  fork server                    worker process
 *     -------                                  -----------                    --------------
 *     thread of the pool --- "spawn", 2 descriptors ---> fork() ------------> eddyi_worker_main()
 *            |   ^                                  |  <--- SIGCHLD ---             |   ^
 *            |   '---------- fate: wait status -----'                               |   |
 *            '---------------- connection: requests and replies --------------------'---'
 *
 * The server is a fork of the program with one thread and no descriptors, so what it forks in turn is clean, whatever the program has
 * become by then. It is the workers' parent: it alone waits for them, and it writes how one ended into the pipe that
 * came with the request. That says more than the end of the connection, which a grandchild may hold open.
 *
 * Program ends: the server sees the end of its socket, and ends; the kernel kills the workers with it.
 */
#ifndef EDDYI_PROCESS_H
#define EDDYI_PROCESS_H

#include "executor/job.h"

#include <stdint.h>

/* First in everything that is sent, so that what a stray write() of a job's put between is noticed. */
enum { EDDYI_REQUEST = 0x65647131, EDDYI_REPLY = 0x65647231 };

/* To a worker; the argument's bytes follow. (No padding in what is sent: it would be bytes of some stack.) */
struct eddyi_request {
    uint64_t magic;
    int (*fn)(void *arg);
    void *arg; /* if size is 0 */
    size_t size;
};

/* From a worker; the message, without its end, and then the bytes follow. */
struct eddyi_reply {
    uint32_t magic;
    int status;
    void *value;
    size_t message_size;
    size_t size;
    uint32_t has_message;
    uint32_t has_bytes;
};

/* A worker process, as its driver sees it. */
struct eddyi_process {
    long pid;
    int connection; /* a stream socket */
    int fate;       /* a pipe: in the end the wait status, or nothing, if the server is gone */
};

/* Sends a job, all of it. 0, or what the connection failed with; -EPIPE at its end. */
int eddyi_process_send(const struct eddyi_process *p, const struct eddyi_job *job);

/*
 * Waits for the result. 0; -ENOMEM; -EBADMSG, with a worker that cannot be understood; or what the connection failed with. After
 * an error the two are out of step.
 */
int eddyi_process_receive(const struct eddyi_process *p, struct eddyi_job_result *ret);

/* The fork server of this program: made for the first pool, ended with the last. 0 or -errno. */
int eddyi_fork_server_acquire(void);
void eddyi_fork_server_release(void);

/* Has the server fork a worker. 0 or -errno. */
int eddyi_fork_server_spawn(struct eddyi_process *ret);

/* Has it kill one that may have ended already. */
void eddyi_fork_server_kill(long pid);

/* Between driver and server. */
enum { EDDYI_SPAWN, EDDYI_KILL };
struct eddyi_server_request {
    long what;
    long pid; /* KILL */
};

/* What the processes run: the server on its end of the control socket; a worker on its end of the connection. */
_Noreturn void eddyi_fork_server_main(int control);
_Noreturn void eddyi_worker_main(int connection, long server_pid);

#endif
