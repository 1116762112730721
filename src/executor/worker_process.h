/*
 * Worker processes: how they come to be, and what is said between them and the threads that drive
 * them.
 *
 *     program                                  fork server                    worker process
 *     -------                                  -----------                    --------------
 *     thread of the pool --- "spawn", 2 descriptors ---> fork() ------------> worker_process_main.c
 *            |   ^                                  |  <--- SIGCHLD ---             |   ^
 *            |   '---------- fate: wait status -----'                               |   |
 *            '---------------- connection: requests and replies --------------------'---'
 *
 * The server is a fork of the program with one thread and no descriptors, so what it forks in turn
 * is clean, whatever the program has become by then. It is the workers' parent: it alone waits for
 * them, and it writes how one ended into the pipe that came with the request. That says more than
 * the end of the connection, which a grandchild may hold open.
 *
 * Program ends: the server sees the end of its socket, and ends; the kernel kills the workers with
 * it.
 */
#ifndef EDDYI_WORKER_PROCESS_H
#define EDDYI_WORKER_PROCESS_H

#include "executor/job.h"

#include <stdint.h>

/*
 * A worker is not trusted: jobs write where they should not, close descriptors that are not theirs,
 * fork, and come back twice. So
 *
 * - a reply begins with a stamp: which request it answers, and which process sent it. That of a
 *   job's child, or one that is late, is refused, and so is a stray write(), as soon as its first
 *   byte has come;
 * - a reply that has more than a head ends with the stamp, too: what a stray write() put between is
 *   noticed by the job whose result it spoils;
 * - a length is believed within the limits below, and memory is allocated as the bytes arrive;
 * - no address comes back: it would mean nothing here;
 * - nothing may arrive between two jobs.
 *
 * A worker that breaks these rules is ended, its job fails, and another worker takes its place.
 */
enum { EDDYI_REQUEST = 0x65647132, EDDYI_REPLY = 0x65647232 };

struct eddyi_stamp {
    uint64_t magic;
    uint64_t number; /* of the request: 1 for the worker's first, then one more each time */
    int64_t pid;     /* the worker's */
};

/* The longest message that a reply has; longer ones are cut. */
enum { EDDYI_LONGEST_MESSAGE = 65535 };

/* The most bytes that an argument or a result has: 2^31 - 1. Tests make it less. */
extern size_t eddyi_worker_process_most_bytes;

/* To a worker; the argument's bytes follow. (No padding in what is sent: it would be bytes of some
 * stack.) */
struct eddyi_request {
    struct eddyi_stamp stamp;
    int (*fn)(void *arg);
    void *arg; /* if size is 0 */
    size_t size;
};

/* Tells if a worker that has had @n requests may take @r: it is the next one, and for this
 * process. */
bool eddyi_request_is_next(const struct eddyi_request *r, uint64_t n, long pid);

/* From a worker; the message, without its end, the bytes, and if there is any of that, the stamp
 * again. */
struct eddyi_reply {
    struct eddyi_stamp stamp;
    uint64_t message_size;
    uint64_t size;
    int32_t status;
    uint32_t has_message;
    uint32_t has_bytes;
    uint32_t is_last; /* the worker ends by itself now */
};

/* How a worker ends that finds another file where its connection was. */
enum { EDDYI_EXIT_CUT_OFF = 237 };

/* A worker process, as its driver sees it. */
struct eddyi_worker_process {
    long pid;
    int connection;  /* a stream socket */
    int fate;        /* a pipe: in the end the wait status, or nothing, if the server is gone */
    uint64_t number; /* of the latest request */
};

/* Sends a job, all of it. 0, or what the connection failed with; -EPIPE at its end. */
int eddyi_worker_process_send(struct eddyi_worker_process *p, const struct eddyi_job *job);

/*
 * Waits for the result. 0; EDDYI_LAST_RESULT; -ENOMEM; -EBADMSG, with a worker that cannot be
 * understood; -EPROTO, when it is the answer to something else; or what the connection failed with.
 * After an error the two are out of step.
 */
enum { EDDYI_LAST_RESULT = 1 };
int eddyi_worker_process_receive(const struct eddyi_worker_process *p,
                                 struct eddyi_job_result *ret);

/* The fork server of this program: made for the first pool, ended with the last. 0 or -errno. */
int eddyi_fork_server_acquire(void);
void eddyi_fork_server_release(void);

/* Has the server fork a worker. 0 or -errno. */
int eddyi_fork_server_spawn(struct eddyi_worker_process *ret);

/* Has it kill one that may have ended already. */
void eddyi_fork_server_kill(long pid);

/* Between driver and server. */
enum { EDDYI_SPAWN, EDDYI_KILL };
struct eddyi_server_request {
    long what;
    long pid; /* KILL */
};

/* What the processes run: the server on its end of the control socket; a worker on its end of the
 * connection. */
_Noreturn void eddyi_fork_server_main(int control);
_Noreturn void eddyi_worker_process_main(int connection, long server_pid);

#endif
