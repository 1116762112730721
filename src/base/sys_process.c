/*
 * The calls of sys.h about processes and their connections.
 */
#include "base/libc.h"
#include "base/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_FDS = 2 };

long eddyi_sys_fork(void)
{
    int f = eddyi_fault("fork");

    return f < 0 ? f : eddyi_sys_result(fork());
}

long eddyi_sys_wait_child(long pid, bool block, int *ret_status)
{
    long rc;

    do
        rc = eddyi_sys_result(waitpid((pid_t)pid, ret_status, block ? 0 : WNOHANG));
    while (rc == -EINTR);
    return rc;
}

int eddyi_sys_kill(long pid, int signo)
{
    return (int)eddyi_sys_result(kill((pid_t)pid, signo));
}

int eddyi_sys_move_up(int *fd)
{
    int moved;

    if (*fd > STDERR_FILENO)
        return 0;
    moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -errno;
    eddyi_sys_close(*fd);
    *fd = moved;
    return 0;
}

static int move_up_pair(int fds[2])
{
    int rc = eddyi_sys_move_up(&fds[0]);

    if (rc == 0)
        rc = eddyi_sys_move_up(&fds[1]);
    if (rc < 0) {
        eddyi_sys_close(fds[0]);
        eddyi_sys_close(fds[1]);
    }
    return rc;
}

int eddyi_sys_socketpair(int type, int ret_fds[2])
{
    int fds[2], rc = eddyi_fault("socketpair");

    if (rc == 0)
        rc = (int)eddyi_sys_result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
    if (rc == 0)
        rc = move_up_pair(fds);
    if (rc == 0)
        memcpy(ret_fds, fds, sizeof fds);
    return rc;
}

int eddyi_sys_pipe(int ret_fds[2])
{
    int fds[2], rc = eddyi_fault("pipe2");

    if (rc == 0)
        rc = (int)eddyi_sys_result(pipe2(fds, O_CLOEXEC));
    if (rc == 0)
        rc = move_up_pair(fds);
    if (rc == 0)
        memcpy(ret_fds, fds, sizeof fds);
    return rc;
}

int eddyi_sys_open_null(void)
{
    int f = eddyi_fault("open_null");

    return f < 0 ? f : (int)eddyi_sys_result(open("/dev/null", O_RDWR | O_CLOEXEC));
}

long eddyi_sys_read(int fd, void *data, size_t size)
{
    return eddyi_sys_result(read(fd, data, size));
}

long eddyi_sys_write(int fd, const void *data, size_t size)
{
    return eddyi_sys_result(write(fd, data, size));
}

int eddyi_sys_poll(struct pollfd *fds, unsigned n, int timeout_ms)
{
    int f = eddyi_fault("poll");
    int rc = f < 0 ? f : (int)eddyi_sys_result(poll(fds, n, timeout_ms));

    for (unsigned i = 0; rc < 0 && i < n; i++)
        fds[i].revents = 0;
    return rc == -EINTR ? 0 : rc;
}

/* Room for descriptors beside a message, aligned as cmsg(3) wants it. */
union fd_room {
    struct cmsghdr header;
    char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

int eddyi_sys_send_message(int fd, const void *data, size_t size, const int *fds, unsigned n_fds)
{
    union fd_room room;
    struct iovec iov = {(void *)data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *header;
    long rc;

    if (n_fds > 0) {
        memset(&room, 0, sizeof room);
        msg.msg_control = room.space;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        header = CMSG_FIRSTHDR(&msg);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
    }
    do {
        rc = eddyi_fault("sendmsg");
        if (rc == 0)
            rc = eddyi_sys_result(sendmsg(fd, &msg, MSG_NOSIGNAL));
    } while (rc == -EINTR);
    return rc < 0 ? (int)rc : 0;
}

long eddyi_sys_recv_message(int fd, void *data, size_t size, int *ret_fds, unsigned n_fds)
{
    union fd_room room;
    struct iovec iov = {data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *header;
    long rc;

    for (unsigned i = 0; i < n_fds; i++)
        ret_fds[i] = -1;
    if (n_fds > 0) {
        msg.msg_control = room.space;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    }
    do {
        rc = eddyi_fault("recvmsg");
        if (rc == 0)
            rc = eddyi_sys_result(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC));
    } while (rc == -EINTR);
    header = rc > 0 && n_fds > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(n_fds * sizeof(int)))
        memcpy(ret_fds, CMSG_DATA(header), n_fds * sizeof(int));
    return rc;
}

uint64_t eddyi_sys_inode(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

void eddyi_sys_hang_up(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

static bool is_kept(int fd, const int *keep, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (keep[i] == fd)
            return true;
    return fd <= STDERR_FILENO;
}

/* Closes the descriptors that are open now, if close_range(2), Linux 5.9, is missing or
 * filtered. */
static void close_listed(const int *keep, unsigned n)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && fd != dirfd(dir) && !is_kept(fd, keep, n))
            close(fd);
    }
    if (dir)
        closedir(dir);
}

void eddyi_sys_close_all_but(const int *keep, unsigned n)
{
    unsigned first = STDERR_FILENO + 1;

    /* The gaps between the kept descriptors, in ascending order. */
    while (first <= INT32_MAX) {
        unsigned last = ~0u;

        for (unsigned i = 0; i < n; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= first && (unsigned)keep[i] <= last)
                last = (unsigned)keep[i];
        if (last > first && close_range(first, last == ~0u ? last : last - 1, 0) < 0) {
            close_listed(keep, n);
            return;
        }
        if (last == ~0u)
            return;
        first = last + 1;
    }
}

void eddyi_sys_read_nothing(void)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null > STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
}

static void nothing(int signo)
{
}

void eddyi_sys_reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL},
                     interrupt = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    sigset_t none;

    for (int signo = 1; signo < NSIG; signo++)
        sigaction(signo, &standard, NULL); /* fails for SIGKILL, SIGSTOP and the C library's own */
    /* not ignored: a program that is executed would inherit that */
    sigaction(SIGINT, &interrupt, NULL);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

void eddyi_sys_hold_sigchld(void)
{
    struct sigaction child = {.sa_handler = nothing, .sa_flags = SA_NOCLDSTOP};
    sigset_t set;

    sigaction(SIGCHLD, &child, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void eddyi_sys_end_with_parent(long pid)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != pid)
        _exit(0);
}

bool eddyi_sys_poll_or_child(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t none;

    sigemptyset(&none);
    return ppoll(&p, 1, NULL, &none) > 0;
}
