/* Opens files below a folder, and nowhere else. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

/* A file that a thread will open. */
struct opening {
    int root;
    char path[HTTP_MAX_TARGET + 16];
};

static int open_now(int root, const char *path, uint64_t resolve)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | resolve};
    long fd;

    do
        fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : (int)fd;
}

/*
 * Opens the file, in a thread. Returns the descriptor plus one as a pointer, since NULL means none.
 */
static int open_in_thread(void *arg)
{
    const struct opening *o = arg;
    int fd = open_now(o->root, o->path, 0);

    return fd < 0 ? fd : eddy_return((void *)(intptr_t)(fd + 1));
}

/* Closes a descriptor that no task waits for any more. */
static void close_opened(void *value)
{
    close((int)(intptr_t)value - 1);
}

int open_beneath(int root, const char *path)
{
    /* A file in the kernel's cache is opened at once; any other could block the loop. */
    int fd = open_now(root, path, RESOLVE_CACHED);
    struct opening o = {.root = root};
    void *value;

    if (fd != -EAGAIN && fd != -EINVAL) /* -EINVAL: a kernel without RESOLVE_CACHED */
        return fd;
    snprintf(o.path, sizeof o.path, "%s", path);
    eddy_try(eddy_await_value(
        eddy_to_thread(open_in_thread, &o, .size = sizeof o, .drop_value = close_opened), &value));
    return (int)(intptr_t)value - 1;
}

bool open_beneath_is_supported(int root)
{
    int fd = open_now(root, ".", 0);

    if (fd >= 0)
        close(fd);
    /* -EPERM: a filter of system calls that does not know openat2() */
    return fd != -ENOSYS && fd != -EPERM;
}
