/*
 * Worker processes: how they start, and the protocol between them and the threads that drive them.
 *
 *     program                                  fork server                    worker process
 *     -------                                  -----------                    --------------
 *     thread of the pool --- "spawn", 2 descriptors ---> fork() ------------> worker_process_main.c
 *            |   ^                                  |  <--- SIGCHLD ---             |   ^
 *            |   '---------- fate: wait status -----'                               |   |
 *            '---------------- connection: requests and replies --------------------'---'
 *
 * The server is a fork of the program with one thread and no descriptors, so its forks are clean,
 * whatever the program has become by then. It is the parent of the workers: it alone waits for
 * them, and writes their wait status into the pipe that came with the request. That says more than
 * the end of the connection, which a grandchild may hold open.
 *
 * When the program ends, the server sees the end of its socket and ends as well, and the kernel
 * kills the workers with it.
 */
#ifndef EDDYI_WORKER_PROCESS_H
#define EDDYI_WORKER_PROCESS_H

#include "executor/job.h"

#include <stdint.h>

/*
 * A worker is not trusted: jobs write where they should not, close descriptors that are not theirs,
 * fork, and return twice. Therefore:
 *
 * - a reply begins with a stamp, the number of its request and the pid of its sender. The reply of
 *   a job's child, a late reply and a stray write() are refused at their first wrong byte;
 * - a reply that has more than a head also ends with the stamp: bytes of a stray write() in between
 *   are noticed by the job whose result they spoil;
 * - a length is accepted within the limits below, and memory is allocated as the bytes arrive;
 * - no address comes back: it would mean nothing here;
 * - nothing may arrive between two jobs.
 *
 * A worker that breaks these rules is ended, its job fails, and another worker takes its place.
 */
enum { EDDYI_REQUEST = 0x65647132, EDDYI_REPLY = 0x65647232 };

struct eddyi_stamp {
    uint64_t magic;
    uint64_t number; /* of the request: 1 for the worker's first, then counting up */
    int64_t pid;     /* the worker's */
};

/* The length in bytes to which the message of a reply is cut. */
enum { EDDYI_LONGEST_MESSAGE = 65535 };

/* The limit in bytes of an argument or a result, 2^31 - 1. Tests lower it. */
extern size_t eddyi_worker_process_most_bytes;

/* A request to a worker; the bytes of the argument follow. It has no padding, which would send
 * bytes of some stack. */
struct eddyi_request {
    struct eddyi_stamp stamp;
    int (*fn)(void *arg);
    void *arg; /* valid if size is 0 */
    size_t size;
};

/* Returns true if a worker that has had @n requests may take @r: it is the next one, and for this
 * process. */
bool eddyi_request_is_next(const struct eddyi_request *r, uint64_t n, long pid);

/* A reply of a worker. The message without its terminating 0 and the bytes follow and, if there are
 * any of these, the stamp again. */
struct eddyi_reply {
    struct eddyi_stamp stamp;
    uint64_t message_size;
    uint64_t size;
    int32_t status;
    uint32_t has_message;
    uint32_t has_bytes;
    uint32_t is_last; /* the worker ends by itself now */
};

/* The exit status of a worker that finds another file in place of its connection. */
enum { EDDYI_EXIT_CUT_OFF = 237 };

/* A worker process, on its driver's side. */
struct eddyi_worker_process {
    long pid;
    int connection; /* a stream socket */
    int fate; /* a pipe that receives the wait status, or ends without it if the server is gone */
    uint64_t number; /* of the latest request */
};

/* Sends a job, all of it. Returns 0, the connection's error, or -EPIPE at its end. */
int eddyi_worker_process_send(struct eddyi_worker_process *p, const struct eddyi_job *job);

/*
 * Waits for the result. Returns 0; EDDYI_LAST_RESULT; -ENOMEM; -EBADMSG if the bytes make no sense;
 * -EPROTO if the reply answers another request; or the connection's error. After an error the two
 * sides are out of step.
 */
enum { EDDYI_LAST_RESULT = 1 };
int eddyi_worker_process_receive(const struct eddyi_worker_process *p,
                                 struct eddyi_job_result *ret);

/* Start the fork server of this program for the first pool, and end it with the last. Returns 0 or
 * -errno. */
int eddyi_fork_server_acquire(void);
void eddyi_fork_server_release(void);

/* Has the server fork a worker. Returns 0 or -errno. */
int eddyi_fork_server_spawn(struct eddyi_worker_process *ret);

/* Has the server kill a worker, which may have ended already. */
void eddyi_fork_server_kill(long pid);

/* Messages from the drivers to the server. */
enum { EDDYI_SPAWN, EDDYI_KILL };
struct eddyi_server_request {
    long what;
    long pid; /* of EDDYI_KILL */
};

/* Run the processes: the server on its end of the control socket, a worker on its end of the
 * connection. */
_Noreturn void eddyi_fork_server_main(int control);
_Noreturn void eddyi_worker_process_main(int connection, long server_pid);

#endif
