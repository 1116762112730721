/*
 * Transfers cut short, for tests: see fault.h.
 */
#include "base/fault.h"

#ifdef EDDY_FAULTS

#include "base/sys.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

/*
 * The first transfers of a process move hardly anything. Later ones move a share of what was asked
 * for, or megabytes would take minutes.
 */
enum { CUT_DOWN = 1000, SHARE = 64 };

static atomic_size_t most; /* 0: nothing is cut */
static atomic_ulong transfers;

void eddyi_fault_short(size_t size)
{
    atomic_store(&most, size);
    atomic_store(&transfers, 0);
}

/* Reads the environment at the start of the program, which may run without a harness. */
__attribute__((constructor)) static void look_at_environment(void)
{
    const char *text = secure_getenv("EDDY_SHORT");

    if (text)
        eddyi_fault_short(strtoul(text, NULL, 0));
}

/*
 * Returns true if the descriptor carries messages, which are not cut: of the sockets only streams
 * are none, and a descriptor without a file type is inotify, eventfd or the like.
 */
static bool has_messages(int fd)
{
    int type;
    socklen_t length = sizeof type;
    struct stat st;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0)
        return type != SOCK_STREAM;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

bool eddyi_short_any(void)
{
    return atomic_load_explicit(&most, memory_order_relaxed) > 0;
}

static bool is_cut(int fd)
{
    int saved = errno;
    bool cut = eddyi_short_any() && !has_messages(fd);

    errno = saved;
    return cut;
}

size_t eddyi_short(int fd, size_t size)
{
    size_t limit = atomic_load_explicit(&most, memory_order_relaxed);

    if (!is_cut(fd) || size <= limit)
        return size;
    if (atomic_fetch_add(&transfers, 1) >= CUT_DOWN && size / SHARE > limit)
        return size / SHARE;
    return limit;
}

const struct iovec *eddyi_short_vector(int fd, const struct iovec *iov, int *n, struct iovec *piece)
{
    int first = 0;

    if (!is_cut(fd))
        return iov;
    while (first < *n && iov[first].iov_len == 0)
        first++;
    if (first == *n)
        return iov;
    *n = 1;
    *piece = (struct iovec){iov[first].iov_base, eddyi_short(fd, iov[first].iov_len)};
    return piece;
}

bool eddyi_short_message(int fd, const struct msghdr *msg, int flags, struct iovec *piece)
{
    int n = (int)msg->msg_iovlen;

    if (msg->msg_control || flags & MSG_WAITALL)
        return false;
    return eddyi_short_vector(fd, msg->msg_iov, &n, piece) == piece;
}

#else

typedef int eddyi_short_unused; /* a source file may not be empty */

#endif
