/*
 * The one door to memory and to the kernel.
 *
 * Every allocation and every system call of eddy goes through a function named eddyi_alloc… or
 * eddyi_sys_…, declared here. A system call gives its result or -errno; errno itself is never
 * looked at anywhere else. In a build with EDDY_FAULTS each of them first asks eddyi_fault(), where
 * tests make any call fail that they choose; in other builds the question compiles to nothing.
 *
 * Whoever needs another call adds it here.
 */
#ifndef EDDYI_SYS_H
#define EDDYI_SYS_H

#include "base/direct.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct iovec;
struct msghdr;

#ifdef EDDY_FAULTS
/* 0, or the -errno with which the call of this name is to fail instead of being made. */
int eddyi_fault(const char *call);
/* Keeps count of what is allocated, for tests: +1, -1. */
void eddyi_ledger(int change);
/* Whether the result of an operation, which has come, is to be held back for now (fault.h). */
bool eddyi_held(void *op);
bool eddyi_held_keep(void *op, int result); /* the same, and keeps it; false: it is the caller's */
bool eddyi_held_any(void);                  /* one is kept: who waits for events must not sleep */
void *eddyi_held_take(int *ret_result);     /* whose result was kept long enough; NULL: nobody's */
/*
 * How much of a transfer is asked of the kernel: all, unless tests have it cut short (fault.h). A
 * vector that is cut is @piece; so is a message's, then true.
 */
size_t eddyi_short(int fd, size_t size);
const struct iovec *eddyi_short_vector(int fd, const struct iovec *iov, int *n,
                                       struct iovec *piece);
bool eddyi_short_message(int fd, const struct msghdr *msg, int flags, struct iovec *piece);
bool eddyi_short_any(void); /* some are cut: that one fell short says nothing */
#else
static inline int eddyi_fault(const char *call)
{
    (void)call;
    return 0;
}
static inline void eddyi_ledger(int change)
{
    (void)change;
}
static inline bool eddyi_held(void *op)
{
    (void)op;
    return false;
}
static inline bool eddyi_held_keep(void *op, int result)
{
    (void)op, (void)result;
    return false;
}
static inline bool eddyi_held_any(void)
{
    return false;
}
static inline void *eddyi_held_take(int *ret_result)
{
    (void)ret_result;
    return NULL;
}
static inline size_t eddyi_short(int fd, size_t size)
{
    (void)fd;
    return size;
}
static inline const struct iovec *eddyi_short_vector(int fd, const struct iovec *iov, int *n,
                                                     struct iovec *piece)
{
    (void)fd, (void)n, (void)piece;
    return iov;
}
static inline bool eddyi_short_any(void)
{
    return false;
}
static inline bool eddyi_short_message(int fd, const struct msghdr *msg, int flags,
                                       struct iovec *piece)
{
    (void)fd, (void)msg, (void)flags, (void)piece;
    return false;
}
#endif

/* Memory. NULL when there is none; 0 bytes give a valid pointer. */
static inline void *eddyi_alloc(size_t size)
{
    void *p = eddyi_fault("malloc") ? NULL : malloc(size ? size : 1);

    if (p)
        eddyi_ledger(+1);
    return p;
}

static inline void *eddyi_zalloc(size_t size)
{
    void *p = eddyi_fault("malloc") ? NULL : calloc(1, size ? size : 1);

    if (p)
        eddyi_ledger(+1);
    return p;
}

static inline void *eddyi_realloc(void *old, size_t size)
{
    void *p = eddyi_fault("realloc") ? NULL : realloc(old, size ? size : 1);

    if (p && !old)
        eddyi_ledger(+1);
    return p;
}

static inline void eddyi_free(void *p)
{
    if (p)
        eddyi_ledger(-1);
    free(p);
}

char *eddyi_strdup(const char *s);

/* The result of a system call as eddy passes it on. */
static inline long eddyi_sys_result(long rc)
{
    return rc < 0 ? -errno : rc;
}

/* mmap(2): private anonymous memory, MAP_NORESERVE; MAP_STACK when @stack. */
int eddyi_sys_map(size_t size, bool stack, void **ret);
void eddyi_sys_unmap(void *p, size_t size);
int eddyi_sys_protect_none(void *p, size_t size);
int eddyi_sys_advise(void *p, size_t size, int advice);
/* madvise(MADV_GUARD_INSTALL): -EINVAL from kernels before 6.13. */
int eddyi_sys_guard_install(void *p, size_t size);

int eddyi_sys_eventfd(void);          /* non-blocking, close-on-exec */
int eddyi_sys_eventfd_signal(int fd); /* any thread, also from a signal handler */
int eddyi_sys_eventfd_drain(int fd);
void eddyi_sys_close(int fd);

/*
 * O_NONBLOCK of descriptors that eddy was given, in sys_borrow.c. For the moment of a call that
 * does not block then, it is borrowed: 0, and then it has to be given back, or -errno. Or it is
 * set: 1, 0 if it was set already, or -errno; and cleared again.
 */
struct eddyi_borrowed {
    int fd;
    bool was_blocking;
    bool locked;
    pthread_mutex_t *mutex;
};
int eddyi_borrow_nonblocking(int fd, struct eddyi_borrowed *ret);
void eddyi_give_back(const struct eddyi_borrowed *b);
int eddyi_sys_set_nonblocking(int fd);
void eddyi_sys_set_blocking(int fd);

/* Sockets, in sys_socket.c. None of these blocks, whatever the descriptor's flags are. */
struct sockaddr;
/* bytes, 0 at the end, -EAGAIN */
EDDYI_DIRECT long eddyi_sys_recv(int fd, void *buf, size_t size);
/* bytes, never SIGPIPE, -EAGAIN */
EDDYI_DIRECT long eddyi_sys_send(int fd, const void *buf, size_t size);
/* non-blocking, close-on-exec */
int eddyi_sys_accept(int fd, struct sockaddr *addr, unsigned *addrlen);
/* the same, where the listener is known to be non-blocking */
int eddyi_sys_accept_nonblocking(int fd);
/* -EINPROGRESS, -EAGAIN */
int eddyi_sys_connect(int fd, const struct sockaddr *addr, unsigned addrlen);
int eddyi_sys_connect_result(int fd); /* of a connect in progress once @fd is writable: SO_ERROR */
int eddyi_sys_is_unix_socket(int fd); /* 1, 0 or -errno */
bool eddyi_sys_is_tcp(int fd);

/* What streams need, in sys_stream.c. Of descriptors that are non-blocking; never SIGPIPE. */
EDDYI_DIRECT long eddyi_sys_sendv(int fd, const struct iovec *iov, int n);
int eddyi_sys_shutdown_write(int fd);
/* closing a TCP socket resets the connection; others do not mind */
int eddyi_sys_reset_at_close(int fd);
int eddyi_sys_peername(int fd, struct sockaddr *addr, unsigned *addrlen);
int eddyi_sys_sockname(int fd, struct sockaddr *addr, unsigned *addrlen);
char *eddyi_sys_absolute_path(const char *path); /* for eddyi_free(); NULL: no memory */
int eddyi_sys_file_identity(const char *path, uint64_t *ret_device, uint64_t *ret_inode);

/* Making sockets, in sys_net.c. */
int eddyi_sys_socket(int family, int type, int protocol); /* non-blocking, close-on-exec */
int eddyi_sys_bind(int fd, const struct sockaddr *addr, unsigned addrlen);
int eddyi_sys_listen(int fd, int backlog);
int eddyi_sys_set_option(int fd, int level, int option, int value); /* setsockopt(2) of an int */
int eddyi_sys_get_option(int fd, int level, int option);            /* its value, or -errno */
/* The mode of the file that bind(2) makes, less the umask; and of one that is a socket and has
 * another. */
int eddyi_sys_set_socket_mode(int fd, unsigned mode);
int eddyi_sys_chmod_socket(const char *path, unsigned mode);
int eddyi_sys_hostname(char *buf, size_t size);
/* What changes when a file is written or replaced; all 0 where there is none. */
struct eddyi_file_stamp {
    int64_t size, inode, changed, written; /* times in nanoseconds */
};
void eddyi_sys_file_stamp(const char *path, struct eddyi_file_stamp *ret);
static inline bool eddyi_same_stamp(const struct eddyi_file_stamp *a,
                                    const struct eddyi_file_stamp *b)
{
    return a->size == b->size && a->inode == b->inode && a->changed == b->changed &&
           a->written == b->written;
}
/* Reads all of a regular file into memory that the caller owns, with a 0 behind it; an empty one is
 * fine. */
int eddyi_sys_read_file(const char *path, char **ret, size_t *ret_size);
void eddyi_sys_random(void *buf, size_t size); /* not to be guessed; a few bytes */
/* Datagrams. -EAGAIN where it would wait; addresses may be NULL. Bytes, with MSG_TRUNC in @flags as
 * many as there were. */
long eddyi_sys_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
                        unsigned *addrlen);
long eddyi_sys_sendto(int fd, const void *buf, size_t size, const struct sockaddr *addr,
                      unsigned addrlen);
int eddyi_sys_interface(const char *name); /* its number; also of a number. -ENODEV */
/* /etc/services. A port by name, -ENOENT; the name of a port, in host order, into @buf. */
int eddyi_sys_service_port(const char *name, const char *protocol);
int eddyi_sys_service_name(int port, const char *protocol, char *buf, size_t size);
/*
 * The C library's, which block. 0 or EAI_…, with *ret_error then for EAI_SYSTEM; the list is for
 * freeaddrinfo(3). The name is required (NI_NAMEREQD).
 */
struct addrinfo;
int eddyi_sys_getaddrinfo(const char *host, const struct addrinfo *hints, struct addrinfo **ret,
                          int *ret_error);
int eddyi_sys_getnameinfo(const struct sockaddr *addr, unsigned addrlen, char *host, size_t size,
                          int *ret_error);
int eddyi_sys_unlink_socket(const char *path); /* only if it is one; 0 also if there is none */

/* Messages, in sys_message.c. Neither blocks; never SIGPIPE; descriptors that are received are
 * close-on-exec. */
long eddyi_sys_recvmsg(int fd, struct msghdr *msg, int flags);
long eddyi_sys_sendmsg(int fd, const struct msghdr *msg, int flags);
void eddyi_sys_drop_rights(struct msghdr *msg); /* closes the descriptors that came with it */

/*
 * Files, in sys_file.c. These may block, but for the _nowait ones: -EAGAIN, or -EOPNOTSUPP if the
 * file cannot tell. An @offset < 0 is the file's own position. Those that begin with _ready are for
 * pipes and terminals that are: they do not block, whatever the descriptor's flags are.
 */
struct statx;
long eddyi_sys_preadv(int fd, const struct iovec *iov, int n, int64_t offset);
long eddyi_sys_pwritev(int fd, const struct iovec *iov, int n, int64_t offset); /* never SIGPIPE */
long eddyi_sys_preadv_nowait(int fd, const struct iovec *iov, int n, int64_t offset);
long eddyi_sys_ready_readv(int fd, const struct iovec *iov, int n);
long eddyi_sys_ready_writev(int fd, const struct iovec *iov, int n);
/* O_CLOEXEC | O_NONBLOCK added */
int eddyi_sys_openat(int dir, const char *path, int flags, unsigned mode);
void eddyi_sys_block_on_file(int fd); /* takes O_NONBLOCK off what is a file, or a directory */
int eddyi_sys_close_file(int fd);     /* and what close(2) says of it */
int eddyi_sys_statx(int dir, const char *path, int flags, struct statx *ret);
int eddyi_sys_fsync(int fd, bool data_only);
int eddyi_sys_renameat(int dir, const char *from, const char *to);
int eddyi_sys_unlinkat(int dir, const char *path, int flags);
int eddyi_sys_mkdirat(int dir, const char *path, unsigned mode);
/* bytes, no 0 behind them */
int eddyi_sys_readlinkat(int dir, const char *path, char *buf, size_t size);
int eddyi_sys_fchown(int fd, unsigned uid, unsigned gid);
int eddyi_sys_fchmod(int fd, unsigned mode);
int eddyi_sys_copy_attributes(const char *from, int to); /* in sys_attributes.c */
int eddyi_sys_make_temporary(char *pattern);             /* mkostemp(3); the descriptor */
long eddyi_sys_getdents(int fd, void *buf, size_t size);
void eddyi_sys_seek_back(int fd, size_t n);
int eddyi_sys_seek(int fd, int64_t position);
int64_t eddyi_sys_lseek(int fd, int64_t offset, int whence); /* the new position */
int eddyi_sys_ftruncate(int fd, int64_t size);
bool eddyi_sys_appends(int fd); /* O_APPEND */
/* From @in, at @offset, to a socket: does not wait for that one, whatever its flags are; never
 * SIGPIPE. */
long eddyi_sys_sendfile(int out, int in, int64_t offset, size_t size);
/* copy_file_range(2), at the positions of both. */
long eddyi_sys_copy_range(int in, int out, size_t size);

/* As whom the calling thread uses files, in sys_identity.c; and becoming somebody else: 0, or
 * -EPERM if it may not. */
struct eddyi_identity {
    unsigned uid, gid;
};
static inline bool eddyi_is_same_identity(struct eddyi_identity a, struct eddyi_identity b)
{
    return a.uid == b.uid && a.gid == b.gid;
}
struct eddyi_identity eddyi_sys_identity(void);
int eddyi_sys_become(struct eddyi_identity who);

/* Waiting, in sys_poll.c. */
struct epoll_event;
int eddyi_sys_epoll_create(void);
int eddyi_sys_epoll_ctl(int epfd, int op, int fd, unsigned events, uint64_t data);
/* @timeout in nanoseconds, < 0: for ever; never returns early. The number of events, or -errno. */
EDDYI_DIRECT int eddyi_sys_epoll_wait(int epfd, struct epoll_event *events, int n_events,
                                      int64_t timeout);
/*
 * 0 if one can wait for @fd to become ready to be read and written; -EPERM if it is ready always,
 * as files are; -EBADF.
 */
int eddyi_sys_pollable(int fd);
/*
 * The same of any event. Some of what fstat(2) calls a regular file has those: POSIX message
 * queues, /proc/self/mounts, trace_pipe. What is read there and written is a file's all the same.
 */
int eddyi_sys_watchable(int fd);
bool eddyi_sys_is_file(int fd); /* or a directory, or a disk */
int eddyi_sys_is_open(int fd);  /* 0 or -EBADF */
/* A terminal, or another device: what can be read from it does not come from whoever reads what is
 * written. */
bool eddyi_sys_is_device(int fd);
/* The poll(2) events that are there now; -EAGAIN if none. */
int eddyi_sys_events(int fd, unsigned events);
/* Sleeps until @fd is readable, at most @timeout nanoseconds; for when the usual wait is not
 * available. */
void eddyi_sys_nap(int fd, int64_t timeout);

/* Threads, in sys_thread.c. */
/* joinable; -EAGAIN */
int eddyi_sys_thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg);
void eddyi_sys_thread_name(const char *name); /* of the calling thread */
unsigned eddyi_sys_cpus(void);                /* that this process may use; >= 1 */
void eddyi_sys_mutex_init(
    /* for what is held very briefly: who finds it taken spins first */
    pthread_mutex_t *m);
/* a pause between two looks at what another processor will change */
static inline void eddyi_sys_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}
/* Sleeps while *word is @expected; returns when woken, when interrupted, or for no reason at
 * all. */
void eddyi_sys_futex_wait(atomic_uint *word, unsigned expected);
void eddyi_sys_futex_wake(atomic_uint *word); /* all who sleep there; also from a signal handler */

/* Processes and what connects them, in sys_process.c. Descriptors are close-on-exec. */
struct pollfd;
long eddyi_sys_fork(void);
long eddyi_sys_wait_child(long pid, bool block,
                          int *ret_status); /* -1: any child. Its pid, 0: none has ended */
int eddyi_sys_kill(long pid, int signo);
int eddyi_sys_socketpair(int type, int ret_fds[2]);
int eddyi_sys_pipe(int ret_fds[2]);
/* Off the numbers of standard input, output and error, in case the program has closed one of
 * those. */
int eddyi_sys_move_up(int *fd);
int eddyi_sys_open_null(void); /* to be read and written */
long eddyi_sys_read(int fd, void *data, size_t size);
long eddyi_sys_write(int fd, const void *data, size_t size);
int eddyi_sys_poll(struct pollfd *fds, unsigned n, int timeout_ms); /* interrupted is 0, too */
/* One message of a SOCK_SEQPACKET socket, with up to 2 descriptors; they wait. */
int eddyi_sys_send_message(int fd, const void *data, size_t size, const int *fds, unsigned n_fds);
/* 0: the end */
long eddyi_sys_recv_message(int fd, void *data, size_t size, int *ret_fds, unsigned n_fds);
uint64_t eddyi_sys_inode(int fd); /* of the file or socket; 0 if it cannot be told */
void eddyi_sys_hang_up(int fd);   /* ends a connection for all who have the descriptor */
/* standard input, output and error stay */
void eddyi_sys_close_all_but(const int *keep, unsigned n);
/* What a new process does to itself; where one fails, it goes on without. */
void eddyi_sys_read_nothing(void); /* standard input is at its end */
/* as a new program has them, but SIGINT does nothing; none is blocked */
void eddyi_sys_reset_signals(void);
void eddyi_sys_hold_sigchld(void); /* it interrupts eddyi_sys_poll_or_child(), and only that */
void eddyi_sys_end_with_parent(
    long pid); /* is killed when its parent ends; ends at once if that is not @pid any more */
/* Waits until @fd is readable, or a child has ended, or for no reason: whether it is. */
bool eddyi_sys_poll_or_child(int fd);

/* Users and groups by name, or by number as text, in sys_user.c. -ESRCH if there is none. They
 * block. */
int eddyi_sys_user_id(const char *name, unsigned *ret);
int eddyi_sys_group_id(const char *name, unsigned *ret);

/* For reports, in sys_image.c. */
/* to be read; then unmapped */
int eddyi_sys_map_file(const char *path, const void **ret, size_t *ret_size);
/* blocks; also from a signal handler */
int eddyi_sys_write_all(int fd, const char *buf, size_t size);

int eddyi_sys_sigaction(int signo, const struct sigaction *act, struct sigaction *ret_old);
int eddyi_sys_sigaltstack(const stack_t *stack, stack_t *ret_old);

long eddyi_sys_pid(void);
long eddyi_sys_tid(void);
bool eddyi_sys_is_main_thread(void);

/* CLOCK_MONOTONIC in nanoseconds; cannot fail. The second as of the latest tick, which may be 10 ms
 * ago, and three times as quickly. */
EDDYI_DIRECT int64_t eddyi_sys_now(void);
int64_t eddyi_sys_now_coarse(void);
void eddyi_sys_sleep(int64_t nanoseconds); /* of the calling thread; a signal may end it */

#endif
