/*
 * O_NONBLOCK on descriptors that were given to eddy.
 *
 * The flag belongs to the open file, which other threads and processes may share. A thread that
 * finds the flag set, while another has only borrowed it, would be left waiting in its call when
 * the flag is given back. So a borrower holds a lock while it looks, calls, and gives back: a
 * mutex, and between processes a record lock, on a byte beyond any that others lock. The record
 * lock is for descriptors that can be written to, as sockets and terminals can. A process that is
 * stopped while it has the lock is not waited for.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_STRIPES = 64, ATTEMPTS = 1000 };

static pthread_mutex_t stripes[N_STRIPES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Makes new mutexes; in a forked child, threads that do not exist there may have locked the old
 * ones. */
static void init_stripes(void)
{
    for (int i = 0; i < N_STRIPES; i++)
        pthread_mutex_init(&stripes[i], NULL);
}

static void begin(void)
{
    init_stripes();
    pthread_atfork(NULL, NULL, init_stripes);
}

static int lock_record(int fd, int type)
{
    struct flock range = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = INT64_MAX - 1, .l_len = 1};

    return (int)eddyi_sys_result(fcntl(fd, F_SETLK, &range));
}

static bool lock_out_processes(int fd)
{
    int rc = -EAGAIN;

    for (int i = 0; (rc == -EAGAIN || rc == -EACCES) && i < ATTEMPTS; i++) {
        if (i > 0)
            sched_yield();
        rc = lock_record(fd, F_WRLCK);
    }
    return rc == 0;
}

static int lock(int fd, struct eddyi_borrowed *b)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    pthread_once(&once, begin);
    b->fd = fd;
    b->mutex = &stripes[st.st_ino % N_STRIPES];
    pthread_mutex_lock(b->mutex);
    b->locked = lock_out_processes(fd);
    return 0;
}

static void unlock(const struct eddyi_borrowed *b)
{
    if (b->locked)
        lock_record(b->fd, F_UNLCK);
    pthread_mutex_unlock(b->mutex);
}

/* Sets the flag. Returns 1, 0 if it was set already, or -errno. */
static int set(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || flags & O_NONBLOCK)
        return flags < 0 ? -errno : 0;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 1;
}

static void clear(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int eddyi_borrow_nonblocking(int fd, struct eddyi_borrowed *ret)
{
    int rc = lock(fd, ret);

    if (rc < 0)
        return rc;
    rc = set(fd);
    ret->was_blocking = rc == 1;
    if (rc < 0)
        unlock(ret);
    return rc < 0 ? rc : 0;
}

void eddyi_give_back(const struct eddyi_borrowed *b)
{
    if (b->was_blocking)
        clear(b->fd);
    unlock(b);
}

int eddyi_sys_set_nonblocking(int fd)
{
    struct eddyi_borrowed b;
    int f = eddyi_fault("fcntl");
    int rc = f < 0 ? f : lock(fd, &b);

    if (rc < 0)
        return rc;
    rc = set(fd);
    unlock(&b);
    return rc;
}

void eddyi_sys_set_blocking(int fd)
{
    struct eddyi_borrowed b;

    if (lock(fd, &b) < 0)
        return;
    clear(fd);
    unlock(&b);
}
