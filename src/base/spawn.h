/*
 * Starting a program in a process of its own, and noticing its end.
 */
#ifndef EDDYI_SPAWN_H
#define EDDYI_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The program to start. All members are borrowed. */
struct eddyi_program {
    /* candidates, NULL-terminated: the first that can be executed is */
    const char *const *paths;
    const char *const *argv, *const *envp;
    const char *cwd;   /* NULL: the caller's */
    int fds[3];        /* become its descriptors 0, 1 and 2; -1: the caller's of that number */
    const int *passed; /* further descriptors, under their own numbers */
    size_t n_passed;
    int process_group; /* 0: the caller's, -1: a new one, else that group */
    bool new_session;
    bool inherit_fds; /* also passes all descriptors that are not close-on-exec */
    int64_t uid, gid; /* < 0: the caller's */
    unsigned *groups; /* its supplementary groups, n_groups of them; NULL: the caller's */
    size_t n_groups;
    int umask; /* < 0: the caller's */
    /* keeps the caller's mask, and SIGPIPE and SIGXFSZ ignored where the caller ignores them */
    bool keep_signals;
};

/* The steps at which starting can fail. */
enum eddyi_spawn_step {
    EDDYI_SPAWN_PROCESS, /* creating the process */
    EDDYI_SPAWN_GROUP,
    EDDYI_SPAWN_FDS,
    EDDYI_SPAWN_CHDIR,
    EDDYI_SPAWN_GROUPS,
    EDDYI_SPAWN_GID,
    EDDYI_SPAWN_UID,
    EDDYI_SPAWN_EXEC,
};

/*
 * Starts a program; blocks until it runs or has failed to. Returns the pid of a child that must be
 * waited for, or -errno with *ret_step, and then no process is left.
 */
long eddyi_sys_spawn(const struct eddyi_program *p, enum eddyi_spawn_step *ret_step);

/* Returns a descriptor that is readable once the process has ended. -ENOSYS or -EPERM if the
 * kernel, or a filter, refuses. */
int eddyi_sys_pidfd_open(long pid);

/* Sends a signal, by descriptor (< 0: none) or pid. Returns 0, or -ESRCH if the process has ended
 * and was waited for. */
int eddyi_sys_signal_process(int pidfd, long pid, int signo);

/*
 * Returns 1 and the exit status in *ret, negative for a signal, if a child has ended; 0 if it has
 * not; -ECHILD if another caller has waited for it. @pidfd may be -1.
 */
int eddyi_sys_child_ended(int pidfd, long pid, bool block, int *ret);

/* Blocks until the child has ended, and leaves it to be waited for. */
void eddyi_sys_await_child(long pid);

#endif
