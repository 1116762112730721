/*
 * refuse-uring MODE COMMAND…: runs a command for which system calls fail, by a seccomp filter.
 *
 *     EPERM      io_uring_setup, as in container runtimes
 *     ENOSYS     io_uring_setup, as on kernels without it
 *     LINUX-5.0  all system calls that Linux 5.0 does not have, with ENOSYS
 */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first of the system calls of Linux 5.1, and of later ones: their numbers are those of every
 * CPU. */
enum { FIRST_OF_5_1 = 424 };

/* Makes the system calls from @first to @last fail with @error. */
static int refuse(unsigned first, unsigned last, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    const char *mode = argc < 3 ? "" : argv[1];
    int rc;

    if (strcmp(mode, "EPERM") == 0 || strcmp(mode, "ENOSYS") == 0) {
        rc = refuse(__NR_io_uring_setup, __NR_io_uring_setup, mode[1] == 'P' ? EPERM : ENOSYS);
    } else if (strcmp(mode, "LINUX-5.0") == 0) {
        rc = refuse(FIRST_OF_5_1, UINT_MAX, ENOSYS);
    } else {
        fprintf(stderr, "usage: refuse-uring EPERM|ENOSYS|LINUX-5.0 COMMAND...\n");
        return 2;
    }
    if (rc < 0) {
        perror("refuse-uring: seccomp");
        return 77;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
