/*
 * Starting a program in a process of its own, and hearing of its end.
 */
#ifndef EDDYI_SPAWN_H
#define EDDYI_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to be started. All of it is borrowed. */
struct eddyi_program {
    /* where it may be, NULL-terminated: the first that can be executed is */
    const char *const *paths;
    const char *const *argv, *const *envp;
    const char *cwd;   /* NULL: the caller's */
    int fds[3];        /* what become its descriptors 0, 1 and 2; -1: the caller's of that number */
    const int *passed; /* others that it gets, under their own numbers */
    size_t n_passed;
    int process_group; /* 0: the caller's, -1: a new one, else that one */
    bool new_session;
    bool inherit_fds; /* also gets what is not close-on-exec */
    int64_t uid, gid; /* < 0: the caller's */
    unsigned *groups; /* its supplementary groups, n_groups of them; NULL: the caller's */
    size_t n_groups;
    int umask; /* < 0: the caller's */
    /* the caller's mask, and SIGPIPE and SIGXFSZ ignored where the caller ignores them */
    bool keep_signals;
};

/* Where starting can fail. */
enum eddyi_spawn_step {
    EDDYI_SPAWN_PROCESS, /* making the process */
    EDDYI_SPAWN_GROUP,
    EDDYI_SPAWN_FDS,
    EDDYI_SPAWN_CHDIR,
    EDDYI_SPAWN_GROUPS,
    EDDYI_SPAWN_GID,
    EDDYI_SPAWN_UID,
    EDDYI_SPAWN_EXEC,
};

/*
 * Starts it; blocks until the program runs or has failed to. The number of the process, a child of
 * ours to be waited for; or -errno with *ret_step, and no process is left.
 */
long eddyi_sys_spawn(const struct eddyi_program *p, enum eddyi_spawn_step *ret_step);

/* A descriptor that is readable once the process has ended. -ENOSYS, -EPERM where the kernel, or a
 * filter, has none. */
int eddyi_sys_pidfd_open(long pid);

/* A signal, by descriptor (< 0: none) or number; -ESRCH if the process has ended and was waited
 * for. */
int eddyi_sys_signal_process(int pidfd, long pid, int signo);

/*
 * Whether a child has ended: 1 with its exit status, negative for a signal, in *ret; 0; or -ECHILD:
 * it has, and somebody else has waited for it. @pidfd may be -1.
 */
int eddyi_sys_child_ended(int pidfd, long pid, bool block, int *ret);

/* Blocks until it has ended, and leaves it to be waited for. */
void eddyi_sys_await_child(long pid);

#endif
