/*
 * The one door to memory and to the kernel.
 *
 * Every allocation and every system call of eddy goes through a function named eddyi_alloc… or
 * eddyi_sys_…, declared here. A system call returns its result or -errno; errno itself is read
 * nowhere else. In a build with EDDY_FAULTS each of them first asks eddyi_fault(), through which
 * tests make any call fail; in other builds the question compiles to nothing.
 *
 * Code that needs another call adds it here.
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
/* Returns 0, or the -errno with which the call of this name fails instead of being made. */
int eddyi_fault(const char *call);
/* Counts allocations for tests: +1, -1. */
void eddyi_ledger(int change);
/* Returns true if the result of an operation, which has come, must be withheld for now
 * (fault.h). */
bool eddyi_is_withheld(void *op);
/* Withholds @result itself; false: the caller delivers it. */
bool eddyi_withhold(void *op, int result);
bool eddyi_any_withheld(void); /* a result is withheld: a wait for events must not sleep */
/* Returns the operation whose result was withheld for long enough, or NULL. */
void *eddyi_withheld_take(int *ret_result);
/*
 * Return how much of a transfer to ask of the kernel: all, unless tests cut it short (fault.h). A
 * vector that is cut is returned in @piece; so is that of a message, with the result true.
 */
size_t eddyi_short(int fd, size_t size);
const struct iovec *eddyi_short_vector(int fd, const struct iovec *iov, int *n,
                                       struct iovec *piece);
bool eddyi_short_message(int fd, const struct msghdr *msg, int flags, struct iovec *piece);
bool eddyi_short_any(void); /* some transfers are cut, so that a short one says nothing */
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
static inline bool eddyi_is_withheld(void *op)
{
    (void)op;
    return false;
}
static inline bool eddyi_withhold(void *op, int result)
{
    (void)op, (void)result;
    return false;
}
static inline bool eddyi_any_withheld(void)
{
    return false;
}
static inline void *eddyi_withheld_take(int *ret_result)
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

/* The functions behind those that follow: see sys_memory.c. */
extern struct eddyi_allocator {
    void *(*_Atomic alloc)(size_t size);
    void *(*_Atomic zalloc)(size_t n, size_t size);
    void *(*_Atomic resize)(void *p, size_t size);
    void (*_Atomic release)(void *p);
} eddyi_allocator;

#define EDDYI_ALLOCATOR(function)                                                                  \
    atomic_load_explicit(&eddyi_allocator.function, memory_order_relaxed)

/* Allocate memory. Return NULL when there is none; 0 bytes give a valid pointer. */
static inline void *eddyi_alloc(size_t size)
{
    void *p = eddyi_fault("malloc") ? NULL : EDDYI_ALLOCATOR(alloc)(size ? size : 1);

    if (p)
        eddyi_ledger(+1);
    return p;
}

static inline void *eddyi_zalloc(size_t size)
{
    void *p = eddyi_fault("malloc") ? NULL : EDDYI_ALLOCATOR(zalloc)(1, size ? size : 1);

    if (p)
        eddyi_ledger(+1);
    return p;
}

static inline void *eddyi_realloc(void *old, size_t size)
{
    void *p = eddyi_fault("realloc") ? NULL : EDDYI_ALLOCATOR(resize)(old, size ? size : 1);

    if (p && !old)
        eddyi_ledger(+1);
    return p;
}

static inline void eddyi_free(void *p)
{
    if (p)
        eddyi_ledger(-1);
    EDDYI_ALLOCATOR(release)(p);
}

char *eddyi_strdup(const char *s);

/* Returns the result of a system call in eddy's form. */
static inline long eddyi_sys_result(long rc)
{
    return rc < 0 ? -errno : rc;
}

/* mmap(2): private anonymous memory, MAP_NORESERVE; MAP_STACK when @stack. */
int eddyi_sys_map(size_t size, bool stack, void **ret);
void eddyi_sys_unmap(void *p, size_t size);
int eddyi_sys_protect_none(void *p, size_t size);
int eddyi_sys_advise(void *p, size_t size, int advice);
/* mincore(2): a byte for each page in *ret; its lowest bit: the page is in memory. */
int eddyi_sys_resident(void *p, size_t size, unsigned char *ret);
/* madvise(MADV_GUARD_INSTALL): -EINVAL from kernels before 6.13. */
int eddyi_sys_guard_install(void *p, size_t size);

int eddyi_sys_eventfd(void);          /* non-blocking, close-on-exec */
int eddyi_sys_eventfd_signal(int fd); /* from any thread, also from a signal handler */
int eddyi_sys_eventfd_drain(int fd);
void eddyi_sys_close(int fd);

/*
 * O_NONBLOCK of descriptors that eddy was given, in sys_borrow.c. borrow() sets it for the moment
 * of a call that must not block; it returns 0, and then the flag has to be given back, or -errno.
 * set() returns 1, 0 if the flag was set already, or -errno; set_blocking() clears it again.
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
/* Returns bytes, 0 at the end, -EAGAIN. */
EDDYI_DIRECT long eddyi_sys_recv(int fd, void *buf, size_t size);
/* Returns bytes, -EAGAIN; never raises SIGPIPE. */
EDDYI_DIRECT long eddyi_sys_send(int fd, const void *buf, size_t size);
/* Returns a non-blocking, close-on-exec descriptor. */
int eddyi_sys_accept(int fd, struct sockaddr *addr, unsigned *addrlen);
/* Accepts from a listener that is known to be non-blocking. */
int eddyi_sys_accept_nonblocking(int fd);
/* Returns -EINPROGRESS, -EAGAIN. */
int eddyi_sys_connect(int fd, const struct sockaddr *addr, unsigned addrlen);
int eddyi_sys_connect_result(int fd); /* of a connect in progress once @fd is writable: SO_ERROR */
int eddyi_sys_is_unix_socket(int fd); /* 1, 0 or -errno */
bool eddyi_sys_is_tcp(int fd);

/* Streams, in sys_stream.c, on non-blocking descriptors; never SIGPIPE. */
EDDYI_DIRECT long eddyi_sys_sendv(int fd, const struct iovec *iov, int n);
int eddyi_sys_shutdown_write(int fd);
/* Makes close reset a TCP connection; no effect on other sockets. */
int eddyi_sys_reset_at_close(int fd);
int eddyi_sys_peername(int fd, struct sockaddr *addr, unsigned *addrlen);
int eddyi_sys_sockname(int fd, struct sockaddr *addr, unsigned *addrlen);
/* The caller owns it, for eddyi_free(); NULL: no memory. */
char *eddyi_sys_absolute_path(const char *path);
int eddyi_sys_file_identity(const char *path, uint64_t *ret_device, uint64_t *ret_inode);

/* Making sockets, in sys_net.c. */
int eddyi_sys_socket(int family, int type, int protocol); /* non-blocking, close-on-exec */
int eddyi_sys_bind(int fd, const struct sockaddr *addr, unsigned addrlen);
int eddyi_sys_listen(int fd, int backlog);
int eddyi_sys_set_option(int fd, int level, int option, int value); /* setsockopt(2) of an int */
int eddyi_sys_get_option(int fd, int level, int option);            /* its value, or -errno */
/* Set the mode of the file that bind(2) will create, less the umask, and that of an existing file
 * if it is a socket. */
int eddyi_sys_set_socket_mode(int fd, unsigned mode);
int eddyi_sys_chmod_socket(const char *path, unsigned mode);
int eddyi_sys_hostname(char *buf, size_t size);
/* Data that change when a file is written or replaced; all 0 if there is no file. */
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
/* Reads all of a regular file. The caller owns *ret, which has a 0 after the bytes; an empty file
 * is fine. */
int eddyi_sys_read_file(const char *path, char **ret, size_t *ret_size);
void eddyi_sys_random(void *buf, size_t size); /* a few unpredictable bytes */
/* Datagrams. -EAGAIN where the call would wait; addresses may be NULL. Returns bytes, with
 * MSG_TRUNC in @flags the full size. */
long eddyi_sys_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
                        unsigned *addrlen);
long eddyi_sys_sendto(int fd, const void *buf, size_t size, const struct sockaddr *addr,
                      unsigned addrlen);
int eddyi_sys_interface(const char *name); /* its number, also of a number as text; -ENODEV */
/* /etc/services: the port of a name, or -ENOENT; and the name of a port, in host order, into
 * @buf. */
int eddyi_sys_service_port(const char *name, const char *protocol);
int eddyi_sys_service_name(int port, const char *protocol, char *buf, size_t size);
/*
 * The C library's lookups, which block. Return 0 or EAI_…, with *ret_error for EAI_SYSTEM; the list
 * is for freeaddrinfo(3). A name is required (NI_NAMEREQD).
 */
struct addrinfo;
int eddyi_sys_getaddrinfo(const char *host, const struct addrinfo *hints, struct addrinfo **ret,
                          int *ret_error);
int eddyi_sys_getnameinfo(const struct sockaddr *addr, unsigned addrlen, char *host, size_t size,
                          int *ret_error);
int eddyi_sys_unlink_socket(const char *path); /* only if it is a socket; 0 also if there is none */

/* Messages, in sys_message.c. Neither blocks; never SIGPIPE; received descriptors are
 * close-on-exec. */
long eddyi_sys_recvmsg(int fd, struct msghdr *msg, int flags);
long eddyi_sys_sendmsg(int fd, const struct msghdr *msg, int flags);
/* Batches of messages. Return their number, or the error of the first. */
struct mmsghdr;
long eddyi_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
long eddyi_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n);
void eddyi_sys_drop_rights(struct msghdr *msg); /* closes the descriptors that came with it */

/*
 * Files, in sys_file.c. These may block, except for the _nowait ones, which return -EAGAIN, or
 * -EOPNOTSUPP if the file cannot tell. An @offset < 0 is the file's own position. The _ready ones
 * are for pipes and terminals that are ready: they do not block, whatever the descriptor's flags
 * are.
 */
struct statx;
long eddyi_sys_preadv(int fd, const struct iovec *iov, int n, int64_t offset);
long eddyi_sys_pwritev(int fd, const struct iovec *iov, int n, int64_t offset); /* never SIGPIPE */
long eddyi_sys_preadv_nowait(int fd, const struct iovec *iov, int n, int64_t offset);
long eddyi_sys_ready_readv(int fd, const struct iovec *iov, int n);
long eddyi_sys_ready_writev(int fd, const struct iovec *iov, int n);
/* Adds O_CLOEXEC | O_NONBLOCK. */
int eddyi_sys_openat(int dir, const char *path, int flags, unsigned mode);
void eddyi_sys_block_on_file(int fd); /* clears O_NONBLOCK of a file or directory */
int eddyi_sys_close_file(int fd);     /* returns the result of close(2) */
int eddyi_sys_statx(int dir, const char *path, int flags, struct statx *ret);
int eddyi_sys_fsync(int fd, bool data_only);
int eddyi_sys_renameat(int dir, const char *from, const char *to);
int eddyi_sys_unlinkat(int dir, const char *path, int flags);
int eddyi_sys_mkdirat(int dir, const char *path, unsigned mode);
/* Returns bytes, without a terminating 0. */
int eddyi_sys_readlinkat(int dir, const char *path, char *buf, size_t size);
int eddyi_sys_fchown(int fd, unsigned uid, unsigned gid);
int eddyi_sys_fchmod(int fd, unsigned mode);
int eddyi_sys_copy_attributes(const char *from, int to); /* in sys_attributes.c */
int eddyi_sys_make_temporary(char *pattern);             /* mkostemp(3); returns the descriptor */
long eddyi_sys_getdents(int fd, void *buf, size_t size);
void eddyi_sys_seek_back(int fd, size_t n);
int eddyi_sys_seek(int fd, int64_t position);
int64_t eddyi_sys_lseek(int fd, int64_t offset, int whence); /* returns the new position */
int eddyi_sys_ftruncate(int fd, int64_t size);
bool eddyi_sys_appends(int fd); /* O_APPEND is set */
/* Sends from @in, at @offset, to a socket, without waiting for it, whatever its flags are; never
 * SIGPIPE. */
long eddyi_sys_sendfile(int out, int in, int64_t offset, size_t size);
/* copy_file_range(2), at the positions of both. */
long eddyi_sys_copy_range(int in, int out, size_t size);

/* The identity with which the calling thread uses files, in sys_identity.c. become() changes it;
 * returns 0, or -EPERM if that is not allowed. */
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
/* Waits for events. @timeout in nanoseconds, < 0: for ever; never returns early. Returns the number
 * of events, or -errno. */
EDDYI_DIRECT int eddyi_sys_epoll_wait(int epfd, struct epoll_event *events, int n_events,
                                      int64_t timeout);
/*
 * Returns 0 if @fd can be waited for until it is ready to be read or written; -EPERM if it is
 * always ready, as files are; -EBADF.
 */
int eddyi_sys_pollable(int fd);
/*
 * Returns 0 if @fd can be waited for until any event. Some regular files, by fstat(2), have events:
 * POSIX message queues, /proc/self/mounts, trace_pipe. Reading and writing them are those of a file
 * all the same.
 */
int eddyi_sys_watchable(int fd);
bool eddyi_sys_is_file(int fd); /* or a directory, or a disk */
int eddyi_sys_is_open(int fd);  /* 0 or -EBADF */
/* Returns true for a terminal or another device: what is read from it does not come from the reader
 * of what is written. */
bool eddyi_sys_is_device(int fd);
/* Returns the poll(2) events that are there now; -EAGAIN if none. */
int eddyi_sys_events(int fd, unsigned events);
/* Sleeps until @fd is readable, at most @timeout nanoseconds; for when the usual wait is not
 * available. */
void eddyi_sys_nap(int fd, int64_t timeout);

/* Threads, in sys_thread.c. */
/* joinable; -EAGAIN */
int eddyi_sys_thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg);
void eddyi_sys_thread_name(const char *name); /* of the calling thread */
unsigned eddyi_sys_cpus(void);                /* that this process may use; >= 1 */
/* Makes a mutex that is held very briefly: a thread that finds it locked spins first. */
void eddyi_sys_mutex_init(pthread_mutex_t *m);
/* Pauses between two looks at memory that another processor will change. */
static inline void eddyi_sys_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}
/* Sleeps while *word is @expected; returns when woken, when interrupted, or spuriously. */
void eddyi_sys_futex_wait(atomic_uint *word, unsigned expected);
/* Wakes all threads that sleep there; also from a signal handler. */
void eddyi_sys_futex_wake(atomic_uint *word);

/* Processes and their connections, in sys_process.c. Descriptors are close-on-exec. */
struct pollfd;
long eddyi_sys_fork(void);
/* Waits for a child, or for any if @pid is -1. Returns its pid, 0: none has ended. */
long eddyi_sys_wait_child(long pid, bool block, int *ret_status);
int eddyi_sys_kill(long pid, int signo);
int eddyi_sys_socketpair(int type, int ret_fds[2]);
int eddyi_sys_pipe(int ret_fds[2]);
/* Moves *fd to 3 or above, so that it cannot pass for stdin, stdout or stderr. */
int eddyi_sys_move_up(int *fd);
int eddyi_sys_open_null(void); /* for reading and writing */
long eddyi_sys_read(int fd, void *data, size_t size);
long eddyi_sys_write(int fd, const void *data, size_t size);
/* Returns 0 also when interrupted. */
int eddyi_sys_poll(struct pollfd *fds, unsigned n, int timeout_ms);
/* Send and receive one message of a SOCK_SEQPACKET socket, with up to 2 descriptors; both wait. */
int eddyi_sys_send_message(int fd, const void *data, size_t size, const int *fds, unsigned n_fds);
/* Returns 0 at the end. */
long eddyi_sys_recv_message(int fd, void *data, size_t size, int *ret_fds, unsigned n_fds);
uint64_t eddyi_sys_inode(int fd); /* of the file or socket; 0 if unknown */
void eddyi_sys_hang_up(int fd);   /* ends a connection for all processes that have the descriptor */
/* Keeps standard input, output and error. */
void eddyi_sys_close_all_but(const int *keep, unsigned n);
/* Preparations that a new process makes; it goes on without any that fails. */
void eddyi_sys_read_nothing(void); /* standard input is at its end */
/* Resets all signals to those of a new program, but SIGINT does nothing; none is blocked. */
void eddyi_sys_reset_signals(void);
void eddyi_sys_hold_sigchld(void); /* it interrupts eddyi_sys_poll_or_child(), and only that */
/* Has this process killed when its parent ends; ends it at once if the parent is no longer @pid. */
void eddyi_sys_end_with_parent(long pid);
/* Waits until @fd is readable, a child has ended, or spuriously. Returns true if @fd is
 * readable. */
bool eddyi_sys_poll_or_child(int fd);

/* Users and groups by name, or by number as text, in sys_user.c. -ESRCH if there is none. They
 * block. */
int eddyi_sys_user_id(const char *name, unsigned *ret);
int eddyi_sys_group_id(const char *name, unsigned *ret);

/* Reports, in sys_image.c. */
/* Maps a file for reading, until it is unmapped. */
int eddyi_sys_map_file(const char *path, const void **ret, size_t *ret_size);
/* blocks; also from a signal handler */
int eddyi_sys_write_all(int fd, const char *buf, size_t size);

int eddyi_sys_sigaction(int signo, const struct sigaction *act, struct sigaction *ret_old);
int eddyi_sys_sigaltstack(const stack_t *stack, stack_t *ret_old);

long eddyi_sys_pid(void);
long eddyi_sys_tid(void);
bool eddyi_sys_is_main_thread(void);

/* Return CLOCK_MONOTONIC in nanoseconds; cannot fail. The coarse one is that of the latest tick, up
 * to 10 ms ago, and takes a third of the time. */
EDDYI_DIRECT int64_t eddyi_sys_now(void);
int64_t eddyi_sys_now_coarse(void);
void eddyi_sys_sleep(int64_t nanoseconds); /* of the calling thread; a signal may end it */

#endif
